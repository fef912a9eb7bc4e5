use datalake_core::ErrorKind;
use datalake_core::codec::{Compression, Expansion};

use super::*;

#[tokio::test]
async fn a_damaged_file_harms_no_other_and_is_tried_again_when_it_changes() {
    let files = Files::new();
    let text: String = (0..10_000).map(|n| format!("{n}\n")).collect();
    let whole = Compression::Gzip.frame(6, &[Bytes::from(text.clone())]).unwrap();
    files.write("a.log.gz", &whole[..whole.len() - 9]);
    files.write("b.log", "b\n");
    let mut source = files.builder("").batch_bytes(1000).build().unwrap();
    let failures = source.failures();
    let (found, position) = drain(&mut source).await;
    let read = joined(&found, &files.path("a.log.gz"));
    assert!(text.as_bytes().starts_with(&read) && read.ends_with(b"\n") && read.len() > 1000);
    assert_eq!(told(&found).last().unwrap(), "b");
    let failed = failures.list();
    assert_eq!((failed.len(), &*failed[0].path), (1, "a.log.gz"));
    assert!(failed[0].error.contains("corrupt: the compressed file is damaged"), "{}", failed[0].error);

    let mut again = files.builder("").build().unwrap();
    again.seek(position.as_ref()).await.unwrap();
    assert_eq!(again.failures().list().len(), 1);
    assert_eq!(records(&mut again).await, Vec::<String>::new());
    files.append("a.log.gz", &whole[whole.len() - 9..]);
    let rest = documents(&mut again).await;
    assert_eq!(rest[0].offset(), read.len() as u64);
    assert_eq!([&read[..], &rest[0].bytes()[..]].concat(), text.as_bytes());
    assert_eq!(again.failures().list(), []);
}

#[tokio::test]
async fn a_damaged_table_is_read_up_to_the_damage() {
    let files = Files::new();
    let text: String = (0..10_000).map(|n| format!("{n},{}\n", n * 7919)).collect();
    let whole = Compression::Gzip.frame(6, &[Bytes::from(format!("a,b\n{text}"))]).unwrap();
    files.write("a.csv.gz", &whole[..whole.len() / 2]);
    let mut source = files.builder("").batch_bytes(1000).build().unwrap();
    let found = records(&mut source).await;
    assert_eq!(found[1], r#"{"a":"1","b":"7919"}"#);
    assert!(found.len() > 1000 && found.iter().all(|record| !record.starts_with('!')));
    assert_eq!(source.failures().list().len(), 1);
}

#[tokio::test]
async fn a_bomb_and_a_record_too_long_fail_alone() {
    let files = Files::new();
    let zeros = Bytes::from(vec![b'\n'; 8 << 20]);
    files.write("a.log.zst", Compression::Zstd.frame(19, &[zeros]).unwrap());
    files.write("b.log", "ok\nmuch too long\n");
    files.write("c.log", "12345678");
    let bounds = Expansion { ratio: 10, total: u64::MAX };
    let mut source =
        files.builder("").batch_bytes(4).max_document_bytes(8).expansion(bounds).build().unwrap();
    let found = documents(&mut source).await;
    assert_eq!(told(&found[found.len() - 2..]), ["ok", "12345678"]);
    let errors: Vec<String> = source.failures().list().into_iter().map(|failed| failed.error).collect();
    assert!(errors[0].contains("record-too-large: the file expands too far"), "{}", errors[0]);
    assert!(errors[1].contains("record-too-large: a record is longer"), "{}", errors[1]);
    assert!(errors[1].contains("offset: 3"), "{}", errors[1]);
}

#[tokio::test]
async fn a_failure_alone_moves_the_position() {
    let files = Files::new();
    files.write("a.log", "much too long");
    let mut source = files.builder("").batch_bytes(4).max_document_bytes(4).build().unwrap();
    let Next::Batch(batch) = source.next_batch().await.unwrap() else { panic!("idle") };
    assert!(batch.documents.is_empty());
    source.seek(Some(&batch.position)).await.unwrap();
    assert!(matches!(source.next_batch().await.unwrap(), Next::Idle(_)));
    fs::remove_file(files.path("a.log")).unwrap();
    files.write("b.log", "b");
    assert_eq!(records(&mut source).await, ["b"]);
    assert_eq!(source.failures().list(), []);
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_an_error() {
    let files = Files::new();
    let mut source = files.source("missing.log");
    assert_eq!(source.next_batch().await.unwrap_err().kind(), ErrorKind::NotFound);
    files.write("missing.log", "1\n");
    assert_eq!(records(&mut source).await, ["1"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_leads_nowhere_is_passed_over() {
    let files = Files::new();
    std::os::unix::fs::symlink(files.path("nowhere"), files.path("a.log")).unwrap();
    files.write("b.log", "1\n");
    std::os::unix::fs::symlink(files.path("b.log"), files.path("c.log")).unwrap();
    assert_eq!(records(&mut files.source("*.log")).await, ["1", "1"]);
}

#[tokio::test]
async fn a_closed_source_says_so() {
    let files = Files::new();
    let mut source = files.source("");
    source.close().await.unwrap();
    assert!(source.next_batch().await.is_err());
    source.seek(None).await.unwrap();
    assert!(matches!(source.next_batch().await.unwrap(), Next::Idle(_)));
}
