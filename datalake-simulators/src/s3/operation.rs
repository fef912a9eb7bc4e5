//! What each operation does.

use chrono::Utc;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::answer::Answer;
use super::checksum::{self, Algorithm};
use super::complete;
use super::fault::{Op, Refusal};
use super::object::{About, Object};
use super::request::Request;
use super::state::{Objects, Part, State, Upload};
use super::xml;

/// User metadata may have so many bytes in all.
const METADATA: usize = 2 << 10;
const URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Does what a request asks for.
pub(super) fn perform(state: &mut State, request: &Request) -> Answer {
    let done = match request.op {
        Op::CreateBucket => Ok(create_bucket(state, request)),
        Op::Other => Err(Refusal { status: 501, code: "NotImplemented" }),
        _ if state.bucket(&request.bucket).is_none() => Err(Refusal { status: 404, code: "NoSuchBucket" }),
        Op::HeadBucket => Ok(Answer::new(200)),
        Op::ListObjects => list(state, request),
        Op::PutObject => put(state, request),
        Op::GetObject | Op::HeadObject => get(state, request),
        Op::DeleteObject => delete(state, request),
        Op::GetTags => tags(state, request),
        Op::CreateUpload => create_upload(state, request),
        Op::UploadPart => upload_part(state, request),
        Op::CompleteUpload => complete::complete(state, request),
        Op::AbortUpload => abort(state, request),
    };
    let mut answer = done.unwrap_or_else(|refusal| Answer::refusal(refusal, &request.key));
    if matches!(request.op, Op::HeadObject | Op::HeadBucket) {
        let length = answer.length.unwrap_or(answer.body.len());
        answer.body.clear();
        answer.length = Some(if answer.status < 300 { length } else { 0 });
    }
    answer.with("x-amz-request-id", state.id())
}

fn create_bucket(state: &mut State, request: &Request) -> Answer {
    if state.create_bucket(&request.bucket) {
        Answer::new(200).with("location", format!("/{}", request.bucket))
    } else {
        Answer::error(409, "BucketAlreadyOwnedByYou", &request.bucket)
    }
}

fn put(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    let checksums = checksum::verified(request)?;
    let about = About::of(request);
    check_metadata(&about)?;
    let objects = objects(state, request)?;
    check_condition(objects, request)?;
    let etag = checksum::etag(&request.body);
    let answer = Answer::new(200)
        .with("etag", &etag)
        .with_all(about.encryption_headers())
        .with_all(checksums.iter().map(|(algorithm, value)| (algorithm.header(), value)));
    let bytes = request.body.clone();
    let object = Object { bytes, etag, modified: Utc::now(), about, checksums, full: true };
    objects.insert(request.key.clone(), object);
    Ok(answer)
}

fn get(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    let object = objects(state, request)?.get(&request.key).ok_or(Refusal::MISSING)?;
    if request.header("if-match").is_some_and(|wanted| wanted != "*" && wanted != object.etag) {
        return Err(Refusal::PRECONDITION);
    }
    if request.header("if-none-match").is_some_and(|known| known == "*" || known == object.etag) {
        return Ok(Answer::new(304).with("etag", &object.etag));
    }
    let length = object.bytes.len();
    let mut answer = Answer::new(200);
    let range = request.header("range").and_then(|text| range(text, length));
    if let Some(range) = range {
        let (start, end) = range.ok_or(Refusal { status: 416, code: "InvalidRange" })?;
        answer = Answer::new(206).with("content-range", format!("bytes {start}-{}/{length}", end - 1));
        answer.body = object.bytes.slice(start..end);
    } else {
        answer.body = object.bytes.clone();
        if request.header("x-amz-checksum-mode") == Some("ENABLED") {
            let all = object.checksums.iter().map(|(algorithm, value)| (algorithm.header(), value));
            let kind = if object.full { "FULL_OBJECT" } else { "COMPOSITE" };
            answer = answer.with_all(all).with("x-amz-checksum-type", kind);
        }
    }
    answer.length = Some(answer.body.len());
    let about = &object.about;
    if !about.tags.is_empty() {
        answer = answer.with("x-amz-tagging-count", about.tags.len().to_string());
    }
    Ok(answer
        .with("etag", &object.etag)
        .with("accept-ranges", "bytes")
        .with("last-modified", object.modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .with("content-type", about.content_type.as_deref().unwrap_or("binary/octet-stream"))
        .with_all(about.encryption_headers())
        .with_all(about.metadata.iter().map(|(name, value)| (format!("x-amz-meta-{name}"), value))))
}

/// The bytes that a header asks for: nothing if it is none that is understood, no bytes if there are none.
#[expect(clippy::option_option, reason = "no range, and a range without bytes, are not the same")]
fn range(text: &str, length: usize) -> Option<Option<(usize, usize)>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (first, last) {
        ("", last) => (length.saturating_sub(last.parse().ok()?), length),
        (first, "") => (first.parse().ok()?, length),
        (first, last) => (first.parse().ok()?, last.parse::<usize>().ok()?.saturating_add(1).min(length)),
    };
    Some((start < end).then_some((start, end)))
}

