import hashlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

stream, form, threads, path = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
client = boto3.client(
    "kinesis",
    aws_access_key_id="test",
    aws_secret_access_key="test",
    config=Config(max_pool_connections=threads, retries={"max_attempts": 0}),
)


def entry(number, line):
    id = hashlib.sha256(b"%d:%s" % (number, line)).hexdigest()[:32]
    if form == "cloudevents":
        line = json.dumps({
            "specversion": "1.0", "id": id, "source": "/bench", "type": "bench", "subject": "bench",
            "time": "2026-11-22T10:00:00.000Z", "datacontenttype": "application/json",
            "lakerecord": "bench/1/%d" % number, "data": json.loads(line),
        }, separators=(",", ":")).encode()
    return {"Data": line, "PartitionKey": id}


def put(records):
    while records:
        answer = client.put_records(StreamName=stream, Records=records)
        if not answer["FailedRecordCount"]:
            return
        records = [record for record, result in zip(records, answer["Records"]) if "ErrorCode" in result]


def calls():
    records = []
    with open(path, "rb") as lines:
        for number, line in enumerate(lines):
            records.append(entry(number, line.rstrip(b"\n")))
            if len(records) == 500:
                yield records
                records = []
    if records:
        yield records


begun = time.perf_counter()
if threads == 1:
    for records in calls():
        put(records)
else:
    with ThreadPoolExecutor(threads) as pool:
        under_way = []
        for records in calls():
            under_way.append(pool.submit(put, records))
            if len(under_way) > 2 * threads:
                under_way.pop(0).result()
        for done in under_way:
            done.result()
print(time.perf_counter() - begun)
