//! The three pipelines of the company: where from, changed by what, where to.

use std::path::Path;

use datalake_connectors::files::FilesSource;
use datalake_connectors::web::hook::HookSource;
use datalake_connectors::web::poll::{Pagination, PollSource};
use datalake_core::lake::Lake;
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::transform::json::{Type, cast, drop_fields, mask};
use datalake_core::{Dataset, Result};
use datalake_sinks::lake::{LakeSink, Partition};

/// Orders, polled from the shop page by page.
pub(crate) fn orders(pipeline: PipelineBuilder, url: &str, lake: &Lake) -> Result<PipelineBuilder> {
    let source = PollSource::builder(Dataset::new("orders")?, url)
        .records("/items")
        .pagination(Pagination::link_header())
        .build()?;
    Ok(pipeline
        .source(source)
        .transform(mask("mask-email", "/customer/email")?)
        .transform(cast("cast-total", "/total", Type::Number)?)
        .transform(drop_fields("drop-note", ["/note"])?)
        .lake(&LakeSink::builder(lake).partition(Partition::day("/placed_at")?).build()))
}

/// Events, received from the app.
pub(crate) fn events(pipeline: PipelineBuilder, hook: HookSource, lake: &Lake) -> Result<PipelineBuilder> {
    Ok(pipeline
        .source(hook)
        .transform(mask("mask-session", "/session")?.keep_last(3))
        .lake(&LakeSink::builder(lake).build()))
}

/// Stock counts, read from the folder of the warehouses.
pub(crate) fn stock(pipeline: PipelineBuilder, folder: &Path, lake: &Lake) -> Result<PipelineBuilder> {
    Ok(pipeline
        .source(FilesSource::builder(Dataset::new("stock")?, folder).build()?)
        .transform(cast("cast-on-hand", "/on_hand", Type::Integer)?)
        .lake(&LakeSink::builder(lake).partition(Partition::field("warehouse", "/warehouse")?).build()))
}
