"""Reads an org with simple-salesforce, and prints what it found."""
import json
import sys

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceMalformedRequest

given = json.load(sys.stdin)


class Org(HTTPAdapter):
    """The client calls the service by HTTPS alone; this leads it to the org."""

    def send(self, request, **options):
        scheme, _, rest = request.url.partition("://")
        request.url = given["url"] + "/" + rest.partition("/")[2]
        return super().send(request, **options)


def session():
    made = requests.Session()
    made.trust_env = False
    made.mount("https://", Org())
    return made


def by_secret():
    return Salesforce(domain="simulated.my", consumer_key=given["client"], consumer_secret=given["secret"],
                      session=session(), version="62.0")


def by_key():
    return Salesforce(username=given["user"], consumer_key=given["client"], privatekey=given["key"],
                      session=session(), version="62.0")


def names(records):
    return [record["Name"] for record in records]


found = {}
org = by_secret()
soql = "SELECT Id, Name, Revenue, SystemModstamp FROM Account ORDER BY SystemModstamp, Id"
first = org.query(soql)
found["first"] = [first["totalSize"], first["done"], len(first["records"])]
# The session ends before the second page: the client logs in again.
found["all"] = [dict(record, attributes=None) for record in org.query_all(soql)["records"]]
found["with deleted"] = names(org.query_all_iter("SELECT Name FROM Account", include_deleted=True))
found["where"] = names(org.query_all_iter("SELECT Name FROM Account WHERE Name LIKE 'it\\'s%' OR Revenue >= 2473"))
found["count"] = org.query("SELECT COUNT() FROM Account")["totalSize"]
found["usage"] = list(org.api_usage["api-usage"])
about = {field["name"]: field["type"] for field in org.Account.describe()["fields"]}
found["fields"] = [about["Name"], about["SystemModstamp"], about["Revenue"]]
found["objects"] = [about["name"] for about in org.describe()["sobjects"]]
found["limit"] = org.limits()["DailyApiRequests"]["Max"]
found["one"] = org.Account.get(found["all"][0]["Id"])["Name"]
replicated = org.restful("sobjects/Account/deleted/", params={"start": given["start"], "end": given["end"]})
found["deleted"] = sorted(record["id"] for record in replicated["deletedRecords"])
found["bulk"] = list(org.bulk2.Account.query("SELECT Name, Revenue FROM Account", max_records=900, wait=0))
found["bulk with deleted"] = list(org.bulk2.Account.query_all("SELECT Name FROM Account", wait=0))
found["by key"] = by_key().query("SELECT COUNT() FROM Account")["totalSize"]
try:
    org.query("SELECT Nothing FROM Account")
except SalesforceMalformedRequest as error:
    found["refused"] = error.content[0]["errorCode"]
try:
    given["secret"] = "wrong"
    by_secret()
except SalesforceAuthenticationFailed as error:
    found["not let in"] = error.code
print(json.dumps(found))
