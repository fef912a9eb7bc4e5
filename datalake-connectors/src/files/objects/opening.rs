//! Opening an object where it was left.

use std::io::{Read, Seek};
use std::path::Path;
use std::sync::Arc;

use datalake_core::codec::Compression;
use datalake_core::store::ObjectInfo;
use datalake_core::{Error, Result};
use tokio::runtime::Handle;

use super::position::Current;
use super::ranges::Ranges;
use super::worker::Settings;
use crate::files::error;
use crate::files::format::Known;
use crate::files::identity::{Print, Tag};
use crate::files::opening::{beginning, input};
use crate::files::reading::{Reading, Start};

/// Opens an object to go on where it was left, or at its beginning.
pub(super) fn open(
    settings: &Settings,
    info: &ObjectInfo,
    version: Tag,
    from: Option<&Current>,
    runtime: &Handle,
) -> Result<Reading> {
    let path = Path::new(&info.key);
    let limits = settings.limits;
    let mut ranges = Ranges::new(Arc::clone(&settings.store), info.clone(), runtime.clone(), limits.batch);
    let mut head = Vec::new();
    let failed = |cause| error::reading(cause, path, 0, false);
    (&mut ranges).take(4).read_to_end(&mut head).map_err(failed)?;
    let codec = if limits.decompress { Compression::detect(&head) } else { Compression::None };
    let packed = !codec.is_none();
    let known = match from.and_then(|current| current.format.clone()) {
        Some(format) => Known::plain(format),
        None => {
            let guess = settings.format.guess(path, &settings.decoded);
            let head = beginning(&mut ranges, codec, limits.expansion, &guess)
                .map_err(|cause| error::reading(cause, path, 0, packed))?;
            let known = head.resolve(&guess, None, true, path)?;
            known.ok_or_else(|| {
                Error::unexpected("the format of an object cannot be told").with("path", path.display())
            })?
        }
    };
    let at = from.map_or(0, |current| current.at);
    ranges.rewind().map_err(failed)?;
    let input = input(ranges, codec, at, limits.expansion)
        .map_err(|cause| error::reading(cause, path, at, packed))?;
    Ok(Reading::new(Start {
        path: path.to_path_buf(),
        locator: locator(settings.store.uri(), &info.key).into(),
        id: version,
        known,
        input,
        at,
        print: Print::default(),
        packed: packed.then_some((info.bytes, version)),
        all: true,
    }))
}

/// Where an object is.
pub(super) fn locator(store: &str, key: &str) -> String {
    let slash = if store.ends_with('/') { "" } else { "/" };
    format!("{store}{slash}{key}")
}
