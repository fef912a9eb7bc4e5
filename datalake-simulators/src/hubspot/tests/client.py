"""Reads a portal with the client that its maker publishes, and prints what it found."""
import json
import sys

from hubspot import HubSpot
from hubspot.crm import associations, companies, contacts

given = json.load(sys.stdin)


def client(token):
    return HubSpot(access_token=token, host=given["url"])


portal = client(given["token"])
found = {}


def plain(record):
    return {"id": record.id, "properties": record.properties, "archived": record.archived,
            "created": record.created_at.timestamp(), "updated": record.updated_at.timestamp()}


def search(body):
    return portal.crm.companies.search_api.do_search(companies.PublicObjectSearchRequest(**body))


names = ["name", "revenue", "founded"]
found["all"] = [plain(record) for record in portal.crm.companies.get_all(properties=names)]
found["archived"] = [record.id for record in portal.crm.companies.get_all(archived=True)]
sorts = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
pages, after = [], None
while True:
    page = search({"filter_groups": [{"filters": [{"propertyName": "revenue", "operator": "GTE", "value": "10"}]}],
                   "sorts": sorts, "properties": ["name"], "limit": 200, "after": after})
    pages.append([record.properties["name"] for record in page.results])
    if page.paging is None:
        break
    after = page.paging.next.after
found["search"] = [page.total, pages]
ids = [record["id"] for record in found["all"][:3]]
batch = portal.crm.companies.batch_api.read(companies.BatchReadInputSimplePublicObjectId(
    properties=["name"], properties_with_history=[], inputs=[{"id": id} for id in ids]))
found["batch"] = [record.properties["name"] for record in batch.results]
found["types"] = {about.name: about.type for about in portal.crm.properties.core_api.get_all("companies").results}
contact = portal.crm.contacts.get_all()[0].id
linked = portal.crm.associations.v4.batch_api.get_page(
    "contacts", "companies",
    associations.v4.BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": contact}]))
found["linked"] = [str(link.to_object_id) for link in linked.results[0].to]
page = portal.crm.contacts.basic_api.get_page(associations=["companies"])
found["linked in a list"] = [link.id for link in page.results[0].associations["companies"].results]
try:
    search({"sorts": sorts, "limit": 200, "after": "10000"})
except companies.ApiException as error:
    found["cap"] = [error.status, json.loads(error.body)["category"]]
try:
    client("wrong").crm.contacts.basic_api.get_page()
except contacts.ApiException as error:
    found["not let in"] = [error.status, json.loads(error.body)["category"]]
print(json.dumps(found))
