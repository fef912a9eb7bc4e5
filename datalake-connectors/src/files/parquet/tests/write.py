"""Writes Parquet files, and beside each the rows that Python reads in it, one a line."""

import base64
import datetime as d
import decimal
import json
import math
import pathlib
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

folder = pathlib.Path(sys.argv[1])


def fraction(micros):
    if micros % 1_000_000 == 0:
        return ""
    return f".{micros // 1000:03}" if micros % 1000 == 0 else f".{micros:06}"


def plain(value):
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(pair, tuple) for pair in value):
            if all(isinstance(key, str) for key, _ in value):
                return {key: plain(inner) for key, inner in value}
            return [{"key": plain(key), "value": plain(inner)} for key, inner in value]
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, d.datetime):
        zone = "Z" if value.tzinfo else ""
        value = value.astimezone(d.timezone.utc) if value.tzinfo else value
        return value.strftime("%Y-%m-%dT%H:%M:%S") + fraction(value.microsecond) + zone
    if isinstance(value, d.date):
        return value.isoformat()
    if isinstance(value, d.time):
        return value.strftime("%H:%M:%S") + fraction(value.microsecond)
    return value


def expect(name):
    rows = pq.read_table(folder / f"{name}.parquet").to_pylist()
    lines = [json.dumps(plain(row), ensure_ascii=False) for row in rows]
    (folder / f"{name}.json").write_text("\n".join(lines) + "\n")


utc, berlin = "UTC", "Europe/Berlin"
moment = d.datetime(2024, 1, 31, 12, 34, 56, 789000)
table = pa.table(
    {
        "i8": pa.array([-128, None, 127], pa.int8()),
        "u16": pa.array([0, None, 65535], pa.uint16()),
        "u32": pa.array([0, None, 2**32 - 1], pa.uint32()),
        "i64": pa.array([-(2**63), None, 2**63 - 1], pa.int64()),
        "u64": pa.array([0, None, 2**64 - 1], pa.uint64()),
        "f64": pa.array([0.1, math.nan, -math.inf], pa.float64()),
        "flag": pa.array([True, None, False]),
        "money": pa.array([decimal.Decimal("12.30"), None, decimal.Decimal("-0.05")], pa.decimal128(12, 2)),
        "huge": pa.array([decimal.Decimal("1" * 60 + ".25"), None, decimal.Decimal("-0.01")], pa.decimal256(76, 2)),
        "text": pa.array(["Ünïcödé 😀", None, ""]),
        "large": pa.array(["a", None, "b"], pa.large_string()),
        "word": pa.array(["x", None, "x"]).dictionary_encode(),
        "bytes": pa.array([b"\x00\xff", None, b""]),
        "fixed": pa.array([b"abcd", None, b"efgh"], pa.binary(4)),
        "day": pa.array([d.date(1, 1, 1), None, d.date(9999, 12, 31)]),
        "time": pa.array([d.time(0), None, d.time(23, 59, 59, 999999)], pa.time64("us")),
        "ms": pa.array([moment, None, d.datetime(1969, 12, 31, 23, 59, 59)], pa.timestamp("ms")),
        "utc": pa.array([moment, None, moment], pa.timestamp("us", utc)),
        "zone": pa.array([moment, None, moment], pa.timestamp("ms", berlin)),
        "list": pa.array([[1, None], None, []], pa.list_(pa.int32())),
        "fixed_list": pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.int32(), 2)),
        "struct": pa.array([{"a": 1, "b": [{"c": "x"}]}, None, {"a": None, "b": None}]),
        "map": pa.array([[("k", 1), ("l", None)], None, [("m", 2)]], pa.map_(pa.string(), pa.int32())),
        "numbered": pa.array([[(1, "a")], None, [(2, None)]], pa.map_(pa.int64(), pa.string())),
        "nothing": pa.nulls(3),
    }
)
for name, options in {
    "plain": {"compression": "none", "use_dictionary": False},
    "old": {"version": "1.0", "compression": "gzip", "store_schema": False},
    "pages": {"data_page_version": "2.0", "compression": "zstd", "write_page_checksum": True},
    "groups": {"row_group_size": 1, "compression": "brotli"},
}.items():
    pq.write_table(table, folder / f"{name}.parquet", **options)
    expect(name)
pq.write_table(
    pa.table({"old": pa.array([moment, None, d.datetime(1900, 1, 1)], pa.timestamp("us"))}),
    folder / "int96.parquet",
    use_deprecated_int96_timestamps=True,
)
expect("int96")
many = pa.table({"n": pa.array(range(5000)), "t": pa.array([f"row {n % 7}" for n in range(5000)])})
pq.write_table(many, folder / "many.parquet", row_group_size=2000, data_page_size=1000)
expect("many")

connection = duckdb.connect()
connection.execute(
    """copy (select i as id, i * 0.1::double as d, (i / 3)::decimal(18, 4) as m, 'text ' || i as t, i %% 2 = 0 as b,
    date '2024-01-31' + i::integer as day, timestamp '2024-01-31 12:34:56.789' as ts,
    timestamptz '2024-01-31 12:34:56.789+02' as tz, time '12:34:56' as ti, [i, null] as l,
    {'a': i, 'b': 'x'} as s, map {'k': i} as map, '\\x00\\xff'::blob as blob,
    18446744073709551615::ubigint as u, case when i = 1 then null else i end as n
    from range(3) t(i)) to '%s' (format parquet)"""
    % (folder / "duckdb.parquet")
)
expect("duckdb")
