//! What each answer of S3 means to the caller.

use std::time::Duration;

use datalake_core::store::{Created, ObjectStore, PutOptions};
use datalake_core::{ErrorKind, Result};
use datalake_simulators::s3::{Fault, Op, Refusal, Rule};
use futures::TryStreamExt;

use super::place::{BUCKET, Place, SECRETS};
use crate::s3::S3Store;

const BODY: &str = "as many bytes as a part and a half has";

/// A store whose objects of more than 20 bytes go up in parts, and which waits for no more than half a second.
async fn store(place: &Place) -> S3Store {
    place.s3().smallest_part(1);
    place.builder().multipart(20, 20).timeout(Duration::from_millis(500)).build().await.unwrap()
}

async fn create(store: &S3Store, body: &'static str) -> Result<Created> {
    store.put_if_absent("slot", body.into(), PutOptions::default()).await
}

/// The answer of a write whose operation has a fault, and whether the object is there.
async fn written(op: Op, body: &'static str, fault: Fault) -> (Result<Created, (ErrorKind, bool)>, bool) {
    let place = Place::simulated().await;
    let store = store(&place).await;
    place.s3().fail(Rule::new(op, fault));
    let answer = create(&store, body).await.map_err(|error| (error.kind(), error.is_retryable()));
    (answer, place.s3().object(BUCKET, "a/lake/slot").is_some())
}

const AGAIN: Result<Created, (ErrorKind, bool)> = Err((ErrorKind::Unavailable, true));

#[tokio::test]
async fn an_unclear_answer_to_a_write_is_temporary_and_a_failed_precondition_is_taken() {
    for (fault, answer, there) in [
        (Fault::Refused(Refusal::PRECONDITION), Ok(Created::Exists), false),
        (Fault::RefusedAfter(Refusal::PRECONDITION), Ok(Created::Exists), true),
        (Fault::Refused(Refusal::CONFLICT), Err((ErrorKind::Conflict, true)), false),
        (Fault::Refused(Refusal::SLOW_DOWN), Err((ErrorKind::RateLimited, true)), false),
        (Fault::Refused(Refusal::INTERNAL), AGAIN, false),
        (Fault::RefusedAfter(Refusal::INTERNAL), AGAIN, true),
        (Fault::Refused(Refusal::TIMEOUT), AGAIN, false),
        (Fault::Refused(Refusal::BAD_DIGEST), AGAIN, false),
        (Fault::Refused(Refusal::DENIED), Err((ErrorKind::PermissionDenied, false)), false),
        (Fault::ErrorIn200("InternalError"), AGAIN, false),
        (Fault::ErrorIn200After("InternalError"), AGAIN, true),
        (Fault::Reset, AGAIN, false),
        (Fault::Lost, AGAIN, true),
        (Fault::Late { after: 9 }, AGAIN, false),
        (Fault::Silent, AGAIN, true),
        (Fault::Truncated, AGAIN, true),
        (Fault::Foreign, AGAIN, true),
        (Fault::Slow(Duration::from_millis(20)), Ok(Created::New), true),
    ] {
        assert_eq!(written(Op::PutObject, "short", fault).await, (answer, there), "{fault:?}");
        assert_eq!(written(Op::CompleteUpload, BODY, fault).await, (answer, there), "{fault:?} of an upload");
    }
    let code = Fault::ErrorIn200("PreconditionFailed");
    assert_eq!(written(Op::CompleteUpload, BODY, code).await, (Ok(Created::Exists), false));
    let code = Fault::ErrorIn200After("PreconditionFailed");
    assert_eq!(written(Op::CompleteUpload, BODY, code).await, (Ok(Created::Exists), true));
    let gone = Fault::Refused(Refusal::NO_UPLOAD);
    assert_eq!(written(Op::CompleteUpload, BODY, gone).await, (Err((ErrorKind::NotFound, true)), false));
}

