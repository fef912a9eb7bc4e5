//! What the service allows.

/// What the service allows in a call and in a second.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits {
    /// Records in one call that puts several.
    pub records_per_put: usize,
    /// Bytes in one call that puts several, keys included. The service takes 10 MiB, and did take 5 MiB.
    pub bytes_per_put: usize,
    /// Records that a shard takes in a second; none if `None`.
    pub records_per_second: Option<u32>,
    /// Bytes that a shard takes in a second.
    pub bytes_per_second: Option<usize>,
    /// Reads that a shard answers in a second.
    pub reads_per_second: Option<u32>,
    /// Shards that a page of a list holds.
    pub shards_per_page: usize,
    /// How long an iterator holds, in milliseconds.
    pub iterator_millis: i64,
}

impl Default for Limits {
    /// Those of the service on calls; none in a second.
    fn default() -> Self {
        Self {
            records_per_put: 500,
            bytes_per_put: 10 << 20,
            records_per_second: None,
            bytes_per_second: None,
            reads_per_second: None,
            shards_per_page: 1000,
            iterator_millis: 300_000,
        }
    }
}

impl Limits {
    /// Those of a shard that is as slow as the service's: 1,000 records and 1 MiB written, 5 reads, in a second.
    #[must_use]
    pub fn slow_shards(mut self) -> Self {
        self.records_per_second = Some(1000);
        self.bytes_per_second = Some(1 << 20);
        self.reads_per_second = Some(5);
        self
    }

    /// Sets how many bytes a call that puts several records can hold.
    #[must_use]
    pub fn bytes_per_put(mut self, bytes: usize) -> Self {
        self.bytes_per_put = bytes;
        self
    }

    /// Sets how many records and bytes a shard takes in a second.
    #[must_use]
    pub fn per_second(mut self, records: u32, bytes: usize) -> Self {
        self.records_per_second = Some(records);
        self.bytes_per_second = Some(bytes);
        self
    }

    /// Sets how many shards a page of a list holds.
    #[must_use]
    pub fn shards_per_page(mut self, shards: usize) -> Self {
        self.shards_per_page = shards.max(1);
        self
    }
}
