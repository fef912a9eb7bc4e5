//! Uploads in parts.

use super::client::{send, simulator};
use crate::s3::{S3, xml};

async fn begin(s3: &S3, headers: &[(&str, &str)]) -> String {
    let begun = send(s3, "POST", "/b/k?uploads", headers, "").await.unwrap();
    assert_eq!(begun.status, 200, "{}", begun.text());
    xml::first(begun.text(), "UploadId").unwrap()
}

async fn part(s3: &S3, id: &str, number: u32, body: &'static str) -> String {
    let path = format!("/b/k?partNumber={number}&uploadId={id}");
    send(s3, "PUT", &path, &[], body).await.unwrap().header("etag").to_owned()
}

async fn complete(s3: &S3, id: &str, headers: &[(&str, &str)], parts: &[(u32, &str)]) -> (u16, String) {
    let named = parts.iter().map(|(number, etag)| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>", xml::escape(etag))
    });
    let body = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", named.collect::<String>());
    let done = send(s3, "POST", &format!("/b/k?uploadId={id}"), headers, body).await.unwrap();
    (done.status, done.text().to_owned())
}

#[tokio::test]
async fn parts_become_an_object_with_one_checksum() {
    let s3 = simulator().await;
    s3.smallest_part(4);
    let whole = [("x-amz-checksum-algorithm", "CRC32"), ("x-amz-checksum-type", "FULL_OBJECT")];
    let id = begin(&s3, &whole).await;
    let (one, two) = (part(&s3, &id, 1, "12345").await, part(&s3, &id, 2, "6789").await);
    assert!(s3.object("b", "k").is_none(), "parts are not seen");
    let wrong = ("x-amz-checksum-crc32", "AAAAAA==");
    assert_eq!(complete(&s3, &id, &[wrong], &[(1, &one), (2, &two)]).await.0, 400);
    let right = ("x-amz-checksum-crc32", "y/Q5Jg==");
    let (status, text) = complete(&s3, &id, &[right], &[(1, &one), (2, &two)]).await;
    assert_eq!((status, xml::first(&text, "ChecksumCRC32").as_deref()), (200, Some("y/Q5Jg==")));
    let object = s3.object("b", "k").unwrap();
    assert!(object.bytes == "123456789" && object.etag.ends_with("-2\""), "{object:?}");
    assert_eq!(s3.uploads(), 0);
    assert_eq!(complete(&s3, &id, &[], &[(1, &one), (2, &two)]).await.0, 404);
}

#[tokio::test]
async fn a_wrong_end_is_refused_and_the_upload_stays() {
    let s3 = simulator().await;
    let id = begin(&s3, &[]).await;
    let (one, two) = (part(&s3, &id, 1, "12345").await, part(&s3, &id, 2, "6789").await);
    for (parts, code) in [
        (&[][..], "MalformedXML"),
        (&[(2, two.as_str()), (1, one.as_str())], "InvalidPartOrder"),
        (&[(1, two.as_str())], "InvalidPart"),
        (&[(3, two.as_str())], "InvalidPart"),
        (&[(1, one.as_str()), (2, two.as_str())], "EntityTooSmall"),
    ] {
        let (status, text) = complete(&s3, &id, &[], parts).await;
        assert_eq!((status, xml::first(&text, "Code").as_deref()), (400, Some(code)));
    }
    assert_eq!(complete(&s3, &id, &[("if-none-match", "*")], &[(1, &one)]).await.0, 200);
    let id = begin(&s3, &[]).await;
    let one = part(&s3, &id, 1, "again").await;
    assert_eq!(complete(&s3, &id, &[("if-none-match", "*")], &[(1, &one)]).await.0, 412);
    assert_eq!(s3.uploads(), 1);
    let aborted = send(&s3, "DELETE", &format!("/b/k?uploadId={id}"), &[], "").await.unwrap();
    assert_eq!((aborted.status, s3.uploads()), (204, 0));
    assert_eq!(s3.object("b", "k").unwrap().bytes, "12345");
}