#[tokio::test]
async fn an_upload_that_fails_on_its_way_leaves_nothing() {
    for op in [Op::CreateUpload, Op::UploadPart, Op::CompleteUpload] {
        for fault in
            [Fault::Refused(Refusal::INTERNAL), Fault::Reset, Fault::Foreign, Fault::Refused(Refusal::DENIED)]
        {
            let place = Place::simulated().await;
            let store = store(&place).await;
            place.s3().fail(Rule::new(op, fault).after(u64::from(op == Op::UploadPart)));
            create(&store, BODY).await.unwrap_err();
            let left = if op == Op::CreateUpload && fault == Fault::Foreign { 1 } else { 0 };
            assert_eq!(place.s3().uploads(), left, "{op:?} {fault:?}");
            assert_eq!(
                create(&store, BODY).await.unwrap() == Created::New,
                !(op == Op::CompleteUpload && fault == Fault::Foreign)
            );
            assert_eq!(store.get("slot").await.unwrap(), BODY);
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_not_the_object_is_never_given() {
    let place = Place::simulated().await;
    let store = store(&place).await;
    create(&store, BODY).await.unwrap();
    store.put("whole", "short".into(), PutOptions::default()).await.unwrap();
    for fault in [Fault::Truncated, Fault::Short, Fault::Flipped, Fault::Foreign, Fault::Lost, Fault::Silent]
    {
        for key in ["slot", "whole"] {
            place.s3().fail(Rule::new(Op::GetObject, fault));
            let error = store.get(key).await.unwrap_err();
            assert!(error.kind() == ErrorKind::Unavailable && error.is_retryable(), "{fault:?}: {error}");
        }
        if fault != Fault::Flipped {
            place.s3().fail(Rule::new(Op::GetObject, fault));
            let error = store.get_range("slot", 3..30).await.unwrap_err();
            assert!(error.is_retryable(), "{fault:?} of a range: {error}");
        }
        assert_eq!(store.get("slot").await.unwrap(), BODY);
    }
    place.s3().fail(Rule::new(Op::GetObject, Fault::Refused(Refusal::MISSING)));
    assert_eq!(store.get("slot").await.unwrap_err().kind(), ErrorKind::NotFound);
    for fault in [Fault::Foreign, Fault::Lost, Fault::Refused(Refusal::INTERNAL)] {
        place.s3().fail(Rule::new(Op::HeadObject, fault));
        let error = store.head("slot").await.unwrap_err();
        assert!(error.is_retryable(), "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn a_list_that_came_in_part_is_an_error_and_never_a_shorter_list() {
    let place = Place::simulated().await;
    place.s3().page(3);
    let store = store(&place).await;
    for n in 0..8 {
        store.put(&format!("k{n}"), "x".into(), PutOptions::default()).await.unwrap();
    }
    for fault in [
        Fault::Truncated,
        Fault::Short,
        Fault::Foreign,
        Fault::ErrorIn200("InternalError"),
        Fault::Refused(Refusal::SLOW_DOWN),
        Fault::Lost,
        Fault::Silent,
    ] {
        for page in 0..3 {
            place.s3().fail(Rule::new(Op::ListObjects, fault).after(page));
            let mut given = Vec::new();
            let mut list = store.list("", None);
            let error = loop {
                match list.try_next().await {
                    Ok(Some(info)) => given.push(info.key),
                    Ok(None) => panic!("{fault:?} on page {page}: the list ended after {given:?}"),
                    Err(error) => break error,
                }
            };
            assert!(error.is_retryable(), "{fault:?}: {error}");
            assert_eq!(given.len() as u64, 3 * page, "{fault:?}");
        }
    }
    assert_eq!(store.list("", None).try_collect::<Vec<_>>().await.unwrap().len(), 8);
}

#[tokio::test]
async fn a_missing_bucket_is_a_setting() {
    let place = Place::simulated().await;
    let store = S3Store::builder("other").config(&place.config()).build().await.unwrap();
    let write = store.put("k", "x".into(), PutOptions::default()).await.unwrap_err();
    let list = store.list("", None).try_collect::<Vec<_>>().await.unwrap_err();
    for error in [write, list, store.get("k").await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
    }
}

#[tokio::test]
async fn no_error_shows_a_secret() {
    let place = Place::simulated().await;
    let store = store(&place).await;
    let signature = Refusal { status: 403, code: "SignatureDoesNotMatch" };
    for fault in [
        Fault::Refused(signature),
        Fault::Refused(Refusal::DENIED),
        Fault::Lost,
        Fault::Foreign,
        Fault::Silent,
    ] {
        place.s3().fail(Rule::new(Op::PutObject, fault));
        let error = store.put("k", "x".into(), PutOptions::default()).await.unwrap_err();
        for secret in SECRETS {
            assert!(!format!("{error} {error:?}").contains(secret), "{error}");
        }
    }
}
