use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use datalake_core::store::{Created, MemoryStore, ObjectInfo, ObjectStore, Payload, PutOptions};
use datalake_core::testkit::{StoreHarness, store};
use datalake_core::{Error, ErrorKind, Result, async_trait};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::task::yield_now;

/// How a store is broken.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    NotAtAll,
    KeepsTheFirstPart,
    KeepsTheOldTail,
    MixesUpHeads,
    DoesNotDelete,
    FailsToDeleteNothing,
    DeletesWhatIsBelow,
    CreatesOver,
    RemembersTheDeleted,
    RangesAreInclusive,
    RefusesRangesPastTheEnd,
    DropsTheEmpty,
    CutsOffAt8MiB,
    AppendsTheMetadata,
    OrdersBySegment,
    OrdersByWriting,
    PrefixesAreFolders,
    AfterIsInclusive,
    AfterMustExist,
    ListsOnePage,
    ListsOnlyOneLevel,
    RefusesLongKeys,
    DecodesKeys,
    IgnoresCase,
    MendsBadKeys,
    BadKeysAreNotFound,
    MissingIsEmpty,
    MissingIsUnavailable,
    FoldersAreFound,
    ShowsItsSecret,
    TellsItsSecretInErrors,
    CachesPerProcess,
    CreatesInTwoSteps,
    WritesInTwoSteps,
}

use How::*;

const TWINS: &[(&str, How)] = &[
    ("gives_back_what_was_put", KeepsTheFirstPart),
    ("gives_back_what_was_put", MixesUpHeads),
    ("put_replaces", KeepsTheOldTail),
    ("delete_removes", DoesNotDelete),
    ("delete_removes", FailsToDeleteNothing),
    ("delete_removes", DeletesWhatIsBelow),
    ("absent_object_is_created_once", CreatesOver),
    ("absent_object_is_created_once", RemembersTheDeleted),
    ("range_is_clipped", RangesAreInclusive),
    ("range_is_clipped", RefusesRangesPastTheEnd),
    ("empty_object_is_an_object", DropsTheEmpty),
    ("large_object_is_whole", CutsOffAt8MiB),
    ("options_change_no_byte", AppendsTheMetadata),
    ("list_is_in_the_order_of_bytes", OrdersBySegment),
    ("list_is_in_the_order_of_bytes", OrdersByWriting),
    ("list_begins_with_the_prefix", PrefixesAreFolders),
    ("list_begins_with_the_prefix", ListsOnlyOneLevel),
    ("list_goes_on_after_a_key", AfterIsInclusive),
    ("list_goes_on_after_a_key", AfterMustExist),
    ("list_of_many_is_whole", ListsOnePage),
    ("deep_keys_work", RefusesLongKeys),
    ("strange_keys_work", DecodesKeys),
    ("strange_keys_work", IgnoresCase),
    ("bad_keys_are_refused", MendsBadKeys),
    ("bad_keys_are_refused", BadKeysAreNotFound),
    ("missing_object_is_not_found", MissingIsEmpty),
    ("missing_object_is_not_found", MissingIsUnavailable),
    ("missing_object_is_not_found", FoldersAreFound),
    ("secrets_are_hidden", ShowsItsSecret),
    ("secrets_are_hidden", TellsItsSecretInErrors),
    ("another_process_sees_every_write", CachesPerProcess),
    ("one_of_many_creates_an_object", CreatesInTwoSteps),
    ("one_of_many_creates_an_object", CreatesOver),
    ("readers_see_whole_objects", WritesInTwoSteps),
    ("dropped_write_is_whole_or_absent", WritesInTwoSteps),
];

#[test]
fn every_case_catches_its_broken_store() {
    super::all_are_caught(
        store::CASES,
        TWINS,
        |_| NotAtAll,
        async |case, how| {
            case(&Harness(Broken { how, objects: MemoryStore::new(), deleted: MemoryStore::new() })).await
        },
    );
}

const SECRET: &str = "hunter-2";

struct Harness(Broken);

#[async_trait]
impl StoreHarness for Harness {
    async fn open(&self) -> Result<Arc<dyn ObjectStore>> {
        let mut store = self.0.clone();
        if store.how == CachesPerProcess {
            store.objects = MemoryStore::new();
        }
        Ok(Arc::new(store))
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into()]
    }
}

#[derive(Clone)]
struct Broken {
    how: How,
    objects: MemoryStore,
    deleted: MemoryStore,
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Broken({})", if self.how == ShowsItsSecret { SECRET } else { "***" })
    }
}

impl Broken {
    /// The key under which this store keeps an object.
    fn key(&self, key: &str) -> String {
        match self.how {
            DecodesKeys => key.replace("%20", " ").replace("%2F", "/"),
            IgnoresCase => key.to_lowercase(),
            MendsBadKeys => key.trim_matches('/').replace("//", "/"),
            _ => key.to_owned(),
        }
    }

    /// The error this store gives instead of a right one.
    fn wrong(&self, error: Error) -> Error {
        let missing = error.kind() == ErrorKind::NotFound;
        match self.how {
            MissingIsUnavailable if missing => Error::new(ErrorKind::Unavailable, "there is no such object"),
            BadKeysAreNotFound => Error::new(ErrorKind::NotFound, "there is no such object"),
            TellsItsSecretInErrors => error.with("password", SECRET),
            _ => error,
        }
    }

