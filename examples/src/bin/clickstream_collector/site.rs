//! The page, and what it asks of the lake.

use datalake_connectors::web::collect::{Page, Pages};
use datalake_core::lake::Lake;
use datalake_core::{Dataset, ErrorKind, PipelineId, RecordId, Result, async_trait};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::PIPELINE;
use super::recent::{Latest, Recent};

/// A page that sends events, and shows them in the lake.
pub(crate) struct Site {
    lake: Lake,
    recent: Mutex<Recent>,
}

impl Site {
    /// The page over a lake.
    ///
    /// # Errors
    /// The pipeline has no name that it can have.
    pub(crate) fn new(lake: &Lake, dataset: &Dataset) -> Result<Self> {
        let recent = Recent::new(lake, PipelineId::new(PIPELINE)?, dataset.clone());
        Ok(Self { lake: lake.clone(), recent: Mutex::new(recent) })
    }

    async fn latest(&self, query: Option<&str>) -> Result<Latest> {
        let after = query.and_then(|query| query.strip_prefix("after=")?.parse().ok()).unwrap_or(0);
        self.recent.lock().await.after(after).await
    }

    /// Where an event came from: the bytes that were sent, and how they became the row.
    async fn trace(&self, id: &str) -> Result<Value> {
        let trace = self.lake.trace(&id.parse::<RecordId>()?).await?;
        let raw = trace.raw.as_ref().map(|raw| String::from_utf8_lossy(raw).into_owned());
        let rows: Vec<_> = trace.curated.iter().map(|curated| curated.record.to_string()).collect();
        let steps = trace.envelope.hops.iter().filter(|hop| hop.n > 0);
        Ok(json!({
            "id": trace.record.to_string(),
            "commit": trace.commit,
            "committed_at": trace.committed_at,
            "document": trace.document_id,
            "locator": trace.locator,
            "properties": trace.properties,
            "offset": trace.offset,
            "length": trace.length,
            "raw_object": trace.raw_object,
            "raw": raw,
            "rows": rows,
            "steps": steps.map(|hop| format!("{} {}", hop.name, hop.version)).collect::<Vec<_>>(),
            "worker": trace.envelope.worker,
        }))
    }
}

#[async_trait]
impl Pages for Site {
    async fn page(&self, path: &str, query: Option<&str>) -> Option<Page> {
        let text = |media: &str, text: &'static str| Some(Page::new(format!("{media}; charset=utf-8"), text));
        match path {
            "/" => text("text/html", include_str!("site/page.html")),
            "/page.css" => text("text/css", include_str!("site/page.css")),
            "/page.js" => text("text/javascript", include_str!("site/page.js")),
            "/tracker.js" => text("text/javascript", include_str!("site/tracker.js")),
            "/lake/latest" => Some(answer(self.latest(query).await)),
            _ => Some(answer(self.trace(path.strip_prefix("/lake/trace/")?).await)),
        }
    }
}

fn answer(found: Result<impl Serialize>) -> Page {
    match found {
        Ok(found) => Page::new("application/json", serde_json::to_vec(&found).unwrap_or_default()),
        Err(error) => {
            let status = if error.kind() == ErrorKind::NotFound { 404 } else { 503 };
            Page::new("application/json", json!({ "error": error.to_string() }).to_string()).status(status)
        }
    }
}
