use std::sync::Arc;

use datalake_core::store::{LocalStore, MemoryStore, ObjectStore};
use datalake_core::testkit::StoreHarness;
use datalake_core::{Result, async_trait, store_suite};
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
