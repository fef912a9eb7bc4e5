//! Reading and listing.

use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::DateTime as SdkTime;
use aws_sdk_s3::types::Object;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use datalake_core::store::{Listed, ObjectInfo, changed, check_key};
use datalake_core::{Error, ErrorKind, Result};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::Inner;

/// The slowest that the body of an answer may be, bytes a second.
const SLOWEST: u64 = 64 << 10;
const NOT_READ: &str = "an object was not read";

impl Inner {
    pub(super) async fn get(&self, key: &str) -> Result<Bytes> {
        let request = self.client.get_object().bucket(&self.bucket).key(self.full(key)?);
        let answer = request.send().await.map_err(|error| self.failed(NOT_READ, key, &error))?;
        let length = answer.content_length();
        let bytes = self.body(key, answer).await?;
        if length.is_some_and(|length| length != bytes.len() as i64) {
            return Err(self.unclear("an object came in part", key));
        }
        Ok(bytes)
    }

    /// Of the object with an entity tag, if one is given.
    pub(super) async fn get_range(&self, key: &str, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        let full = self.full(key)?;
        if range.is_empty() {
            let seen = self.head(key).await?;
            let same = etag.is_none_or(|etag| seen.etag.as_deref() == Some(etag));
            return if same { Ok(Bytes::new()) } else { Err(changed(key)) };
        }
        let wanted = format!("bytes={}-{}", range.start, range.end - 1);
        let request = self.client.get_object().bucket(&self.bucket).key(full).range(wanted);
        let request = request.set_if_match(etag.map(str::to_owned));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if datalake_aws::error::status(&error) == Some(416) => return Ok(Bytes::new()),
            Err(error) if etag.is_some() && datalake_aws::error::status(&error) == Some(412) => {
                return Err(changed(key));
            }
            Err(error) => return Err(self.failed(NOT_READ, key, &error)),
        };
        if etag.is_some() && answer.e_tag() != etag {
            return Err(changed(key));
        }
        let given = answer.content_range().and_then(span).filter(|(start, _)| *start == range.start);
        let (start, end) = given.ok_or_else(|| self.unclear("other bytes came than were asked for", key))?;
        let bytes = self.body(key, answer).await?;
        if end > range.end || bytes.len() as u64 != end - start {
            return Err(self.unclear("a part of an object came in part", key));
        }
        Ok(bytes)
    }

    /// The body of an answer, which is checked against the checksum in its head.
    async fn body(&self, key: &str, answer: GetObjectOutput) -> Result<Bytes> {
        if answer.e_tag().is_none() {
            return Err(self.unclear(NOT_READ, key));
        }
        let length =
            answer.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
        let limit = self.timeout + Duration::from_secs(length / SLOWEST);
        match tokio::time::timeout(limit, answer.body.collect()).await {
            Ok(Ok(body)) => Ok(body.into_bytes()),
            Ok(Err(cause)) => {
                Err(self.unclear("an object did not come as it is stored", key).caused_by(cause))
            }
            Err(_) => Err(self.unclear("an object came too slowly", key)),
        }
    }

    pub(super) async fn head(&self, key: &str) -> Result<ObjectInfo> {
        const NOT_SEEN: &str = "an object was not looked at";
        let request = self.client.head_object().bucket(&self.bucket).key(self.full(key)?);
        let answer = request.send().await.map_err(|error| self.failed(NOT_SEEN, key, &error))?;
        let (length, modified) = (answer.content_length(), answer.last_modified());
        info(key, length, modified, answer.e_tag())
            .filter(|_| answer.e_tag().is_some())
            .ok_or_else(|| self.unclear(NOT_SEEN, key))
    }

    pub(super) fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<Listed>> {
        let begin = Page {
            prefix: format!("{}{prefix}", self.prefix),
            last: after.map(|after| format!("{}{after}", self.prefix)).unwrap_or_default(),
            token: None,
        };
        stream::try_unfold(Some(begin), move |page| async move {
            let Some(page) = page else { return Ok(None) };
            self.page(page).await.map(Some)
        })
        .map_ok(|found| stream::iter(found).map(Ok))
        .try_flatten()
        .boxed()
    }

    /// One page of a list, and where the next begins.
    async fn page(&self, mut page: Page) -> Result<(Vec<Listed>, Option<Page>)> {
        const NOT_LISTED: &str = "objects were not listed";
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(&page.prefix);
        let request = match &page.token {
            Some(token) => request.continuation_token(token),
            None if page.last.is_empty() => request,
            None => request.start_after(&page.last),
        };
        let answer = request.send().await.map_err(|error| self.failed(NOT_LISTED, &page.prefix, &error))?;
        let whole = answer.key_count().is_none_or(|count| count as usize == answer.contents().len());
        let unclear = || self.unclear("a list came in part", &page.prefix);
        if !whole || answer.name().is_none() {
            return Err(unclear());
        }
        let token = next(&answer).map_err(|()| unclear())?;
        let mut found = Vec::with_capacity(answer.contents().len());
        for object in answer.contents() {
            let key = object.key().unwrap_or_default();
            if key <= page.last.as_str() {
                let order = Error::new(ErrorKind::Unsupported, "the bucket lists out of order");
                return Err(order.component("store.s3").with("store", &self.uri).with("key", key));
            }
            key.clone_into(&mut page.last);
            found.push(self.listed(object).map_err(|()| self.unclear("a list came in part", key))?);
        }
        page.token = token;
        let more = page.token.is_some();
        Ok((found, more.then_some(page)))
    }

    /// An object of a list.
    fn listed(&self, object: &Object) -> Result<Listed, ()> {
        let key = object.key().and_then(|key| key.strip_prefix(&self.prefix)).ok_or(())?;
        let info = info(key, object.size(), object.last_modified(), object.e_tag()).ok_or(())?;
        Ok(match check_key(key) {
            Ok(()) => Listed::Object(info),
            Err(_) => Listed::Refused { key: info.key, bytes: info.bytes },
        })
    }
}

/// Where a page of a list begins.
struct Page {
    prefix: String,
    /// The last key so far, or the one to begin after.
    last: String,
    token: Option<String>,
}

/// How to go on after an answer. An error if there is more and no way to it.
fn next(answer: &ListObjectsV2Output) -> Result<Option<String>, ()> {
    match (answer.is_truncated().unwrap_or_default(), answer.next_continuation_token()) {
        (false, _) => Ok(None),
        (true, Some(token)) => Ok(Some(token.to_owned())),
        (true, None) => Err(()),
    }
}

fn info(
    key: &str,
    length: Option<i64>,
    modified: Option<&SdkTime>,
    etag: Option<&str>,
) -> Option<ObjectInfo> {
    let modified = modified?;
    let modified = DateTime::<Utc>::from_timestamp(modified.secs(), modified.subsec_nanos())?;
    let (key, etag) = (key.to_owned(), etag.map(str::to_owned));
    Some(ObjectInfo { key, bytes: u64::try_from(length?).ok()?, modified, etag })
}

/// The bytes that a `Content-Range` names.
fn span(text: &str) -> Option<(u64, u64)> {
    let (first, rest) = text.strip_prefix("bytes ")?.split_once('-')?;
    let (last, _) = rest.split_once('/')?;
    Some((first.parse().ok()?, last.parse::<u64>().ok()?.checked_add(1)?))
}
