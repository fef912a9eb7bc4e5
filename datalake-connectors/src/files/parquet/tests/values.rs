use ::parquet::column::writer::ColumnWriter;
use ::parquet::data_type::{Int96, Int96Type};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;

use super::*;

/// The values of a column.
fn of(array: ArrayRef) -> Vec<String> {
    let strip = |record: String| match record.strip_prefix("{\"c\":") {
        Some(value) => value.strip_suffix('}').unwrap().to_owned(),
        None => record,
    };
    records(file(vec![("c", array)], plain()), &Parquet::new()).into_iter().map(strip).collect()
}

#[test]
fn numbers_are_exact() {
    assert_eq!(
        of(Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX)]))),
        ["-9223372036854775808", "null", "9223372036854775807"]
    );
    assert_eq!(of(Arc::new(UInt64Array::from(vec![u64::MAX]))), ["18446744073709551615"]);
    assert_eq!(of(Arc::new(UInt8Array::from(vec![200]))), ["200"]);
    assert_eq!(of(Arc::new(Int8Array::from(vec![-100]))), ["-100"]);
    assert_eq!(of(Arc::new(Float32Array::from(vec![0.1, 3.0]))), ["0.1", "3.0"]);
    assert_eq!(of(Arc::new(Float64Array::from(vec![0.1 + 0.2]))), ["0.30000000000000004"]);
    assert_eq!(
        of(Arc::new(Float64Array::from(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]))),
        ["\"NaN\"", "\"Infinity\"", "\"-Infinity\""]
    );
    let money = |digits: i128| {
        let array = Decimal128Array::from(vec![digits]).with_precision_and_scale(38, 2).unwrap();
        of(Arc::new(array)).remove(0)
    };
    assert_eq!(money(1230), "\"12.30\"");
    assert_eq!(money(-5), "\"-0.05\"");
    assert_eq!(money(10_i128.pow(37) + 1), "\"100000000000000000000000000000000000.01\"");
}

#[test]
fn days_and_times_are_those_of_the_calendar() {
    assert_eq!(of(Arc::new(Date32Array::from(vec![19_753, -1]))), ["\"2024-01-31\"", "\"1969-12-31\""]);
    assert_eq!(of(Arc::new(Time64MicrosecondArray::from(vec![43_200_500_000]))), ["\"12:00:00.500\""]);
    assert_eq!(of(Arc::new(Time32MillisecondArray::from(vec![1]))), ["\"00:00:00.001\""]);
    assert!(
        of(Arc::new(Time64MicrosecondArray::from(vec![86_400_000_000])))[0]
            .starts_with("!row: the row 1, column \"c\"")
    );
    let micros = TimestampMicrosecondArray::from(vec![1_706_702_400_000_001, -1]);
    assert_eq!(
        of(Arc::new(micros.clone().with_timezone("UTC"))),
        ["\"2024-01-31T12:00:00.000001Z\"", "\"1969-12-31T23:59:59.999999Z\""]
    );
    assert_eq!(of(Arc::new(micros))[0], "\"2024-01-31T12:00:00.000001\"");
    assert_eq!(
        of(Arc::new(TimestampNanosecondArray::from(vec![1]).with_timezone("+02:00"))),
        ["\"1970-01-01T00:00:00.000000001Z\""]
    );
}

#[test]
fn text_and_bytes_are_whole() {
    assert_eq!(of(Arc::new(StringArray::from(vec!["\"\u{1}é😀"]))), ["\"\\\"\\u0001é😀\""]);
    assert_eq!(of(Arc::new(BinaryArray::from_vec(vec![b"\x00\xff"]))), ["\"AP8=\""]);
    let fixed = FixedSizeBinaryArray::try_from_iter([b"abc"].into_iter()).unwrap();
    assert_eq!(of(Arc::new(fixed)), ["\"YWJj\""]);
}

