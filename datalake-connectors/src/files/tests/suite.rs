use std::sync::atomic::{AtomicUsize, Ordering};

use datalake_core::codec::Compression;
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{ErrorKind, Result, async_trait};

use super::*;

/// Files with known records, small batches, and a way to make them grow and go.
struct Silo {
    files: Files,
    pattern: &'static str,
    follow: bool,
    format: FileFormat,
    expected: Vec<Bytes>,
    grows: Option<&'static str>,
    fed: AtomicUsize,
    away: AtomicUsize,
}

impl Silo {
    fn new(pattern: &'static str, contents: &[(&str, Vec<u8>)], expected: Vec<String>) -> Self {
        let files = Files::new();
        for (name, bytes) in contents {
            files.write(&format!("in/{name}"), bytes);
        }
        let expected = expected.into_iter().map(Bytes::from).collect();
        let (fed, away) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { files, pattern, follow: false, format: FileFormat::Auto, expected, grows: None, fed, away }
    }

    fn grows(mut self, name: &'static str) -> Self {
        self.grows = Some(name);
        self
    }

    fn ndjson() -> Self {
        let lines: Vec<String> = (0..40).map(|n| format!("{{\"n\":{n}}}")).collect();
        let text = |lines: &[String]| lines.join("\r\n\n").into_bytes();
        Self::new("in", &[("a.ndjson", text(&lines[..30])), ("b.jsonl", text(&lines[30..]))], lines)
    }

    fn followed() -> Self {
        let lines: Vec<String> = (0..40).map(|n| format!("line {n}")).collect();
        let text = lines.join("\n") + "\nhalf";
        Self { follow: true, ..Self::new("in/*.log", &[("a.log", text.into_bytes())], lines) }
            .grows("in/b.log")
    }

    fn csv() -> Self {
        let rows = (0..40).map(|n| format!("{n},\"a\n{n}\"\n")).collect::<String>();
        let expected = (0..40).map(|n| format!("{{\"id\":\"{n}\",\"text\":\"a\\n{n}\"}}")).collect();
        Self::new("in/t.csv", &[("t.csv", format!("id,text\n{rows}").into_bytes())], expected)
    }

    fn utf16() -> Self {
        let rows = (0..40).map(|n| format!("{n};\"ä\n{n}\"\r\n")).collect::<String>();
        let text = format!("\u{feff}Report: all\r\n\r\nid;text\r\n{rows}Total;40\r\n");
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let expected = (0..40).map(|n| format!("{{\"id\":\"{n}\",\"text\":\"ä\\n{n}\"}}")).collect();
        let dialect = CsvDialect::detected().header_with(["id"]).footer("Total");
        let format = FileFormat::Dialect(dialect);
        Self { format, follow: true, ..Self::new("in/t.csv", &[("t.csv", bytes)], expected) }
    }

    fn array() -> Self {
        let elements: Vec<String> = (0..40).map(|n| format!("{{\"n\": [{n}]}}")).collect();
        let text = format!("[\n  {}\n]\n", elements.join(",\n  "));
        Self::new("in/*", &[("t.json", text.into_bytes())], elements)
    }

    fn gzip() -> Self {
        let lines: Vec<String> = (0..40).map(|n| format!("line {n}")).collect();
        let packed = Compression::Gzip.frame(6, &[Bytes::from(lines.join("\n"))]).unwrap();
        Self::new("in", &[("t.log.gz", packed.to_vec())], lines).grows("in/u.log")
    }

    fn whole() -> Self {
        let texts: Vec<String> = (0..12).map(|n| format!("<a>{n}</a>")).collect();
        let files: Vec<(String, Vec<u8>)> = texts
            .iter()
            .enumerate()
            .map(|(n, text)| (format!("{n:02}.xml"), text.clone().into_bytes()))
            .collect();
        let files: Vec<(&str, Vec<u8>)> =
            files.iter().map(|(name, bytes)| (&**name, bytes.clone())).collect();
        Self::new("in", &files, texts)
    }
}

#[async_trait]
impl SourceHarness for Silo {
    async fn open(&self) -> Result<Box<dyn Source>> {
        let builder = self.files.builder(self.pattern).follow(self.follow).format(self.format.clone());
        Ok(Box::new(builder.batch_bytes(60).poll(Duration::from_millis(2)).build()?))
    }

    fn expected(&self) -> Vec<Bytes> {
        self.expected.clone()
    }

    async fn feed(&self) -> Option<Fed> {
        let name = self.grows?;
        let line = format!("fed {}", self.fed.fetch_add(1, Ordering::Relaxed));
        self.files.append(name, format!("{line}\n"));
        Some(Fed::new([line]))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        if self.follow || self.pattern.contains('*') || self.away.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            return None;
        }
        self.files.rename("in", "away");
        Some(ErrorKind::NotFound)
    }

    async fn mend(&self) {
        self.files.rename("away", "in");
    }
}

datalake_core::source_suite!(ndjson, Silo::ndjson());
datalake_core::source_suite!(followed, Silo::followed());
datalake_core::source_suite!(csv, Silo::csv());
datalake_core::source_suite!(utf16, Silo::utf16());
datalake_core::source_suite!(array, Silo::array());
datalake_core::source_suite!(gzip, Silo::gzip());
datalake_core::source_suite!(whole, Silo::whole());
