//! The settings of a delivery stream.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::destination::Destination;
use super::function::Function;
use super::prefix::Prefix;
use super::{Buffer, Delivery};

const MEBIBYTE: usize = 1 << 20;

/// What a stream must know of itself.
pub(super) struct Settings {
    pub(super) stream: String,
    pub(super) region: String,
    /// The stream of Kinesis that the records come from.
    pub(super) source: Option<String>,
    pub(super) function: Option<Arc<dyn Function>>,
    pub(super) arn: String,
    /// Bytes and time until the function is called.
    pub(super) gather: (usize, Duration),
    pub(super) retries: u32,
    pub(super) deadline: Duration,
    pub(super) prefix: Prefix,
    pub(super) errors: Prefix,
    /// Bytes and time until an object is put.
    pub(super) hold: (usize, Duration),
    pub(super) gzip: bool,
    pub(super) extension: String,
    pub(super) dynamic: bool,
    pub(super) partitions: usize,
    pub(super) destination: Box<dyn Destination>,
    pub(super) backup: Option<Prefix>,
    pub(super) backup_to: Option<Box<dyn Destination>>,
}

/// Builds a [`Delivery`]. What is not set is as the service sets it.
#[must_use]
pub struct Builder {
    settings: Settings,
    prefix: String,
    errors: String,
    backup: Option<String>,
    start: DateTime<Utc>,
}

/// A setting that the service would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong(pub(super) String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

impl Builder {
    pub(super) fn new(stream: String, destination: Box<dyn Destination>) -> Self {
        let settings = Settings {
            stream,
            region: "eu-central-1".into(),
            source: None,
            function: None,
            arn: "arn:aws:lambda:eu-central-1:000000000000:function:transform".into(),
            gather: (MEBIBYTE, Duration::from_secs(60)),
            retries: 3,
            deadline: Duration::from_secs(300),
            prefix: Prefix::default(),
            errors: Prefix::default(),
            hold: (5 * MEBIBYTE, Duration::from_secs(300)),
            gzip: false,
            extension: String::new(),
            dynamic: false,
            partitions: 500,
            destination,
            backup: None,
            backup_to: None,
        };
        Self { settings, prefix: String::new(), errors: String::new(), backup: None, start: Utc::now() }
    }

    /// Says that the records come from a stream of Kinesis, so that events say so too.
    pub fn kinesis(mut self, stream: impl Into<String>) -> Self {
        self.settings.source = Some(stream.into());
        self
    }

    /// Sets the function that transforms.
    pub fn transform(mut self, function: impl Function) -> Self {
        self.settings.function = Some(Arc::new(function));
        self
    }

    /// Sets how many bytes and how long records are gathered for the function. 1 MiB and 60 seconds unless set; the
    /// service takes at most 3 MiB and 900 seconds, and here any number of bytes makes events of up to 6 MB. Without a
    /// function nothing is gathered for one.
    pub fn gather(mut self, bytes: usize, time: Duration) -> Self {
        self.settings.gather = (bytes, time);
        self
    }

    /// Sets how often a function that fails is called again. Three times unless set.
    pub fn retries(mut self, retries: u32) -> Self {
        self.settings.retries = retries;
        self
    }

    /// Sets how long the function may take, on the clock of this machine. Five minutes unless set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// Sets the prefix of objects.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the prefix of what failed.
    pub fn error_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.errors = prefix.into();
        self
    }

    /// Sets how many bytes and how long records are gathered for an object. 5 MiB and 300 seconds unless set.
    pub fn hold(mut self, bytes: usize, time: Duration) -> Self {
        self.settings.hold = (bytes, time);
        self
    }

    /// Compresses objects by GZIP. Those of failed records and of the backup are not.
    pub fn gzip(mut self) -> Self {
        self.settings.gzip = true;
        self
    }

    /// Sets how the names of objects end.
    pub fn extension(mut self, extension: impl Into<String>) -> Self {
        self.settings.extension = extension.into();
        self
    }

    /// Switches dynamic partitioning on, with at most so many partitions active at once: 500 in the service.
    pub fn dynamic_partitioning(mut self, partitions: usize) -> Self {
        self.settings.dynamic = true;
        self.settings.partitions = partitions;
        self
    }

    /// Keeps all records as they came under another prefix of the same bucket.
    pub fn backup(mut self, prefix: impl Into<String>) -> Self {
        self.backup = Some(prefix.into());
        self
    }

    /// Keeps all records as they came in another bucket.
    pub fn backup_to(mut self, prefix: impl Into<String>, destination: impl Destination) -> Self {
        self.settings.backup_to = Some(Box::new(destination));
        self.backup(prefix)
    }

    /// Sets the time at which it begins. Now unless set.
    pub fn starting(mut self, start: DateTime<Utc>) -> Self {
        self.start = start;
        self
    }

    /// Checks the settings by the rules of the service.
    ///
    /// # Errors
    /// A prefix has an expression that the service does not know, or that it refuses there.
    pub fn build(self) -> Result<Delivery, Wrong> {
        let Self { mut settings, prefix, errors, backup, start } = self;
        if settings.function.is_none() {
            settings.gather = (1, Duration::ZERO);
        }
        settings.prefix = Prefix::parse(&prefix)?;
        if settings.prefix.has_expressions() && errors.is_empty() {
            return Err(Wrong("a prefix with expressions needs an error prefix".into()));
        }
        if settings.prefix.has_kind() {
            return Err(Wrong("error-output-type stands in the error prefix only".into()));
        }
        let keys = settings.prefix.keys().count();
        if keys > 0 && !settings.dynamic {
            return Err(Wrong("partition keys need dynamic partitioning".into()));
        }
        if settings.dynamic && keys == 0 {
            return Err(Wrong("dynamic partitioning needs a partition key in the prefix".into()));
        }
        settings.errors = match errors.as_str() {
            "" => Prefix::parse("!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/")?,
            errors => Prefix::parse(errors)?,
        };
        if settings.errors.keys().count() > 0 {
            return Err(Wrong("no partition key stands in the error prefix".into()));
        }
        if settings.errors.has_expressions() && !settings.errors.has_kind() {
            return Err(Wrong("an error prefix with expressions has error-output-type in it".into()));
        }
        settings.backup = backup.map(|prefix| Prefix::parse(&prefix)).transpose()?;
        Ok(Delivery {
            settings,
            now: start,
            waiting: Vec::new(),
            held: 0,
            ready: Default::default(),
            backup: Buffer::default(),
            records: 0,
            calls: 0,
            objects: 0,
        })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("stream", &self.stream)
            .field("gather", &self.gather)
            .field("hold", &self.hold)
            .field("prefix", &self.prefix)
            .field("errors", &self.errors)
            .finish_non_exhaustive()
    }
}
