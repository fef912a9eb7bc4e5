//! A lake by its URL.

use std::path::Path;
use std::time::Duration;

use datalake_core::lake::Lake;
use datalake_core::{Ambient, Error, ErrorKind, Result, Retry};
use datalake_host::cli::Command;

/// The lake at a place, which is made if it is not there: a directory, or `s3://bucket/prefix` in a build with the
/// feature `s3`. Region, credentials and endpoint are those of the SDK's usual variables; at an endpoint that is not of
/// AWS the bucket is made too.
///
/// # Errors
/// The directory cannot be made, the URL is none, or the build has no S3.
pub async fn lake_at(place: &str) -> Result<Lake> {
    if !is_url(place) {
        return Lake::local(place);
    }
    #[cfg(feature = "s3")]
    if place.starts_with("s3://") {
        let store = datalake_sinks::s3::S3Store::at(place)?.build().await?;
        if std::env::var_os("AWS_ENDPOINT_URL").or(std::env::var_os("AWS_ENDPOINT_URL_S3")).is_some() {
            store.create_bucket().await?;
        }
        return Ok(Lake::new(std::sync::Arc::new(store)));
    }
    Err(Error::config("a lake is a directory, or s3://bucket/prefix in a build with the feature s3")
        .with("lake", place))
}

/// The same, to look into it: it must be there.
///
/// # Errors
/// As [`lake_at`]; [`NotFound`](ErrorKind::NotFound) if no pipeline has ever written to it.
pub async fn lake_to_look_into(place: &str) -> Result<Lake> {
    let missing = || Error::new(ErrorKind::NotFound, "there is no lake").with("lake", place);
    if !is_url(place) && !Path::new(place).is_dir() {
        return Err(missing());
    }
    let lake = lake_at(place).await?;
    // Seconds and no longer: before the host runs nothing is logged.
    let seconds = Retry::new(6, Duration::from_millis(200), Duration::from_secs(2));
    if is_url(place) && lake.clone().with_retry(seconds, Ambient::system()).pipelines().await?.is_empty() {
        return Err(missing());
    }
    Ok(lake)
}

/// The lake at a place that a command is about. `None` if it is about none, such as `health`. Where pipelines are needed,
/// and without a command, it is made if it is not there; the other commands look into one that is.
///
/// # Errors
/// As [`lake_at`] and [`lake_to_look_into`].
pub async fn lake_for(command: Option<&Command>, place: &str) -> Result<Option<Lake>> {
    match command {
        Some(command) if !command.needs_lake() => Ok(None),
        Some(command) if !command.needs_pipelines() => lake_to_look_into(place).await.map(Some),
        _ => lake_at(place).await.map(Some),
    }
}

fn is_url(place: &str) -> bool {
    place.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_that_is_none_is_refused() {
        for place in ["ftp://lake", "s3:///prefix"] {
            let error = lake_at(place).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
        }
        let error = lake_to_look_into("/there/is/no/lake").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
}