fn delete(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    let objects = objects(state, request)?;
    if request.conditional() {
        check_condition(objects, request)?;
    }
    objects.remove(&request.key);
    Ok(Answer::new(204))
}

fn tags(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    let object = objects(state, request)?.get(&request.key).ok_or(Refusal::MISSING)?;
    let tags: String = object
        .about
        .tags
        .iter()
        .map(|(k, v)| format!("<Tag><Key>{}</Key><Value>{}</Value></Tag>", xml::escape(k), xml::escape(v)))
        .collect();
    let (head, ns) = (xml::HEAD, xml::NAMESPACE);
    Ok(Answer::xml(200, format!("{head}<Tagging {ns}><TagSet>{tags}</TagSet></Tagging>")))
}

fn list(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    let limit = request.query("max-keys").and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let limit = state.page.min(limit);
    let prefix = request.query("prefix").unwrap_or_default();
    let delimiter = request.query("delimiter").filter(|text| !text.is_empty());
    let after = request.query("continuation-token").or(request.query("start-after")).unwrap_or_default();
    let url = request.query("encoding-type") == Some("url");
    let shown = |key: &str| if url { utf8_percent_encode(key, URL).to_string() } else { xml::escape(key) };
    let (mut contents, mut last, mut count, mut more) = (String::new(), String::new(), 0, false);
    let mut folder = String::new();
    for (key, object) in objects(state, request)?.range(prefix.to_owned()..) {
        let Some(rest) = key.strip_prefix(prefix) else { break };
        let fold = delimiter.and_then(|by| rest.find(by).map(|at| &key[..prefix.len() + at + by.len()]));
        let name = fold.unwrap_or(key);
        if name <= after || (!folder.is_empty() && name == folder) {
            continue;
        }
        if count == limit {
            more = true;
            break;
        }
        count += 1;
        name.clone_into(&mut last);
        if let Some(fold) = fold {
            fold.clone_into(&mut folder);
            contents += &format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", shown(fold));
            continue;
        }
        contents += &format!(
            "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size>\
             <StorageClass>STANDARD</StorageClass></Contents>",
            shown(key),
            object.modified.format("%Y-%m-%dT%H:%M:%S%.3fZ"),
            xml::escape(&object.etag),
            object.bytes.len(),
        );
    }
    let next = if more {
        format!("<NextContinuationToken>{}</NextContinuationToken>", xml::escape(&last))
    } else {
        String::new()
    };
    Ok(Answer::xml(
        200,
        format!(
            "{}<ListBucketResult {}><Name>{}</Name><Prefix>{}</Prefix><KeyCount>{count}</KeyCount>\
             <MaxKeys>{limit}</MaxKeys><IsTruncated>{more}</IsTruncated>{next}{contents}</ListBucketResult>",
            xml::HEAD,
            xml::NAMESPACE,
            xml::escape(&request.bucket),
            shown(prefix),
        ),
    ))
}

