//! Objects: conditions, checksums, ranges, lists, and what goes with them.

use super::client::{put, send, simulator};

#[tokio::test]
async fn an_object_comes_back_with_what_it_was_put_with() {
    let s3 = simulator().await;
    let headers = [
        ("content-type", "text/plain"),
        ("x-amz-meta-lake-batch", "17"),
        ("x-amz-tagging", "team=rail&stage=a%20b"),
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "arn:key"),
        ("x-amz-server-side-encryption-context", "e30="),
        ("x-amz-server-side-encryption-bucket-key-enabled", "true"),
    ];
    assert_eq!(put(&s3, "a%20b/%C3%A4", &headers, "text").await, 200);
    let got = send(&s3, "GET", "/b/a%20b/%C3%A4", &[], "").await.unwrap();
    assert_eq!((got.status, got.text()), (200, "text"));
    assert_eq!((got.header("content-type"), got.header("x-amz-meta-lake-batch")), ("text/plain", "17"));
    assert_eq!(got.header("x-amz-server-side-encryption-aws-kms-key-id"), "arn:key");
    let head = send(&s3, "HEAD", "/b/a%20b/%C3%A4", &[], "").await.unwrap();
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "4", 0));
    let object = s3.object("b", "a b/ä").unwrap();
    assert_eq!((object.about.tags["stage"].as_str(), object.about.bucket_key), ("a b", true));
    assert_eq!(object.about.encryption_context.as_deref(), Some("e30="));
    let tags = send(&s3, "GET", "/b/a%20b/%C3%A4?tagging", &[], "").await.unwrap();
    assert!(tags.text().contains("<Key>team</Key><Value>rail</Value>"), "{}", tags.text());
}

#[tokio::test]
async fn conditions_hold() {
    let s3 = simulator().await;
    assert_eq!(put(&s3, "k", &[("if-match", "\"x\"")], "0").await, 404);
    assert_eq!(put(&s3, "k", &[("if-none-match", "*")], "1").await, 200);
    assert_eq!(put(&s3, "k", &[("if-none-match", "*")], "2").await, 412);
    let tag = s3.object("b", "k").unwrap().etag;
    assert_eq!(put(&s3, "k", &[("if-match", &tag)], "3").await, 200);
    assert_eq!(put(&s3, "k", &[("if-match", &tag)], "4").await, 412);
    assert_eq!(s3.object("b", "k").unwrap().bytes, "3");
    let tag = s3.object("b", "k").unwrap().etag;
    assert_eq!(send(&s3, "GET", "/b/k", &[("if-none-match", &tag)], "").await.unwrap().status, 304);
}

#[tokio::test]
async fn a_body_that_is_not_what_its_checksum_says_is_refused() {
    let s3 = simulator().await;
    let crc = ("x-amz-checksum-crc32", "y/Q5Jg==");
    assert_eq!(put(&s3, "k", &[crc], "123456789").await, 200);
    let got = send(&s3, "GET", "/b/k", &[("x-amz-checksum-mode", "ENABLED")], "").await.unwrap();
    assert_eq!((got.header(crc.0), got.header("x-amz-checksum-type")), (crc.1, "FULL_OBJECT"));
    assert_eq!(s3.object("b", "k").unwrap().checksum("CRC32"), Some(crc.1));
    for header in [
        crc,
        ("x-amz-checksum-sha256", crc.1),
        ("content-md5", crc.1),
        ("x-amz-content-sha256", "0000000000000000000000000000000000000000000000000000000000000000"),
    ] {
        let refused = send(&s3, "PUT", "/b/k", &[header], "another").await.unwrap();
        assert_eq!(refused.status, 400, "{header:?}");
    }
    assert_eq!(s3.object("b", "k").unwrap().bytes, "123456789");
}

#[tokio::test]
async fn a_chunked_body_is_unwrapped_and_its_trailer_checked() {
    let s3 = simulator().await;
    let headers = [
        ("content-encoding", "aws-chunked"),
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("x-amz-decoded-content-length", "9"),
    ];
    let good = "9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
    assert_eq!(put(&s3, "k", &headers, good).await, 200);
    assert_eq!(s3.object("b", "k").unwrap().bytes, "123456789");
    let bad = "9\r\n123456780\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
    assert_eq!(put(&s3, "k", &headers, bad).await, 400);
    let short = "8\r\n12345678\r\n0\r\n\r\n";
    assert_eq!(put(&s3, "k", &headers, short).await, 400);
}

#[tokio::test]
async fn ranges_are_clipped_and_refused_beyond_the_end() {
    let s3 = simulator().await;
    put(&s3, "k", &[], "0123456789").await;
    for (range, status, content) in [
        ("bytes=2-4", 206, "234"),
        ("bytes=8-99", 206, "89"),
        ("bytes=7-", 206, "789"),
        ("bytes=-2", 206, "89"),
        ("bytes=10-12", 416, ""),
        ("nonsense", 200, "0123456789"),
    ] {
        let got = send(&s3, "GET", "/b/k", &[("range", range)], "").await.unwrap();
        assert_eq!(got.status, status, "{range}");
        assert!(status == 416 || got.text() == content, "{range}: {}", got.text());
    }
}

#[tokio::test]
async fn lists_come_in_pages_and_folders() {
    let s3 = simulator().await;
    for key in ["a/1", "a/2", "a/b/3", "b", "a%26"] {
        put(&s3, key, &[], "x").await;
    }
    s3.page(2);
    let page = send(&s3, "GET", "/b?list-type=2&prefix=a", &[], "").await.unwrap();
    assert!(page.text().contains("<Key>a&amp;</Key>") && page.text().contains("<Key>a/1</Key>"));
    assert!(page.text().contains("<IsTruncated>true</IsTruncated>"));
    let next = "/b?list-type=2&prefix=a&continuation-token=a%2F1";
    let page = send(&s3, "GET", next, &[], "").await.unwrap();
    assert!(page.text().contains("<Key>a/2</Key>") && page.text().contains("<Key>a/b/3</Key>"));
    assert!(page.text().contains("<IsTruncated>false</IsTruncated>"));
    let after = send(&s3, "GET", "/b?list-type=2&start-after=a%2Fb", &[], "").await.unwrap();
    assert!(after.text().contains("<Key>a/b/3</Key>") && after.text().contains("<Key>b</Key>"));
    let folded = send(&s3, "GET", "/b?list-type=2&delimiter=%2F", &[], "").await.unwrap();
    assert!(folded.text().contains("<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>"));
    assert!(!folded.text().contains("<Key>a/1</Key>"));
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let s3 = simulator().await;
    let status = async |method, path| send(&s3, method, path, &[], "").await.unwrap().status;
    assert_eq!(status("GET", "/b/k").await, 404);
    assert_eq!(status("HEAD", "/b/k").await, 404);
    assert_eq!(status("DELETE", "/b/k").await, 204);
    assert_eq!(status("GET", "/other/k").await, 404);
    assert_eq!(status("HEAD", "/other").await, 404);
    assert_eq!(status("HEAD", "/b").await, 200);
    assert_eq!(status("GET", "/b/k?acl").await, 501);
    assert_eq!(status("PUT", "/other").await, 200);
    assert_eq!(status("PUT", "/other").await, 409);
}
