//! `cat`: what a dataset holds.

use std::collections::BTreeSet;

use bytes::Bytes;
use datalake_core::lake::{Lake, Object, View};
use datalake_core::{Dataset, Error, ErrorKind, Result};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::{lake, summary};
use crate::Host;
use crate::cli::args::Cat;
use crate::cli::exit::Exit;
use crate::cli::out::{Out, complain};

/// How many objects are read ahead while one is written.
const AHEAD: usize = 2;

/// Writes object by object, so memory holds a few objects and not the dataset. The worker's own dataset may be empty;
/// another that is named must be there.
pub(super) async fn run(host: Host, args: Cat, out: &mut Out) -> Result<Exit> {
    let own = host.dataset.clone();
    let lake = lake(host).await?;
    let all: Vec<_> = lake.views().await?.into_iter().flat_map(View::into_objects).collect();
    let holds = |dataset: &Dataset| all.iter().any(|object| object.dataset == *dataset);
    let dataset = match (args.dataset, own) {
        (Some(named), _) if holds(&named) => named,
        (Some(named), _) => {
            return Err(
                Error::new(ErrorKind::NotFound, "the lake has no such dataset").with("dataset", named)
            );
        }
        (None, Some(own)) => own,
        (None, None) => only_one(&all)?,
    };
    if !holds(&dataset) {
        complain(&format!("nothing of {dataset} is in the lake yet"));
    }
    let wanted = all.into_iter().filter(|object| object.zone == args.zone && object.dataset == dataset);
    let mut contents = stream::iter(wanted).map(|object| read(lake.clone(), object)).buffered(AHEAD);
    while let Some(content) = contents.try_next().await? {
        out.bytes(&content);
        if out.is_closed() {
            break;
        }
    }
    Ok(Exit::Done)
}

/// Reads in a task of its own, beside the writing.
async fn read(lake: Lake, object: Object) -> Result<Bytes> {
    summary::joined(tokio::spawn(async move { lake.content(&object).await }).await)
}

fn only_one(objects: &[Object]) -> Result<Dataset> {
    let mut known: BTreeSet<_> = objects.iter().map(|object| object.dataset.clone()).collect();
    let names = known.iter().map(Dataset::as_str).collect::<Vec<_>>().join(", ");
    match (known.pop_first(), known.is_empty()) {
        (None, _) => Err(Error::new(ErrorKind::NotFound, "the lake is empty")),
        (Some(only), true) => Ok(only),
        (Some(_), false) => {
            Err(Error::config("the lake has several datasets; name one with --dataset")
                .with("datasets", names))
        }
    }
}