    /// What is stored where this is put over another.
    async fn stored(&self, key: &str, payload: Payload, options: &PutOptions) -> Payload {
        let first = payload.parts().first().cloned().unwrap_or_default();
        let mut bytes = payload.into_bytes();
        match self.how {
            KeepsTheFirstPart => return first.into(),
            CutsOffAt8MiB => bytes.truncate(8 << 20),
            KeepsTheOldTail => {
                let old = self.objects.get(key).await.unwrap_or_default();
                let tail = old.get(bytes.len()..).unwrap_or_default();
                return BytesMut::from_iter(bytes.iter().chain(tail)).freeze().into();
            }
            AppendsTheMetadata => {
                let all = format!("{}{}", String::from_utf8_lossy(&bytes), options.metadata.len());
                return if options.metadata.is_empty() { bytes.into() } else { all.into() };
            }
            _ => {}
        }
        bytes.into()
    }
}

#[async_trait]
impl ObjectStore for Broken {
    fn uri(&self) -> &str {
        "memory:///broken"
    }

    async fn put(&self, key: &str, payload: Payload, options: PutOptions) -> Result<()> {
        let key = &self.key(key);
        if self.how == RefusesLongKeys && key.len() > 255 {
            return Err(Error::config("the key is too long"));
        }
        if self.how == DropsTheEmpty && payload.is_empty() {
            return Ok(());
        }
        let payload = self.stored(key, payload, &options).await;
        if self.how == WritesInTwoSteps && payload.len() > 1 {
            let half = payload.clone().into_bytes().slice(..payload.len() / 2);
            self.objects.put(key, half.into(), options.clone()).await?;
            yield_now().await;
        }
        self.objects.put(key, payload, options).await.map_err(|error| self.wrong(error))
    }

    async fn put_if_absent(&self, key: &str, payload: Payload, options: PutOptions) -> Result<Created> {
        let key = &self.key(key);
        match self.how {
            CreatesOver => self.put(key, payload, options).await.map(|()| Created::New),
            RemembersTheDeleted if self.deleted.head(key).await.is_ok() => Ok(Created::Exists),
            CreatesInTwoSteps => {
                if self.objects.head(key).await.is_ok() {
                    return Ok(Created::Exists);
                }
                yield_now().await;
                self.objects.put(key, payload, options).await.map(|()| Created::New)
            }
            _ => {
                let payload = self.stored(key, payload, &options).await;
                let created = self.objects.put_if_absent(key, payload, options).await;
                created.map_err(|error| self.wrong(error))
            }
        }
    }

    async fn get(&self, key: &str) -> Result<Bytes> {
        match self.objects.get(&self.key(key)).await {
            Err(error) if self.how == MissingIsEmpty && error.kind() == ErrorKind::NotFound => {
                Ok(Bytes::new())
            }
            Err(_) if self.how == FoldersAreFound && key == "folder" => Ok(Bytes::new()),
            got => got.map_err(|error| self.wrong(error)),
        }
    }

    async fn get_range(&self, key: &str, mut range: Range<u64>) -> Result<Bytes> {
        let key = &self.key(key);
        if self.how == RangesAreInclusive {
            range.end = range.end.saturating_add(1);
        }
        if self.how == RefusesRangesPastTheEnd && range.end > self.objects.head(key).await?.bytes {
            return Err(Error::config("the range is past the end"));
        }
        self.objects.get_range(key, range).await.map_err(|error| self.wrong(error))
    }

    async fn head(&self, key: &str) -> Result<ObjectInfo> {
        let info = self.objects.head(&self.key(key)).await.map_err(|error| self.wrong(error))?;
        let bytes = if self.how == MixesUpHeads { info.bytes + 1 } else { info.bytes };
        Ok(ObjectInfo { key: key.to_owned(), bytes, ..info })
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<ObjectInfo>> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let all = async move {
            let mut all: Vec<ObjectInfo> = match self.how {
                AfterIsInclusive | AfterMustExist => self.objects.list(&prefix, None).try_collect().await,
                _ => self.objects.list(&prefix, after.as_deref()).try_collect().await,
            }
            .unwrap_or_default();
            match self.how {
                OrdersBySegment => {
                    all.sort_by_key(|info| info.key.split('/').map(str::to_owned).collect::<Vec<_>>());
                }
                OrdersByWriting => all.sort_by_key(|info| info.modified),
                PrefixesAreFolders => all.retain(|info| {
                    let rest = &info.key[prefix.len()..];
                    prefix.is_empty() || prefix.ends_with('/') || rest.starts_with('/') || rest.is_empty()
                }),
                ListsOnlyOneLevel => all.retain(|info| !info.key[prefix.len()..].contains('/')),
                AfterIsInclusive => all.retain(|info| after.as_ref().is_none_or(|after| info.key >= *after)),
                AfterMustExist => {
                    let at = all.iter().position(|info| Some(&info.key) == after.as_ref());
                    all.drain(..at.map_or(0, |at| at + 1));
                }
                ListsOnePage => all.truncate(1_000),
                _ => {}
            }
            stream::iter(all).map(Ok)
        };
        stream::once(all).flatten().boxed()
    }

    async fn delete(&self, key: &str) -> Result<()> {
        match self.how {
            DoesNotDelete => return Ok(()),
            FailsToDeleteNothing => drop(self.objects.head(key).await?),
            DeletesWhatIsBelow => {
                let below: Vec<_> = self.objects.list(&format!("{key}/"), None).try_collect().await?;
                for info in below {
                    self.objects.delete(&info.key).await?;
                }
            }
            RemembersTheDeleted => self.deleted.put(key, Payload::new(), PutOptions::default()).await?,
            _ => {}
        }
        self.objects.delete(&self.key(key)).await.map_err(|error| self.wrong(error))
    }
}
