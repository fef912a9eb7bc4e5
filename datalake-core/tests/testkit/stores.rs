use std::sync::Arc;

use datalake_core::store::{LocalStore, MemoryStore, ObjectStore, PutOptions};
use datalake_core::testkit::StoreHarness;
use datalake_core::{ErrorKind, Result, async_trait, store_suite};
use futures::StreamExt;
use tempfile::TempDir;

/// A directory of its own, opened anew each time.
struct InDirectory {
    dir: TempDir,
    sync: bool,
}

impl InDirectory {
    fn new(sync: bool) -> Self {
        Self { dir: TempDir::new().unwrap(), sync }
    }
}

#[async_trait]
impl StoreHarness for InDirectory {
    async fn open(&self) -> Result<Arc<dyn ObjectStore>> {
        let open = if self.sync { LocalStore::open } else { LocalStore::open_without_sync };
        Ok(Arc::new(open(self.dir.path())?))
    }
}

store_suite!(in_memory, MemoryStore::new());
store_suite!(in_a_directory, InDirectory::new(true));
store_suite!(in_a_directory_without_sync, InDirectory::new(false));

/// On disk a key is either an object or a folder. Saying that an object exists where a folder is would make a commit
/// look like somebody else's.
#[tokio::test]
async fn a_folder_in_the_way_of_an_object_is_an_error() {
    let dir = TempDir::new().unwrap();
    let store = LocalStore::open(dir.path()).unwrap();
    store.put("a/b", "x".into(), PutOptions::default()).await.unwrap();
    store.put("a", "x".into(), PutOptions::default()).await.unwrap_err();
    store.put_if_absent("a", "x".into(), PutOptions::default()).await.unwrap_err();
    store.put("a/b/c", "x".into(), PutOptions::default()).await.unwrap_err();
    assert_eq!(store.get("a/b").await.unwrap(), "x");
}

#[tokio::test]
async fn what_is_being_written_is_no_object() {
    let dir = TempDir::new().unwrap();
    let store = LocalStore::open(dir.path()).unwrap();
    std::fs::write(dir.path().join(".tmp/half"), "ha").unwrap();
    assert_eq!(store.list("", None).count().await, 0);
    assert_eq!(store.get(".tmp/half").await.unwrap_err().kind(), ErrorKind::ConfigInvalid);
    store.put("a", "x".into(), PutOptions::default()).await.unwrap();
    store.put_if_absent("a", "y".into(), PutOptions::default()).await.unwrap();
    assert_eq!(std::fs::read_dir(dir.path().join(".tmp")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_folder_that_was_removed_is_made_again() {
    let dir = TempDir::new().unwrap();
    let store = LocalStore::open(dir.path()).unwrap();
    for body in ["1", "2"] {
        store.put("deep/er/a", body.into(), PutOptions::default()).await.unwrap();
        assert_eq!(store.get("deep/er/a").await.unwrap(), body);
        std::fs::remove_dir_all(dir.path().join("deep")).unwrap();
    }
}
