//! The end of an upload in parts.

use bytes::BytesMut;
use chrono::Utc;
use md5::{Digest, Md5};

use super::answer::Answer;
use super::fault::Refusal;
use super::object::Object;
use super::operation::{check_condition, objects, upload};
use super::request::Request;
use super::state::{State, Upload};
use super::xml;

/// Makes an object of the parts that the request names.
pub(super) fn complete(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    let smallest = state.smallest_part;
    let text = String::from_utf8_lossy(&request.body).into_owned();
    let object = assemble(upload(state, request)?, &text, smallest)?;
    let objects = objects(state, request)?;
    check_condition(objects, request)?;
    if object.full {
        for (algorithm, value) in &object.checksums {
            if request.header(algorithm.header()).is_some_and(|given| given != value) {
                return Err(Refusal::BAD_DIGEST);
            }
        }
    }
    let sums: String = object
        .checksums
        .iter()
        .map(|(algorithm, value)| format!("<{0}>{value}</{0}>", algorithm.element()))
        .collect();
    let answer = Answer::xml(
        200,
        format!(
            "{}<CompleteMultipartUploadResult {}><Bucket>{}</Bucket><Key>{}</Key><ETag>{}</ETag>{sums}\
             </CompleteMultipartUploadResult>",
            xml::HEAD,
            xml::NAMESPACE,
            xml::escape(&request.bucket),
            xml::escape(&request.key),
            xml::escape(&object.etag),
        ),
    );
    let answer = answer.with_all(object.about.encryption_headers());
    objects.insert(request.key.clone(), object);
    state.uploads.remove(request.query("uploadId").unwrap_or_default());
    Ok(answer)
}

fn assemble(upload: &Upload, text: &str, smallest: usize) -> Result<Object, Refusal> {
    let refused = |code| Refusal { status: 400, code };
    let named = xml::all(text, "Part");
    if named.is_empty() {
        return Err(refused("MalformedXML"));
    }
    let (mut bytes, mut tags, mut sums, mut before) = (BytesMut::new(), Vec::new(), Vec::new(), 0);
    let mut small = false;
    for (n, part) in named.iter().enumerate() {
        let number = xml::first(part, "PartNumber").and_then(|text| text.parse().ok()).unwrap_or(0);
        if number <= before {
            return Err(refused("InvalidPartOrder"));
        }
        before = number;
        let found = upload.parts.get(&number).ok_or(refused("InvalidPart"))?;
        let etag = xml::first(part, "ETag").unwrap_or_default();
        let sum = upload.algorithm.and_then(|algorithm| xml::first(part, algorithm.element()));
        if etag.trim_matches('"') != found.etag.trim_matches('"') || (sum.is_some() && sum != found.checksum)
        {
            return Err(refused("InvalidPart"));
        }
        small |= n + 1 < named.len() && found.bytes.len() < smallest;
        bytes.extend_from_slice(&found.bytes);
        tags.extend(digest(&found.etag));
        sums.extend(found.checksum.as_deref());
    }
    if small {
        return Err(refused("EntityTooSmall"));
    }
    let bytes = bytes.freeze();
    let hex: String = Md5::digest(&tags).iter().map(|byte| format!("{byte:02x}")).collect();
    let checksums = upload.algorithm.map(|algorithm| {
        let value = if upload.full { algorithm.of(&bytes) } else { algorithm.of_parts(sums.into_iter()) };
        (algorithm, value)
    });
    Ok(Object {
        bytes,
        etag: format!("\"{hex}-{}\"", named.len()),
        modified: Utc::now(),
        about: upload.about.clone(),
        checksums: checksums.into_iter().collect(),
        full: upload.full,
    })
}

/// The digest that the tag of a part is.
fn digest(etag: &str) -> Vec<u8> {
    let hex = etag.trim_matches('"').as_bytes();
    let pairs = hex.chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}