fn create_upload(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    let about = About::of(request);
    check_metadata(&about)?;
    let algorithm = request.header("x-amz-checksum-algorithm").and_then(Algorithm::named);
    let kind = request.header("x-amz-checksum-type");
    let full = kind == Some("FULL_OBJECT") || (kind.is_none() && algorithm == Some(Algorithm::Crc64Nvme));
    if full && algorithm == Some(Algorithm::Sha256) {
        return Err(Refusal { status: 400, code: "InvalidRequest" });
    }
    let (id, bucket, key) = (state.id(), request.bucket.clone(), request.key.clone());
    let text = format!(
        "{}<InitiateMultipartUploadResult {}><Bucket>{}</Bucket><Key>{}</Key><UploadId>{id}</UploadId>\
         </InitiateMultipartUploadResult>",
        xml::HEAD,
        xml::NAMESPACE,
        xml::escape(&bucket),
        xml::escape(&key),
    );
    let answer = Answer::xml(200, text).with_all(about.encryption_headers());
    state.uploads.insert(id, Upload { bucket, key, about, algorithm, full, parts: Default::default() });
    Ok(answer)
}

fn upload_part(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    let number: u32 = request.query("partNumber").and_then(|text| text.parse().ok()).unwrap_or_default();
    if !(1..=10_000).contains(&number) {
        return Err(Refusal { status: 400, code: "InvalidArgument" });
    }
    let checksums = checksum::verified(request)?;
    let upload = upload(state, request)?;
    let checksum = upload.algorithm.map(|algorithm| {
        let given = checksums.iter().find(|(given, _)| *given == algorithm);
        given.map_or_else(|| algorithm.of(&request.body), |(_, value)| value.clone())
    });
    let etag = checksum::etag(&request.body);
    let answer = Answer::new(200)
        .with("etag", &etag)
        .with_all(upload.about.encryption_headers())
        .with_all(checksums.iter().map(|(algorithm, value)| (algorithm.header(), value)));
    upload.parts.insert(number, Part { bytes: request.body.clone(), etag, checksum });
    Ok(answer)
}

fn abort(state: &mut State, request: &Request) -> Result<Answer, Refusal> {
    upload(state, request)?;
    state.uploads.remove(request.query("uploadId").unwrap_or_default());
    Ok(Answer::new(204))
}

pub(super) fn upload<'a>(state: &'a mut State, request: &Request) -> Result<&'a mut Upload, Refusal> {
    let upload = state.uploads.get_mut(request.query("uploadId").unwrap_or_default());
    upload
        .filter(|upload| upload.bucket == request.bucket && upload.key == request.key)
        .ok_or(Refusal::NO_UPLOAD)
}

pub(super) fn objects<'a>(state: &'a mut State, request: &Request) -> Result<&'a mut Objects, Refusal> {
    state.bucket_mut(&request.bucket).ok_or(Refusal { status: 404, code: "NoSuchBucket" })
}

/// Refuses a write whose condition does not hold.
pub(super) fn check_condition(objects: &Objects, request: &Request) -> Result<(), Refusal> {
    let found = objects.get(&request.key);
    if request.header("if-none-match").is_some() && found.is_some() {
        return Err(Refusal::PRECONDITION);
    }
    match (request.header("if-match"), found) {
        (Some(_), None) => Err(Refusal::MISSING),
        (Some(wanted), Some(found)) if wanted != "*" && wanted != found.etag => Err(Refusal::PRECONDITION),
        _ => Ok(()),
    }
}

fn check_metadata(about: &About) -> Result<(), Refusal> {
    if about.metadata_bytes() > METADATA {
        return Err(Refusal { status: 400, code: "MetadataTooLarge" });
    }
    if about.tags.len() > 10 {
        return Err(Refusal { status: 400, code: "BadRequest" });
    }
    Ok(())
}
