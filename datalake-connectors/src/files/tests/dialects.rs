use datalake_core::codec::Compression;
use datalake_core::{Encoding, ErrorKind, Format};

use super::*;

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn of(files: &Files, dialect: CsvDialect) -> FilesSource {
    files.builder("*.csv").format(FileFormat::Dialect(dialect)).build().unwrap()
}

#[tokio::test]
async fn encodings_and_delimiters_are_found_out_and_bytes_stay_as_they_are() {
    let files = Files::new();
    let rows = "Straße;Größe\nÄ;1,5\n";
    let latin = b"Stra\xdfe;Gr\xf6\xdfe\n\xc4;1,5\n".to_vec();
    let contents = [
        ("a.csv", rows.as_bytes().to_vec()),
        ("b.csv", utf16(&format!("\u{feff}{rows}"))),
        ("c.csv", latin.clone()),
        ("d.csv", rows.replace(';', "|").into_bytes()),
        ("e.csv", rows.replace(';', "\t").into_bytes()),
    ];
    for (name, bytes) in &contents {
        files.write(name, bytes);
    }
    files.write("f.csv.gz", Compression::Gzip.frame(1, &[Bytes::from(latin)]).unwrap());
    let found = documents(&mut files.source("")).await;
    assert_eq!(told(&found), vec![r#"{"Straße":"Ä","Größe":"1,5"}"#; 6]);
    for (name, bytes) in &contents {
        assert_eq!(joined(&found, &files.path(name)), *bytes);
    }
}

#[tokio::test]
async fn what_was_found_out_stays_when_the_file_grows() {
    let files = Files::new();
    for (name, first, rest, expected) in [
        ("a.csv", "x,y;z\n1,2;3\n", "4;5,6;7\n8;9,1;2\n3;4,5;6\n", 4),
        ("b.csv", "a;b\n1;2\n", "x|y;'z'\n'1|2';'3'\n", 3),
    ] {
        files.write(name, first);
        let mut source = files.source(name);
        let (found, position) = drain(&mut source).await;
        let Format::Csv(before) = &**found[0].format() else { panic!("{found:?}") };
        files.append(name, rest);
        let mut again = files.source(name);
        again.seek(position.as_ref()).await.unwrap();
        for mut source in [source, again] {
            let grown = documents(&mut source).await;
            let Format::Csv(after) = &**grown[0].format() else { panic!("{grown:?}") };
            assert_eq!((after.delimiter, &after.rules), (before.delimiter, &before.rules));
            assert_eq!(told(&found).len() + told(&grown).len(), expected);
        }
    }
}

#[tokio::test]
async fn a_long_file_of_utf_16_is_followed_row_by_row() {
    let files = Files::new();
    files.write("a.csv", utf16("\u{feff}id;text\n1;\"ä\nö\"\n2;half"));
    let mut source = files.builder("a.csv").follow(true).batch_bytes(20).build().unwrap();
    assert_eq!(records(&mut source).await, [r#"{"id":"1","text":"ä\nö"}"#]);
    let rest = utf16(" and half\n");
    files.append("a.csv", &rest[..7]);
    assert_eq!(records(&mut source).await, Vec::<String>::new());
    files.append("a.csv", &rest[7..]);
    assert_eq!(records(&mut source).await, [r#"{"id":"2","text":"half and half"}"#]);
}

#[tokio::test]
async fn each_file_has_its_own_header_unless_one_is_demanded() {
    let files = Files::new();
    files.write("a.csv", "id,name\n1,x\n");
    files.write("b.csv", "id,name,since\n2,y,2026\n");
    let drifting = [r#"{"id":"1","name":"x"}"#, r#"{"id":"2","name":"y","since":"2026"}"#];
    assert_eq!(records(&mut files.source("")).await, drifting);
    let mut source = of(&files, CsvDialect::detected().columns(["id", "name"]));
    assert_eq!(records(&mut source).await, drifting[..1]);
    let failed = source.failures().list();
    assert_eq!(failed[0].path, "b.csv");
    assert!(failed[0].error.contains("found: id, name, since"), "{failed:?}");
    files.write("b.csv", "id,name\n2,y\n");
    assert_eq!(records(&mut source).await, [r#"{"id":"2","name":"y"}"#]);
    assert_eq!(source.failures().list(), []);
}

#[tokio::test]
async fn preambles_footers_nulls_and_ragged_rows_are_told_by_the_dialect() {
    let files = Files::new();
    files.write("a.csv", "\"Report, of\nSales\n\nid,name\n1,NULL\n2\n3,x,y\n\nTotal,3\n");
    files.write("b.csv", "Sales\nid,name\n4,x\nTotal,1\n");
    files.write("c.csv", "Sales\n1,2\n");
    let dialect = CsvDialect::detected().null("NULL").footer("total").keep_ragged();
    let mut source = of(&files, dialect.clone().header_with(["name", "id"]));
    assert_eq!(
        records(&mut source).await,
        [
            r#"{"id":"1","name":null}"#,
            r#"{"id":"2","name":null}"#,
            r#"{"id":"3","name":"x","_extra":["y"]}"#,
            r#"{"id":"4","name":"x"}"#
        ]
    );
    assert!(source.failures().list()[0].error.contains("no row has the columns"));
    let mut source =
        files.builder("b.csv").format(FileFormat::Dialect(dialect.header_after(1))).build().unwrap();
    assert_eq!(records(&mut source).await, [r#"{"id":"4","name":"x"}"#]);
    let named = CsvDialect::detected().without_header(["what", "n"]);
    let mut source = files.builder("c.csv").format(FileFormat::Dialect(named)).build().unwrap();
    assert_eq!(records(&mut source).await, [r#"!Sales"#, r#"{"what":"1","n":"2"}"#]);
}

#[test]
fn every_setting_of_a_dialect_is_in_the_digest() {
    let config = |dialect: CsvDialect| {
        let source = builder(Path::new("a")).format(FileFormat::Dialect(dialect)).build().unwrap();
        source.info().config.to_string()
    };
    let plain = CsvDialect::detected;
    let all = [
        plain(),
        plain().delimiter(';'),
        plain().quote(None),
        plain().quote(Some('\'')),
        plain().encoding(Encoding::UTF_16BE),
        plain().header_after(1),
        plain().header_with(["a"]),
        plain().without_header(["a"]),
        plain().columns(["a"]),
        plain().keep_ragged(),
        plain().null(""),
        plain().footer("a"),
    ];
    let digests: std::collections::HashSet<String> = all.iter().cloned().map(config).collect();
    assert_eq!(digests.len(), all.len());
}

#[test]
fn a_dialect_that_cannot_be_is_refused() {
    let plain = CsvDialect::detected;
    for wrong in [
        plain().delimiter('"'),
        plain().delimiter('\n'),
        plain().delimiter('a'),
        plain().delimiter('é'),
        plain().quote(Some('\r')),
        plain().delimiter('|').encoding("shift_jis".parse().unwrap()),
        plain().without_header(["a"]).header_after(1),
        plain().without_header(["a"]).columns(["a"]),
    ] {
        let built = builder(Path::new("a")).format(FileFormat::Dialect(wrong.clone())).build();
        assert_eq!(built.unwrap_err().kind(), ErrorKind::ConfigInvalid, "{wrong:?}");
    }
}
