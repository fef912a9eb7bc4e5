//! What the pipelines read.

use datalake_core::codec::Compression;
use datalake_core::{Csv, Document, Format};

/// A format of documents, and with it a compression of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ndjson,
    Array,
    Csv,
    Lines,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Ndjson, Self::Array, Self::Csv, Self::Lines];

    pub(crate) fn compression(self) -> (Compression, i32) {
        match self {
            Self::Ndjson => (Compression::Zstd, 1),
            Self::Array => (Compression::Gzip, 1),
            Self::Csv | Self::Lines => (Compression::None, 0),
        }
    }

    /// The n-th document: two good records and a bad one, `id-2n`, `id-2n+1` and `bad-n`, each with padding that does
    /// not compress well.
    pub(crate) fn document(self, n: usize, padding: usize) -> Document {
        let ids = [format!("id-{}", 2 * n), format!("bad-{n}"), format!("id-{}", 2 * n + 1)];
        let records: Vec<_> =
            ids.into_iter().enumerate().map(|(at, id)| (id, noise(3 * n + at, padding))).collect();
        let lines = |form: fn(&(String, String)) -> String| records.iter().map(form).collect::<Vec<_>>();
        let json: fn(&(String, String)) -> String = |(id, pad)| format!(r#"{{"id":"{id}","pad":"{pad}"}}"#);
        let (text, format) = match self {
            Self::Ndjson => (lines(json).join("\n") + "\n", Format::Ndjson),
            Self::Array => (format!("[{}]", lines(json).join(",")), Format::json_array()),
            Self::Csv => (
                format!("id,pad\r\n{}\r\n", lines(|(id, pad)| format!("{id},{pad}")).join("\r\n")),
                Format::Csv(Csv::new(',')),
            ),
            Self::Lines => (lines(|(id, pad)| format!("{id} {pad}")).join("\n"), Format::Lines),
        };
        Document::new(text, format!("memory:///{n}"), format)
    }
}

fn noise(seed: usize, length: usize) -> String {
    let mut state = seed as u64 + 1;
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:08x}", state >> 32));
    }
    text
}
