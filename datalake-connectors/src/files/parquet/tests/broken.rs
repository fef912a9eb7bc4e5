use ::parquet::basic::Encoding;
use ::parquet::file::properties::WriterVersion;
use ::parquet::file::reader::{FileReader, SerializedFileReader};

use super::*;

fn one(bytes: impl Into<Bytes>) -> String {
    let mut found = records(bytes, &Parquet::new());
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn what_is_no_parquet_goes_to_quarantine_whole() {
    for bytes in [&b""[..], b"PAR1", b"PAR1PAR1", b"a,b\n1,2\n", b"PAR1\xff\xff\xff\xffPAR1"] {
        let error = one(bytes.to_vec());
        assert!(error.starts_with("!parquet: the file cannot be read"), "{error}");
    }
    assert_eq!(one(&b"PAR1....PARE"[..]), "!encrypted: the file is encrypted");
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_never_taken_for_whole() {
    let good = numbers(100, 50);
    for end in (1..good.len()).step_by(13) {
        let error = one(good[..end].to_vec());
        assert!(error.starts_with("!parquet: "), "{end}: {error}");
    }
}

#[test]
fn damage_in_a_row_group_costs_the_rows_of_that_group_alone() {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(50))
        .set_compression(Compression::ZSTD(Default::default()))
        .build();
    let text = StringArray::from_iter_values((0..100).map(|n| format!("text number {n}")));
    let mut bytes = file(vec![("t", Arc::new(text))], properties);
    bytes[60..120].fill(0xee);
    let found = records(bytes, &Parquet::new());
    assert!(found[0].starts_with("!parquet: the rows 1 to 50 of row group 1 cannot be read"), "{}", found[0]);
    assert_eq!(found[1], r#"{"t":"text number 50"}"#);
    assert_eq!(found.len(), 51);
}

#[test]
fn damage_never_ends_a_process() {
    let good = numbers(100, 50);
    for at in (0..good.len()).step_by(11) {
        let mut bytes = good.clone();
        bytes[at] ^= 0xff;
        assert!(!records(bytes, &Parquet::new()).is_empty());
    }
}

#[test]
fn whatever_damage_does_in_one_row_group_the_next_is_read() {
    let properties = || WriterProperties::builder().set_max_row_group_row_count(Some(20));
    let text =
        || -> ArrayRef { Arc::new(StringArray::from_iter_values((0..40).map(|n| format!("t{}", n % 7)))) };
    let lists = || -> ArrayRef {
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(
            (0..40).map(|n| (n % 3 > 0).then(|| vec![Some(n); n as usize % 4])),
        ))
    };
    let second = |bytes: &[u8]| {
        let file = SerializedFileReader::new(Bytes::copy_from_slice(bytes)).unwrap();
        let column = file.metadata().row_group(1).column(0).clone();
        column.dictionary_page_offset().unwrap_or(column.data_page_offset()) as usize
    };
    for (properties, column) in [
        (properties().build(), text()),
        (properties().build(), lists()),
        (properties().set_dictionary_enabled(false).build(), text()),
        (properties().set_dictionary_enabled(false).set_encoding(Encoding::DELTA_BYTE_ARRAY).build(), text()),
        (properties().set_writer_version(WriterVersion::PARQUET_2_0).build(), lists()),
    ] {
        let good = file(vec![("c", column)], properties);
        for at in 4..second(&good) {
            for with in [0xff, 0x80, 0x01] {
                let mut bytes = good.clone();
                bytes[at] ^= with;
                let found = records(bytes, &Parquet::new());
                let read = found.iter().filter(|record| !record.starts_with('!')).count();
                assert!(read >= 20, "{at} {with}: {found:?}");
            }
        }
    }
}

#[test]
fn a_file_that_unpacks_too_far_is_not_unpacked_and_records_that_grow_too_far_end() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(1000); 2000]));
    let bytes = file(vec![("t", text)], plain());
    assert!(bytes.len() < 20_000);
    let found = records(bytes.clone(), &Parquet::new().max_bytes(100_000));
    assert_eq!(found.len(), 100);
    assert!(found[99].ends_with("more than 100000 bytes; from row 100 on they are missing"), "{}", found[99]);
    let found = records(bytes, &Parquet::new().max_bytes(500));
    assert!(found[0].starts_with("!too-large: the file unpacks to"), "{}", found[0]);
}
