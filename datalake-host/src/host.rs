//! A worker: what it is called, the lake it fills, and its pipelines.

use std::fmt;
use std::future::Future;

use datalake_core::lake::Lake;
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::{Dataset, Error, Pipeline, Result, Worker};
use futures::future::{BoxFuture, FutureExt};

#[cfg(feature = "lambda")]
use crate::lambda::{Feed, firehose::FirehoseTransform};

/// A worker: what it is called, the lake it fills, and its pipelines.
///
/// Pipelines are made when a command needs them. Those that only look into the lake (`ls`, `cat`, `trace`, `verify`,
/// `status`, `compact`, `clean`) make none, unless no lake was given.
#[must_use]
pub struct Host {
    pub(crate) worker: Worker,
    pub(crate) lake: Option<Lake>,
    pub(crate) dataset: Option<Dataset>,
    recipes: Vec<Recipe>,
    #[cfg(feature = "lambda")]
    pub(crate) firehose: Option<Result<FirehoseTransform>>,
}

type Make = Box<dyn FnOnce(PipelineBuilder) -> BoxFuture<'static, Result<PipelineBuilder>> + Send>;

/// A pipeline, and what invocations bring to it if it reads from that.
pub(crate) struct Made {
    pub(crate) pipeline: Pipeline,
    #[cfg(feature = "lambda")]
    pub(crate) feed: Option<Feed>,
}

enum Recipe {
    Lazy {
        name: String,
        make: Make,
        #[cfg(feature = "lambda")]
        feed: Option<Feed>,
    },
    Ready(Result<Pipeline>),
}

