use datalake_core::codec::Compression;

use super::*;

#[tokio::test]
async fn the_documents_of_a_file_are_its_bytes() {
    let files = Files::new();
    let long: String = (0..800_000_u64).map(|n| (n * 7_919 % 999_983).to_string()).collect();
    let cases: [(&str, Vec<u8>); 8] = [
        ("crlf.ndjson", b"{}\r\n\r\n\n{\"a\":1}\r\n".to_vec()),
        ("open.ndjson", b"\xef\xbb\xbf{}\n{}".to_vec()),
        ("nul.log", b"a\0b\n\xff\xfe\n\n\n".to_vec()),
        ("long.log", format!("a\n{long}\nb").into_bytes()),
        ("array.json", b"\xef\xbb\xbf [ {\"a\": 1} ,\n\n[2], ]\n\n".to_vec()),
        ("table.csv", b"a,b\r\n\r\n1,\"x\ny\"\n\"".to_vec()),
        ("page.xml", b"<a>\r\n</a>\n".to_vec()),
        ("blank.csv", b"\n\r\n".to_vec()),
    ];
    for (name, bytes) in &cases {
        let path = files.write(name, bytes);
        for batch in if bytes.len() > 1000 { vec![64, 4 << 20] } else { vec![1, 3, 7, 64, 4 << 20] } {
            let mut source = builder(&path).batch_bytes(batch).max_document_bytes(8 << 20).build().unwrap();
            let documents = documents(&mut source).await;
            assert!(joined(&documents, &path) == *bytes, "{name} by {batch}");
            for codec in [Compression::Gzip, Compression::Zstd] {
                let half = Bytes::copy_from_slice(&bytes[bytes.len() / 2..]);
                let mut packed =
                    codec.frame(1, &[Bytes::copy_from_slice(&bytes[..bytes.len() / 2])]).unwrap().to_vec();
                packed.extend_from_slice(&codec.frame(1, &[half]).unwrap());
                let path = files.write(&format!("packed/{name}{}", codec.extension()), packed);
                let mut source =
                    builder(&path).batch_bytes(batch).max_document_bytes(8 << 20).build().unwrap();
                let from_packed = super::documents(&mut source).await;
                assert!(joined(&from_packed, &path) == *bytes, "{name} by {batch}, {codec}");
                assert!(told(&from_packed) == told(&documents));
            }
        }
    }
}

#[tokio::test]
async fn an_empty_file_gives_nothing_and_harms_nothing() {
    let files = Files::new();
    files.write("a.ndjson", "");
    files.write("b.ndjson", "1\n");
    files.write("c.xml", "");
    assert_eq!(records(&mut files.source("")).await, ["1"]);
}

#[tokio::test]
async fn a_file_is_cut_at_record_boundaries_and_small_files_share_a_batch() {
    let files = Files::new();
    files.write("big.log", "12345\n".repeat(10));
    files.write("small1.log", "1\n");
    files.write("small2.log", "2\n");
    let mut source = files.builder("").batch_bytes(20).build().unwrap();
    let mut batches = Vec::new();
    while let Next::Batch(batch) = source.next_batch().await.unwrap() {
        batches.push(batch.documents.iter().map(Document::len).collect::<Vec<_>>());
    }
    assert_eq!(batches, [vec![18], vec![18], vec![18], vec![6, 2, 2]]);
}

#[tokio::test]
async fn any_position_gives_the_same_rest() {
    let files = Files::new();
    files.write("a.ndjson", "{\"a\":1}\n".repeat(20));
    files.write("b.csv", format!("\u{feff}x;y\n{}", "1;\"a\nb\"\n".repeat(20)));
    files.write("c.json", format!("[{}1]", "{\"a\": [1]},\n".repeat(20)));
    let packed = Compression::Gzip.frame(1, &[Bytes::from("line\n".repeat(40))]).unwrap();
    files.write("d.log.gz", packed);
    files.write("e.xml", "<a/>");
    let mut source = files.builder("").batch_bytes(50).build().unwrap();
    let mut batches = Vec::new();
    while let Next::Batch(batch) = source.next_batch().await.unwrap() {
        batches.push(batch);
    }
    assert!(batches.len() > 12);
    let texts = |documents: &[Document]| -> Vec<String> {
        documents
            .iter()
            .map(|d| format!("{} {} {:?} {:?}", d.locator(), d.offset(), d.format(), d.bytes()))
            .collect()
    };
    for n in 0..batches.len() {
        let position = serde_json::to_string(&batches[n].position).unwrap();
        let position: Position = serde_json::from_str(&position).unwrap();
        let mut again = files.builder("").batch_bytes(50).build().unwrap();
        again.seek(Some(&position)).await.unwrap();
        let rest: Vec<Document> = batches[n + 1..].iter().flat_map(|batch| batch.documents.clone()).collect();
        assert_eq!(texts(&documents(&mut again).await), texts(&rest));
    }
}

#[tokio::test]
async fn what_is_left_is_told() {
    let files = Files::new();
    files.write("a.log", "12345\n".repeat(10));
    files.write("b.log", "1\n");
    let mut source = files.builder("").batch_bytes(30).build().unwrap();
    assert_eq!(source.remaining().bytes, None);
    let mut left = Vec::new();
    while let Next::Batch(_) = source.next_batch().await.unwrap() {
        left.push(source.remaining().bytes.unwrap());
    }
    assert_eq!(left, [32, 2, 0]);
}
