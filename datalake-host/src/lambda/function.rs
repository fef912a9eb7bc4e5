//! The pipelines of a worker, and what each event does with them.

use bytes::Bytes;
use datalake_core::{Error, ErrorKind, Result};
use futures::future::join_all;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use super::delivery::{Delivery, Item, Service};
use super::drain::{Drained, Served};
use super::event::{self, Event};
use super::feed::Left;
use super::firehose::FirehoseTransform;
use super::invocation::Invocation;
use crate::Host;
use crate::host::Made;

/// The pipelines of a worker, made once and kept from one event to the next.
#[derive(Debug)]
pub(super) struct Function {
    served: Vec<Served>,
    transform: Option<FirehoseTransform>,
    stop: watch::Receiver<bool>,
}

impl Function {
    /// Makes the pipelines.
    ///
    /// # Errors
    /// One of them cannot be made.
    pub(super) async fn new(mut host: Host, stop: watch::Receiver<bool>) -> Result<Self> {
        let transform = host.firehose.take().transpose()?;
        let made = if host.is_empty() && transform.is_some() { Vec::new() } else { host.make(&[]).await? };
        let served = made.into_iter().map(|Made { pipeline, feed }| Served::new(pipeline, feed)).collect();
        Ok(Self { served, transform, stop })
    }

    /// Does what an event asks for, and gives the answer.
    ///
    /// # Errors
    /// The event cannot be read or is for nothing here; or what it asks for failed.
    pub(super) async fn answer(&mut self, event: Bytes, invocation: &Invocation) -> Result<Bytes> {
        match event::read(&event)? {
            Event::Firehose => match &self.transform {
                Some(transform) => transform.answer(event).await,
                None => Err(Error::new(
                    ErrorKind::Unsupported,
                    "the worker does not transform records of Firehose",
                )),
            },
            Event::Delivery(delivery) => self.land(delivery, invocation).await,
            Event::Nothing => to_json(&json!({})),
            Event::Schedule(only) => self.drain(&only, invocation).await,
        }
    }

    /// Drains the pipelines that no invocation feeds, side by side. One that fails does not stop the others.
    async fn drain(&mut self, only: &[String], invocation: &Invocation) -> Result<Bytes> {
        let names = |served: &Served| served.pipeline.id().as_str().to_owned();
        let scheduled: Vec<_> =
            self.served.iter().filter(|served| served.feed.is_none()).map(names).collect();
        if let Some(missing) = only.iter().find(|name| !scheduled.contains(name)) {
            return Err(Error::new(ErrorKind::NotFound, "the worker has no pipeline of that name to drain")
                .with("pipeline", format_args!("{missing:?}")));
        }
        let wanted = |served: &Served| {
            served.feed.is_none()
                && (only.is_empty() || only.iter().any(|name| name == served.pipeline.id().as_str()))
        };
        let stop = self.stop.clone();
        let running = self.served.iter_mut().filter(|served| wanted(served)).map(|served| {
            let stop = stop.clone();
            async move {
                let drained = served.drain(invocation, stop).await;
                drained.map_err(|error| error.with("pipeline", served.pipeline.id()))
            }
        });
        let ended = join_all(running).await;
        if ended.is_empty() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the worker has no pipeline to drain on a schedule",
            ));
        }
        let (mut drained, mut failed) = (Vec::new(), None);
        for ended in ended {
            match ended {
                Ok(ended) => {
                    tracing::info!(pipeline = %ended.pipeline, ended = ?ended.ended, commits = ended.commits,
                        records = ended.counts.read, more = ended.more, "drained");
                    drained.push(ended);
                }
                Err(error) => {
                    tracing::error!(%error, "a pipeline failed");
                    failed.get_or_insert(error);
                }
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        #[derive(Serialize)]
        struct Answer {
            more: bool,
            pipelines: Vec<Drained>,
        }
        to_json(&Answer { more: drained.iter().any(|drained| drained.more), pipelines: drained })
    }

    /// Lands what an event brings in the first pipeline that takes from where it comes.
    async fn land(&mut self, delivery: Delivery, invocation: &Invocation) -> Result<Bytes> {
        let accepts = |served: &Served| served.feed.as_ref().is_some_and(|feed| feed.accepts(&delivery.from));
        let Some((served, feed)) = self
            .served
            .iter_mut()
            .find(|served| accepts(served))
            .and_then(|served| served.feed.clone().map(|feed| (served, feed)))
        else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the worker has no pipeline for what an event brings",
            )
            .with("from", &delivery.from));
        };
        let (service, items) = (delivery.service, delivery.items.clone());
        feed.begin(delivery, &invocation.request_id);
        let drained = served.drain(invocation, self.stop.clone()).await;
        let left = feed.end();
        if !left.open.is_empty() {
            served.pipeline.forget();
        }
        match &drained {
            Ok(drained) => tracing::info!(pipeline = %drained.pipeline, commits = drained.commits,
                records = drained.counts.read, left = left.open.len(), "landed"),
            Err(error) => tracing::error!(%error, left = left.open.len(), "not everything was landed"),
        }
        answer(service, &items, left, drained, feed.whole_batches())
    }

    #[cfg(test)]
    pub(super) fn progress(&self, name: &str) -> Option<watch::Receiver<datalake_core::pipeline::Progress>> {
        let mut served = self.served.iter();
        served.find(|served| served.pipeline.id().as_str() == name).map(|served| served.pipeline.progress())
    }

    /// Lets go of sources and sinks.
    pub(super) async fn close(&mut self) {
        for served in self.served.drain(..) {
            served.pipeline.close().await;
        }
    }
}

/// What a service is told of an event that it has brought.
///
/// If something was landed and something not, Kinesis is told where to begin again, and SQS which messages to keep; if
/// nothing was, or the service knows no such answer, the event fails as a whole.
fn answer(
    service: Service,
    items: &[Item],
    left: Left,
    drained: Result<Drained>,
    whole: bool,
) -> Result<Bytes> {
    let Left { open, failed } = left;
    let names = match service {
        _ if open.is_empty() => Vec::new(),
        Service::Storage => return Err(not_landed(drained, failed, open.len())),
        _ if whole || items.iter().all(|item| open.contains(&item.key)) => {
            return Err(not_landed(drained, failed, open.len()));
        }
        Service::Kinesis => items.iter().find(|item| open.contains(&item.key)).into_iter().collect(),
        Service::Sqs { fifo: false } => items.iter().filter(|item| open.contains(&item.key)).collect(),
        // A message after one that comes again must come again too, or it would overtake.
        Service::Sqs { fifo: true } => items.iter().skip_while(|item| !open.contains(&item.key)).collect(),
    };
    if service == Service::Storage {
        return to_json(&drained?);
    }
    let failures: Vec<_> = names.iter().map(|item| json!({ "itemIdentifier": &*item.name })).collect();
    to_json(&json!({ "batchItemFailures": failures }))
}

/// Why not everything was landed.
fn not_landed(drained: Result<Drained>, failed: Vec<Error>, left: usize) -> Error {
    let error = failed.into_iter().next().or(drained.err()).unwrap_or_else(|| {
        Error::new(ErrorKind::Unavailable, "the time was over before everything was committed")
    });
    error.with("left", left)
}

fn to_json(answer: &impl Serialize) -> Result<Bytes> {
    let json = serde_json::to_vec(answer);
    json.map(Bytes::from).map_err(|cause| Error::unexpected("an answer cannot be written").caused_by(cause))
}
