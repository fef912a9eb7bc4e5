"""Reads Parquet files with PyArrow and with DuckDB and compares every value with lines of JSON.

The argument is a JSON file: a list of {"name", "lines", "files"}. Lines carry their lineage in "_lake".
"""

import datetime
import decimal
import json
import sys

import duckdb
import pyarrow
import pyarrow.parquet

RESERVED = ("_lake_batch", "_lake_ord", "_lake_child", "_lake_wrapped", "_lake_rescued")


def load(text):
    return json.loads(text, parse_float=decimal.Decimal)


def is_json(text):
    try:
        load(text)
        return True
    except ValueError:
        return False


def same(expected, found):
    """Whether a value of a column says what the JSON value says."""
    if expected is None or found is None:
        return expected is None and found is None
    if isinstance(found, bool) or isinstance(expected, bool):
        return expected is found or (isinstance(found, str) and load(found) is expected)
    if isinstance(expected, (int, decimal.Decimal)):
        if isinstance(found, float):
            return decimal.Decimal(repr(found)) == expected
        if isinstance(found, str):
            return load(found) == expected
        return isinstance(found, (int, decimal.Decimal)) and found == expected
    if isinstance(expected, str):
        if isinstance(found, datetime.datetime):
            return found.utcoffset() == datetime.timedelta(0) and found == datetime.datetime.fromisoformat(expected)
        if isinstance(found, datetime.date):
            return found.isoformat() == expected
        return isinstance(found, str) and (found == expected or (is_json(expected) and load(found) == expected))
    if isinstance(found, str):
        return load(found) == expected
    if isinstance(expected, list):
        if not isinstance(found, list) or len(expected) != len(found):
            return False
        return all(same(*pair) for pair in zip(expected, found))
    if not isinstance(found, dict):
        return False
    return all(same(expected.get(name), found.get(name)) for name in expected.keys() | found.keys())


def identity(row):
    return row["_lake_batch"], row["_lake_ord"], row.get("_lake_child") or 0


def compare(name, reader, expected, rows):
    problems = 0
    found = {identity(row): row for row in rows}
    if len(found) != len(rows) or len(rows) != len(expected):
        print(f"{name}: {reader} finds {len(rows)} rows, {len(found)} of them apart, and not {len(expected)}")
        problems += 1
    for key, record in expected.items():
        row = found.get(key)
        row = row and {column: value for column, value in row.items() if column not in RESERVED}
        if row is None or not same(record, row):
            problems += 1
            if problems <= 3:
                print(f"{name}: {reader} reads {key} as {row}, not as {record}")
    return problems


def main():
    problems = 0
    with open(sys.argv[1], encoding="utf-8") as file:
        sets = json.load(file)
    values = 0
    for data in sets:
        expected = {}
        with open(data["lines"], encoding="utf-8", newline="\n") as lines:
            for line in lines:
                record = load(line)
                lake = record.pop("_lake")
                expected[lake["b"], lake["i"], lake.get("c", 0)] = record
        values += sum(len(record) for record in expected.values())
        rows = []
        for path in data["files"]:
            # One file by itself: the folder's partition is no part of it.
            with pyarrow.OSFile(path) as file:
                rows += pyarrow.parquet.ParquetFile(file).read().to_pylist()
        problems += compare(data["name"], "pyarrow", expected, rows)
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        rows = []
        for path in data["files"]:
            query = "SELECT * FROM read_parquet(?, hive_partitioning = false)"
            rows += connection.sql(query, params=[path]).to_arrow_table().to_pylist()
        problems += compare(data["name"], "duckdb", expected, rows)
        if len(data["files"]) > 1:
            query = "SELECT count(*) FROM read_parquet(?, hive_partitioning = false, union_by_name = true)"
            (count,) = connection.execute(query, [data["files"]]).fetchone()
            problems += count != len(expected)
    versions = f"pyarrow {pyarrow.__version__}, duckdb {duckdb.__version__}"
    print(f"{len(sets)} data sets, {values} values, {problems} problems; {versions}")
    sys.exit(1 if problems else 0)


main()
