use super::*;

async fn read(name: &str, bytes: &str) -> Vec<String> {
    let files = Files::new();
    files.write(name, bytes);
    records(&mut files.source(name)).await
}

#[tokio::test]
async fn the_extension_says_what_is_in_a_file() {
    assert_eq!(read("a.jsonl", "{}\n\n1").await, ["{}", "1"]);
    assert_eq!(read("a.json", " [{},\n2]").await, ["{}", "2"]);
    assert_eq!(read("a.json", "{\n\"a\":1\n}\n").await, ["{\n\"a\":1\n}"]);
    assert_eq!(read("a.JSON", "{}\n{\"a\":1}\n").await, ["{}", "{\"a\":1}"]);
    assert_eq!(read("a.csv", "x,y\n1,2\n").await, [r#"{"x":"1","y":"2"}"#]);
    assert_eq!(read("a.csv", "x;y\n1,5;2\n").await, [r#"{"x":"1,5","y":"2"}"#]);
    assert_eq!(read("a.tsv", "x\ty,z\n1\t2\n").await, [r#"{"x":"1","y,z":"2"}"#]);
    assert_eq!(read("a.txt", "b\n\nc").await, ["b", "", "c"]);
    assert_eq!(read("shop.log.2024-05-01", "b\nc\n").await, ["b", "c"]);
    assert_eq!(read("shop.log.1", "b\nc\n").await, ["b", "c"]);
    assert_eq!(read("a.xml", "b\nc\n").await, ["b\nc\n"]);
    assert_eq!(read("readme", "b\nc\n").await, ["b\nc\n"]);
}

#[tokio::test]
async fn a_given_format_stands_above_the_extension() {
    let files = Files::new();
    let path = files.write("a.json", "{\"items\":[1,2],\"next\":null}");
    let read = async |format| records(&mut builder(&path).format(format).build().unwrap()).await;
    assert_eq!(read(FileFormat::JsonArray("/items".into())).await, ["1", "2"]);
    assert_eq!(read(FileFormat::Whole).await.len(), 1);
    assert_eq!(read(FileFormat::Csv { delimiter: '|' }).await, Vec::<String>::new());
}

#[tokio::test]
async fn compressed_bytes_can_be_kept_as_they_are() {
    let files = Files::new();
    let packed = datalake_core::codec::Compression::Gzip.frame(1, &[Bytes::from("text")]).unwrap();
    let path = files.write("a.txt.gz", &packed);
    let mut source = builder(&path).decompress(false).format(FileFormat::Whole).build().unwrap();
    assert_eq!(documents(&mut source).await[0].bytes(), &packed);
}

#[tokio::test]
async fn a_directory_a_glob_and_a_name_with_brackets_are_understood() {
    let files = Files::new();
    for name in ["a.log", "b.log", "deep/c.log", "deep/er/d.log", ".hidden.log", "e.txt"] {
        files.write(name, name);
    }
    assert_eq!(records(&mut files.source("")).await, ["a.log", "b.log", "e.txt"]);
    let mut all = files.builder("").recursive(true).build().unwrap();
    assert_eq!(records(&mut all).await, ["a.log", "b.log", "deep/c.log", "deep/er/d.log", "e.txt"]);
    assert_eq!(records(&mut files.source("*.log")).await, ["a.log", "b.log"]);
    assert_eq!(records(&mut files.source("**/[cd].log")).await, ["deep/c.log", "deep/er/d.log"]);
    assert_eq!(records(&mut files.source("x*")).await, Vec::<String>::new());
    files.write("f[1].log", "f");
    assert_eq!(records(&mut files.source("f[1].log")).await, ["f"]);
}

#[test]
fn wrong_settings_are_refused() {
    let files = Files::new();
    for wrong in [
        files.builder("[").build(),
        builder(Path::new("")).build(),
        files.builder("a").batch_bytes(0).build(),
        files.builder("a").max_document_bytes(usize::MAX).build(),
        files.builder("a").format(FileFormat::Csv { delimiter: '"' }).build(),
    ] {
        assert_eq!(wrong.unwrap_err().kind(), datalake_core::ErrorKind::ConfigInvalid);
    }
}