impl Host {
    /// A worker by the name and version of its program, which lineage repeats: give `env!("CARGO_PKG_NAME")` and
    /// `env!("CARGO_PKG_VERSION")`.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        let worker = Worker { host: hostname(), ..Worker::new(name, version) };
        Self {
            worker,
            lake: None,
            dataset: None,
            recipes: Vec::new(),
            #[cfg(feature = "lambda")]
            firehose: None,
        }
    }

    /// Names the commit the program was built from, for lineage.
    pub fn git_sha(mut self, sha: impl Into<String>) -> Self {
        self.worker.git_sha = Some(sha.into());
        self
    }

    /// Says which lake the commands look into. By default that of the first pipeline that has one.
    pub fn lake(mut self, lake: &Lake) -> Self {
        self.lake = Some(lake.clone());
        self
    }

    /// Says which dataset `cat` and `ls` show where none is named. By default `cat` takes the only one there is, and
    /// `ls` all.
    pub fn dataset(mut self, dataset: Dataset) -> Self {
        self.dataset = Some(dataset);
        self
    }

    /// Adds a pipeline by its name and how to make it. What it is given already has the name and the worker.
    ///
    /// # Errors
    /// If it cannot be made, nothing starts: the command ends with the error in one line.
    pub fn pipeline<F, Fut>(mut self, name: impl Into<String>, make: F) -> Self
    where
        F: FnOnce(PipelineBuilder) -> Fut + Send + 'static,
        Fut: Future<Output = Result<PipelineBuilder>> + Send + 'static,
    {
        let make: Make = Box::new(|builder| make(builder).boxed());
        self.recipes.push(Recipe::Lazy {
            name: name.into(),
            make,
            #[cfg(feature = "lambda")]
            feed: None,
        });
        self
    }

    /// Adds a pipeline that lands what invocations bring: records of Kinesis, messages of SQS, new objects of S3. It is
    /// made as one of [`pipeline`](Self::pipeline), and its source is [`Feed::source`]. Outside of Lambda nothing feeds
    /// it: the commands that look into the lake, `replay` and `rebuild` work on it, and `drain` has nothing to do.
    ///
    /// # Errors
    /// As for [`pipeline`](Self::pipeline); and if the pipeline does not read from its feed.
    #[cfg(feature = "lambda")]
    pub fn on_invocation<F, Fut>(mut self, name: impl Into<String>, make: F) -> Self
    where
        F: FnOnce(PipelineBuilder, Feed) -> Fut + Send + 'static,
        Fut: Future<Output = Result<PipelineBuilder>> + Send + 'static,
    {
        let feed = Feed::new();
        let given = feed.clone();
        let make: Make = Box::new(|builder| make(builder, given).boxed());
        self.recipes.push(Recipe::Lazy { name: name.into(), make, feed: Some(feed) });
        self
    }

    /// Answers the events of Firehose with a transformation, or the error it could not be made for. Outside of Lambda
    /// nothing calls it.
    #[cfg(feature = "lambda")]
    pub fn firehose(mut self, transform: Result<FirehoseTransform>) -> Self {
        self.firehose = Some(transform);
        self
    }

    /// Whether it has no pipelines at all.
    #[cfg(feature = "lambda")]
    pub(crate) fn is_empty(&self) -> bool {
        self.recipes.is_empty()
    }

    /// Adds a pipeline that is made already, or the error it could not be made for.
    pub fn ready(mut self, pipeline: Result<Pipeline>) -> Self {
        self.recipes.push(Recipe::Ready(pipeline));
        self
    }

    /// The name of the worker.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.worker.name
    }

    /// Makes the pipelines of these names; all of them if there are none.
    ///
    /// # Errors
    /// A pipeline cannot be made, or the worker has none of a name, or none at all.
    pub async fn pipelines(self, only: &[String]) -> Result<Vec<Pipeline>> {
        Ok(self.make(only).await?.into_iter().map(|made| made.pipeline).collect())
    }

    /// As [`pipelines`](Self::pipelines), with what feeds them.
    pub(crate) async fn make(self, only: &[String]) -> Result<Vec<Made>> {
        let wanted = |name: &str| only.is_empty() || only.iter().any(|only| only == name);
        let mut made: Vec<Made> = Vec::new();
        for recipe in self.recipes {
            match recipe {
                Recipe::Lazy {
                    name,
                    make,
                    #[cfg(feature = "lambda")]
                    feed,
                } if wanted(&name) => {
                    let builder = Pipeline::builder(&name).worker(self.worker.clone());
                    let made_now = async {
                        let pipeline = make(builder).await?.build()?;
                        #[cfg(feature = "lambda")]
                        feed.iter().try_for_each(Feed::check)?;
                        Ok(pipeline)
                    };
                    let pipeline = made_now.await.map_err(|error: Error| error.with("pipeline", &name))?;
                    made.push(Made {
                        pipeline,
                        #[cfg(feature = "lambda")]
                        feed,
                    });
                }
                Recipe::Lazy { .. } => {}
                Recipe::Ready(pipeline) => {
                    let pipeline = pipeline?;
                    if wanted(pipeline.id().as_str()) {
                        made.push(Made {
                            pipeline,
                            #[cfg(feature = "lambda")]
                            feed: None,
                        });
                    }
                }
            }
        }
        let has = |name: &str| made.iter().any(|made| made.pipeline.id().as_str() == name);
        if let Some(missing) = only.iter().find(|only| !has(only)) {
            return Err(Error::config("the worker has no pipeline of that name")
                .with("pipeline", format_args!("{missing:?}")));
        }
        if made.is_empty() {
            return Err(Error::config("the worker has no pipelines"));
        }
        for (n, Made { pipeline, .. }) in made.iter().enumerate() {
            if made[..n].iter().any(|other| other.pipeline.id() == pipeline.id()) {
                return Err(
                    Error::config("the worker has two pipelines of one name").with("pipeline", pipeline.id())
                );
            }
        }
        Ok(made)
    }
}

impl From<Pipeline> for Host {
    fn from(pipeline: Pipeline) -> Self {
        Ok(pipeline).into()
    }
}

impl From<Result<Pipeline>> for Host {
    fn from(pipeline: Result<Pipeline>) -> Self {
        Self::unnamed().ready(pipeline)
    }
}

impl From<Vec<Pipeline>> for Host {
    fn from(pipelines: Vec<Pipeline>) -> Self {
        pipelines.into_iter().fold(Self::unnamed(), |host, pipeline| host.ready(Ok(pipeline)))
    }
}

impl Host {
    /// A worker called as its program file is.
    fn unnamed() -> Self {
        let program = std::env::args_os().next().map(std::path::PathBuf::from);
        let name = program.as_deref().and_then(|path| path.file_stem()?.to_str()).unwrap_or("worker");
        Self::new(name, "")
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("worker", &self.worker).field("lake", &self.lake).finish_non_exhaustive()
    }
}

/// The name of the machine or container, as far as it says so.
fn hostname() -> Option<String> {
    let named = std::env::var("HOSTNAME").ok();
    let named = named.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())?;
    let named = named.trim();
    (!named.is_empty()).then(|| named.to_owned())
}
