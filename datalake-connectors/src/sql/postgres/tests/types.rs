//! Every type, against what the server itself says of its values.

use serde_json::{Value, json};

use super::{database, read, records, table, texts};

/// Types with values as SQL, and what they become where that is not what `to_jsonb` makes of them.
const VALUES: &[(&str, &str, Option<&str>)] = &[
    ("bigint", "9223372036854775807", None),
    ("smallint", "-32768", None),
    ("boolean", "true", None),
    ("numeric", "'123456789012345678901234567890.123456789000'", None),
    ("numeric(10,2)", "0.30", None),
    ("numeric", "'NaN'", None),
    ("numeric", "'-Infinity'", None),
    ("double precision", "0.1", None),
    ("double precision", "1e300", None),
    ("double precision", "'-Infinity'", None),
    ("real", "'NaN'", None),
    ("real", "3.4028235e38", None),
    ("text", "E'tab\\tline\\nback\\\\slash \\x01\\x7f quote\" ü 😀'", None),
    ("text", "'\\N'", None),
    ("text", "''", None),
    ("varchar(5)", "'abc'", None),
    ("char(5)", "'abc'", None),
    ("name", "'abc'", None),
    ("\"char\"", "'x'", None),
    ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", None),
    ("date", "'2024-02-29'", None),
    ("date", "'infinity'", None),
    ("time", "'23:59:59.999999'", None),
    ("timetz", "'10:00+02'", None),
    ("timestamp", "'2024-01-02 03:04:05.678901'", None),
    ("timestamptz", "'2024-01-02 03:04:05.678901+02'", Some("\"2024-01-02T01:04:05.678901Z\"")),
    ("timestamptz", "'infinity'", None),
    ("timestamptz", "'0044-03-15 12:00:00 BC'", Some("\"0044-03-15T12:00:00Z BC\"")),
    ("timestamptz", "'20000-01-01'", Some("\"20000-01-01T00:00:00Z\"")),
    ("interval", "'1 year 2 months 3 days 04:05:06.7'", None),
    ("money", "1234.5", None),
    ("bytea", "'\\x00ff10'", Some("\"AP8Q\"")),
    ("bytea", "''", Some("\"\"")),
    (
        "json",
        "E'{ \"b\": 0.30,\\n \"a\": [1e300, \"x\\\\u00fc\"] }'",
        Some("{ \"b\": 0.30,  \"a\": [1e300, \"x\\u00fc\"] }"),
    ),
    ("jsonb", "'{\"b\": 0.30, \"a\": [12345678901234567890]}'", None),
    ("jsonb", "'null'", None),
    ("inet", "'192.168.0.1/24'", None),
    ("cidr", "'10.0.0.0/8'", None),
    ("macaddr", "'08:00:2b:01:02:03'", None),
    ("bit(4)", "B'1010'", None),
    ("varbit", "B'10'", None),
    ("point", "'(1,2)'", None),
    ("xml", "'<a>b</a>'", None),
    ("tsvector", "'a:1 b:2'", None),
    ("int4range", "'[1,10)'", None),
    ("tstzrange", "'[2024-01-01,)'", None),
    ("int4multirange", "'{[1,3),[5,8)}'", None),
    ("pg_lsn", "'16/B374D848'", None),
    ("xid8", "'18446744073709551615'", None),
    ("oid", "4294967295", Some("\"4294967295\"")),
    ("int[]", "'{1,NULL,3}'", None),
    ("int[]", "'{{1,2},{3,4}}'", None),
    ("text[]", "ARRAY['a,b', 'c\"d', 'e\\f', '', 'NULL', NULL, E'g\\nh']", None),
    ("numeric[]", "'{0.10,NaN}'", None),
    ("boolean[]", "'{t,f}'", None),
    ("bytea[]", "ARRAY['\\x00'::bytea]", Some("[\"AA==\"]")),
    ("jsonb[]", "ARRAY['{\"a\": [1]}'::jsonb, NULL]", None),
    ("timestamptz[]", "ARRAY['2024-01-01+00'::timestamptz]", Some("[\"2024-01-01T00:00:00Z\"]")),
    ("box[]", "'{(1,1),(0,0);(3,3),(2,2)}'", None),
    ("mood", "'so, so'", None),
    ("mood[]", "ARRAY['so, so', 'good']::mood[]", None),
    ("positive", "7", None),
    ("place", "ROW(1, E'a \"b\" (c,\\\\)', ARRAY[1,2], NULL)", None),
    ("place[]", "ARRAY[ROW(1, 'x', '{}', 'good')::place, NULL]", None),
    ("positive[]", "ARRAY[1,2]::positive[]", None),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_type_becomes_what_the_server_says_of_it() {
    let Some(database) = database() else { return };
    let columns = VALUES.iter().enumerate().map(|(n, (of, value, _))| format!("({value})::{of} AS c{n}"));
    let columns = columns.collect::<Vec<_>>().join(", ");
    database.sql(&format!(
        "CREATE TYPE mood AS ENUM ('so, so', 'good'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
         CREATE TYPE place AS (n bigint, \"a name\" text, list int[], mood mood);
         CREATE TABLE t AS SELECT 1::bigint AS id, {columns};
         INSERT INTO t (id) VALUES (2)"
    ));
    let told = database.sql(
        "SET intervalstyle = 'iso_8601'; SET timezone = 'UTC'; SELECT to_jsonb(t)::text FROM t ORDER BY id",
    );
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // The settings of a session that Redshift does not know are those of the database.
    database.sql(&format!("ALTER DATABASE {} SET intervalstyle = 'iso_8601'", database.name()));
    for source in [table(&database, "t").key(["id"]), table(&database, "t").redshift().key(["id"])] {
        let batches = read(&source, None).await.unwrap();
        let (rows, text) = (records(&batches), &texts(&batches)[0]);
        for (n, (of, value, otherwise)) in VALUES.iter().enumerate() {
            let name = format!("c{n}");
            match otherwise {
                // Byte for byte, since numbers may be beyond what the parser keeps.
                Some(expected) => {
                    assert!(text.contains(&format!("\"{name}\":{expected}")), "{of} {value}: {text}");
                }
                None => assert_eq!(rows[0][&name], told[0][&name], "{of} {value}"),
            }
            assert_eq!(rows[1][&name], Value::Null, "{of}");
        }
        for exact in ["123456789012345678901234567890.123456789000", ":0.30,", "9223372036854775807"] {
            assert!(text.contains(exact), "{exact} in {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_table_says_its_schema() {
    let Some(database) = database() else { return };
    database.sql("CREATE TABLE t (id bigint PRIMARY KEY, price numeric(10,2), day date, at timestamptz, more jsonb, tags text[])");
    let expected = "{\"id\":\"int64\",\"price\":\"decimal(10,2)\",\"day\":\"date\",\"at\":\"timestamp\",\"more\":\"json\",\"tags\":[\"text\"]}";
    assert_eq!(table(&database, "t").build().unwrap().schema().await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_column_that_is_added_or_changed_is_right_from_the_next_cycle_on() {
    let Some(database) = database() else { return };
    database.sql("CREATE TABLE t (id bigint PRIMARY KEY, n text); INSERT INTO t VALUES (1, '1')");
    let source = table(&database, "t").mode(super::Mode::keyset("id", ["n"]));
    let mut before = read(&source, None).await.unwrap();
    database.sql("ALTER TABLE t ALTER n TYPE numeric USING n::numeric, ADD more boolean; INSERT INTO t VALUES (2, 2.0, true)");
    let after = read(&source, super::end(&before)).await.unwrap();
    before.extend(after);
    let expected = [json!({"id": 1, "n": "1"}), json!({"id": 2, "n": 2.0, "more": true})];
    assert_eq!(records(&before), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_query_is_read_as_a_table_and_names_are_taken_as_they_are() {
    let Some(database) = database() else { return };
    database.sql(
        "CREATE SCHEMA \"Odd; \"\"Schema\"; CREATE TABLE \"Odd; \"\"Schema\".\"T'1\" (\"a b\" int PRIMARY KEY, \"x\"\"y\" text);
         INSERT INTO \"Odd; \"\"Schema\".\"T'1\" VALUES (1, 'p'), (2, 'q')",
    );
    let odd = "\"Odd; \"\"Schema\".\"T'1\"";
    let expected = [json!({"a b": 1, "x\"y": "p"}), json!({"a b": 2, "x\"y": "q"})];
    assert_eq!(records(&read(&table(&database, odd).page_rows(1), None).await.unwrap()), expected);
    let query = format!("SELECT *, 1 AS one FROM {odd} WHERE \"a b\" > 1");
    let query = super::PostgresSource::query(super::dataset(), database.url(), query).key(["a b"]);
    let rows = records(&read(&query, None).await.unwrap());
    assert_eq!(rows, [json!({"a b": 2, "x\"y": "q", "one": 1})]);
    let some = table(&database, odd).columns(["x\"y"]);
    assert_eq!(records(&read(&some, None).await.unwrap()), expected, "the key is always read");
}
