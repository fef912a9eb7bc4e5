"""The transformation of a Firehose event as one writes it in Python.

Reads the event from the file that it is given. For each line on standard input, `json` for the standard library or
`orjson`, it transforms the event once with that and prints the seconds, on the clock and of the processor. In the end it
writes the last answer of each:

    python firehose.py EVENT ANSWER bare|lineage
"""

import base64
import json
import sys
import time
from datetime import datetime, timezone

import orjson


def transform(event, loads, dumps, lineage):
    event = loads(event)
    hop = {
        "by": "transform/1",
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "steps": ["not-cancelled/1", "no-notes/1", "old-code/1", "mask-email/1", "total/1"],
        "config": "0123456789abcdef",
        "run": event["invocationId"],
    }
    answers = []
    for record in event["records"]:
        answer = {"recordId": record["recordId"], "result": "Ok", "data": ""}
        try:
            order = loads(base64.b64decode(record["data"]))
            if order["state"] == "cancelled":
                answer["result"] = "Dropped"
            else:
                order.pop("internal_note", None)
                if "legacy_code" in order:
                    order["code"] = order.pop("legacy_code")
                if "email" in order["customer"]:
                    order["customer"]["email"] = "***"
                order["total"] = float(order["total"])
                if lineage:
                    order["_lake"] = {"h": [hop]}
                answer["data"] = base64.b64encode(dumps(order) + b"\n").decode("ascii")
        except ValueError:
            answer["result"] = "ProcessingFailed"
            answer["data"] = record["data"]
        answers.append(answer)
    return dumps({"records": answers})


def standard(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def main():
    path, out, lineage = sys.argv[1], sys.argv[2], sys.argv[3] == "lineage"
    with open(path, "rb") as file:
        event = file.read()
    with_what = {"json": (json.loads, standard), "orjson": (orjson.loads, orjson.dumps)}
    answers = {}
    for line in sys.stdin:
        name = line.strip()
        loads, dumps = with_what[name]
        start = time.perf_counter(), time.process_time()
        answers[name] = transform(event, loads, dumps, lineage)
        print(time.perf_counter() - start[0], time.process_time() - start[1], flush=True)
    for name, answer in answers.items():
        with open(f"{out}.{name}", "wb") as file:
            file.write(answer)


main()
