"""Snowplow's tracker for Python, at a collector on a port: tracker.py PORT

Writes a line `refused TRACKER` for each answer that was not good, and at the end one with the ids of all events.
"""

import json
import logging
import sys
import time

from snowplow_tracker import Emitter, PagePing, PageView, SelfDescribing, SelfDescribingJson, StructuredEvent, Subject, Tracker

logging.disable(logging.CRITICAL)
port = int(sys.argv[1])
# What is tracked while the collector refuses goes into one body.
kept = 3000
ids = []

for method in ("post", "get"):
    delivered = set()
    emitter = Emitter(
        "127.0.0.1",
        protocol="http",
        port=port,
        method=method,
        batch_size=2 * kept if method == "post" else 4,
        on_success=lambda sent: delivered.update(event["eid"] for event in sent),
        on_failure=lambda count, unsent: print("refused", method, flush=True),
    )
    subject = Subject().set_user_id("ü ser+&").set_screen_resolution(1920, 1080)
    tracker = Tracker("python-" + method, emitters=emitter, subject=subject, app_id="shop", encode_base64=method == "post")
    bought = SelfDescribingJson("iglu:com.acme/buy/jsonschema/1-0-0", {"sku": "~?>ü", "amount": 3})
    events = [
        PageView("https://shop.example/?q=a%20b&c", page_title="Räder & mehr"),
        StructuredEvent("cart", "add", label="x", value=12.5),
        SelfDescribing(bought, context=[SelfDescribingJson("iglu:com.acme/user/jsonschema/1-0-0", {"kind": "tester"})]),
        PagePing("https://shop.example/", max_y=900),
    ]
    if method == "post":
        events += [StructuredEvent("cart", "add", label="kept", property_="x" * 200, value=n) for n in range(kept)]
    sent = [tracker.track(event) for event in events]
    while not delivered.issuperset(sent):
        emitter.flush()
        time.sleep(0.05)
    ids += sent

print(json.dumps(ids), flush=True)