#[test]
fn nested_values_are_arrays_and_objects() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None]),
        Some(vec![]),
        None,
        Some(vec![Some(2)]),
    ]);
    assert_eq!(of(Arc::new(list)), ["[1,null]", "[]", "null", "[2]"]);

    let mut lists = ListBuilder::new(ListBuilder::new(Int32Builder::new()));
    lists.values().append_value([Some(1)]);
    lists.values().append_value([Some(2), Some(3)]);
    lists.append(true);
    assert_eq!(of(Arc::new(lists.finish())), ["[[1],[2,3]]"]);

    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for (key, value) in [("a", Some(1)), ("b", None)] {
        map.keys().append_value(key);
        map.values().append_option(value);
    }
    map.append(true).unwrap();
    map.append(true).unwrap();
    for _ in 0..2 {
        map.keys().append_value("twice");
        map.values().append_value(1);
    }
    map.append(true).unwrap();
    assert_eq!(
        of(Arc::new(map.finish())),
        ["{\"a\":1,\"b\":null}", "{}", "!row: the row 3, column \"c\": the key \"twice\" is there twice"]
    );

    let mut map = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    map.keys().append_value(7);
    map.values().append_value("seven");
    map.append(true).unwrap();
    assert_eq!(of(Arc::new(map.finish())), ["[{\"key\":7,\"value\":\"seven\"}]"]);

    let inner: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
    let fields = arrow_schema::Field::new("x", DataType::Int32, true);
    let structure = StructArray::from(vec![(Arc::new(fields), inner)]);
    assert_eq!(of(Arc::new(structure)), ["{\"x\":1}", "{\"x\":null}"]);
}

#[test]
fn timestamps_of_96_bits_far_away_are_the_same_wherever_they_are() {
    let message = "message m {
        optional int96 t;
        repeated int96 r;
        optional group s { optional int96 t; optional int64 n (TIMESTAMP(NANOS, false)); }
        optional group l (LIST) { repeated group list { optional int96 element; } }
    }";
    let schema = Arc::new(parse_message_type(message).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(plain())).unwrap();
    let day = chrono::NaiveDate::from_ymd_opt(3000, 1, 1).unwrap().to_epoch_days() as u32;
    let value = Int96::from(vec![0, 0, 2_440_588 + day]);
    let mut group = writer.next_row_group().unwrap();
    for (level, repeated) in [(1, false), (1, true), (2, false), (2, false), (3, true)] {
        let mut column = group.next_column().unwrap().unwrap();
        let nested = repeated.then_some(&[0_i16][..]);
        if let ColumnWriter::Int64ColumnWriter(column) = column.untyped() {
            column.write_batch(&[1], Some(&[level]), nested).unwrap();
        } else {
            column.typed::<Int96Type>().write_batch(&[value], Some(&[level]), nested).unwrap();
        }
        column.close().unwrap();
    }
    group.close().unwrap();
    let t = "\"3000-01-01T00:00:00\"";
    let n = "\"1970-01-01T00:00:00.000000001\"";
    assert_eq!(
        records(writer.into_inner().unwrap(), &Parquet::new()),
        [format!(r#"{{"t":{t},"r":[{t}],"s":{{"t":{t},"n":{n}}},"l":[{t}]}}"#)]
    );
}

#[test]
fn every_usual_compression_is_read() {
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::BROTLI(Default::default()),
        Compression::LZ4_RAW,
        Compression::ZSTD(Default::default()),
    ] {
        let properties = WriterProperties::builder().set_compression(compression).build();
        let bytes = file(vec![("t", Arc::new(StringArray::from(vec!["x"; 100])))], properties);
        let found = records(bytes, &Parquet::new());
        assert_eq!((found.len(), &*found[99]), (100, r#"{"t":"x"}"#), "{compression:?}");
    }
}

#[test]
fn rows_come_in_order_over_row_groups_and_pages() {
    let found = records(numbers(5000, 1500), &Parquet::new());
    assert!(found.iter().enumerate().all(|(n, record)| *record == format!("{{\"n\":{n}}}")));
    assert_eq!(found.len(), 5000);
}
