//! Query jobs of Bulk API 2.0.

mod results;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::object::{Kind, Object};
use super::org::{Org, Row};
use super::refused::Refused;
use super::soql::{Query, Selected};
use super::stamp;
use crate::rest::Answer;

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobState {
    /// It waits.
    UploadComplete,
    /// It is under way.
    InProgress,
    /// Its results can be read.
    JobComplete,
    /// It failed.
    Failed,
    /// It was aborted.
    Aborted,
}

impl JobState {
    fn name(self) -> &'static str {
        match self {
            Self::UploadComplete => "UploadComplete",
            Self::InProgress => "InProgress",
            Self::JobComplete => "JobComplete",
            Self::Failed => "Failed",
            Self::Aborted => "Aborted",
        }
    }

    fn has_ended(self) -> bool {
        matches!(self, Self::JobComplete | Self::Failed | Self::Aborted)
    }
}

/// A job that was not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Its query.
    pub query: String,
    /// Where it is.
    pub state: JobState,
}

/// A job as the service keeps it.
#[derive(Debug)]
pub(super) struct Kept {
    job: Job,
    deleted: bool,
    object: String,
    bound: Query,
    fields: Vec<usize>,
    version: String,
    delimiter: Delimiter,
    ending: Ending,
    created: i64,
    polls: u32,
    rows: Vec<Row>,
    error: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Delimiter {
    Backquote,
    Caret,
    #[default]
    Comma,
    Pipe,
    Semicolon,
    Tab,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Ending {
    #[default]
    Lf,
    Crlf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    operation: String,
    query: String,
    content_type: Option<String>,
    #[serde(default)]
    column_delimiter: Delimiter,
    #[serde(default)]
    line_ending: Ending,
}

impl Kept {
    pub(super) fn job(&self) -> &Job {
        &self.job
    }

    fn json(&self) -> Value {
        let Job { id, state, .. } = &self.job;
        let delimiter = format!("{:?}", self.delimiter).to_uppercase();
        let ending = format!("{:?}", self.ending).to_uppercase();
        let mut about = json!({
            "id": id, "operation": if self.deleted { "queryAll" } else { "query" }, "object": self.object,
            "createdById": "0055g0000000001AAA", "createdDate": stamp::rest(self.created),
            "systemModstamp": stamp::rest(self.created), "state": state.name(), "concurrencyMode": "Parallel",
            "contentType": "CSV", "apiVersion": self.version.trim_start_matches('v').parse().unwrap_or(0.0),
            "lineEnding": ending, "columnDelimiter": delimiter,
        });
        if state.has_ended() {
            about["jobType"] = "V2Query".into();
            about["numberRecordsProcessed"] = self.rows.len().into();
            about["retries"] = 0.into();
            about["totalProcessingTime"] = 1.into();
        }
        if let Some(error) = &self.error {
            about["errorMessage"] = error.as_str().into();
        }
        about
    }
}

impl Org {
    pub(super) fn create_job(&mut self, body: &Bytes, version: &str) -> Result<Answer, Refused> {
        let invalid = |message: String| Refused::new(400, "INVALIDJOB", message);
        let create: Create = serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))?;
        let deleted = match create.operation.as_str() {
            "query" => false,
            "queryAll" => true,
            other => return Err(invalid(format!("Unsupported operation: {other}"))),
        };
        if create.content_type.as_deref().is_some_and(|kind| kind != "CSV") {
            return Err(invalid("Unsupported content type".into()));
        }
        let (table, bound) = self.prepare(&create.query)?;
        let object = table.object.name.clone();
        let fields = allowed(&table.object, &bound)?;
        let id = self.id("750");
        let kept = Kept {
            job: Job { id: id.clone(), query: create.query, state: JobState::UploadComplete },
            deleted,
            fields: self.columns(&object, fields, version),
            object,
            bound,
            version: version.to_owned(),
            delimiter: create.column_delimiter,
            ending: create.line_ending,
            created: self.now(),
            polls: self.settings.bulk_polls,
            rows: Vec::new(),
            error: None,
        };
        let answer = Answer::json(200, kept.json().to_string());
        self.jobs.insert(id, kept);
        Ok(answer)
    }

    /// Until version 49, columns came in the order of the alphabet.
    fn columns(&self, object: &str, mut fields: Vec<usize>, version: &str) -> Vec<usize> {
        let old = version.trim_start_matches('v').parse().unwrap_or(99.0) < 50.0;
        if let Some(table) = self.table(object).filter(|_| old) {
            fields.sort_by_key(|field| &table.object.fields[*field].name);
        }
        fields
    }

    pub(super) fn list_jobs(&self) -> Answer {
        let jobs: Vec<_> = self.jobs.values().map(Kept::json).collect();
        Answer::json(200, json!({ "done": true, "records": jobs, "nextRecordsUrl": null }).to_string())
    }

    /// Where a job is. Every time it is asked for it goes on.
    pub(super) fn job_state(&mut self, id: &str) -> Result<Answer, Refused> {
        let mut kept = self.jobs.remove(id).ok_or_else(Refused::missing)?;
        if !kept.job.state.has_ended() {
            if kept.polls > 0 {
                kept.polls -= 1;
                kept.job.state = JobState::InProgress;
            } else {
                self.execute(&mut kept);
            }
        }
        let answer = Answer::json(200, kept.json().to_string());
        self.jobs.insert(id.to_owned(), kept);
        Ok(answer)
    }

    fn execute(&mut self, kept: &mut Kept) {
        let planned = self.failing_jobs.pop_front();
        let run = match (planned, self.table(&kept.object)) {
            (Some(message), _) => Err(message),
            (None, None) => Err("the object is gone".into()),
            (None, Some(table)) => {
                // Only what has to be sorted takes the service too long here.
                let sorted = !kept.bound.order.is_empty();
                self.run(table, &kept.bound, kept.deleted, sorted)
                    .map_err(|no| format!("{}: {}", no.code, no.message))
            }
        };
        match run {
            Ok(rows) => {
                kept.rows = rows;
                kept.job.state = JobState::JobComplete;
            }
            Err(message) => {
                kept.error = Some(message);
                kept.job.state = JobState::Failed;
            }
        }
    }

    pub(super) fn abort_job(&mut self, id: &str, body: &Bytes) -> Result<Answer, Refused> {
        let kept = self.jobs.get_mut(id).ok_or_else(Refused::missing)?;
        let wanted: Value = serde_json::from_slice(body).unwrap_or_default();
        if wanted["state"] != "Aborted" || kept.job.state.has_ended() {
            let message =
                format!("Job can not be set to {} when it is {}", wanted["state"], kept.job.state.name());
            return Err(Refused::new(400, "INVALIDJOBSTATE", message));
        }
        kept.job.state = JobState::Aborted;
        Ok(Answer::json(200, kept.json().to_string()))
    }

    pub(super) fn delete_job(&mut self, id: &str) -> Result<Answer, Refused> {
        let kept = self.jobs.get(id).ok_or_else(Refused::missing)?;
        if !kept.job.state.has_ended() {
            let message = format!("Job can not be deleted when it is {}", kept.job.state.name());
            return Err(Refused::new(400, "INVALIDJOBSTATE", message));
        }
        self.jobs.remove(id);
        Ok(Answer { status: 204, headers: Vec::new(), body: Bytes::new() })
    }
}

/// The fields of a query, if Bulk takes it.
fn allowed(object: &Object, query: &Query) -> Result<Vec<usize>, Refused> {
    let no = |message: &str| Err(Refused::new(400, "API_ERROR", message));
    if !object.bulk {
        let message = format!("Entity '{}' is not supported by the Bulk API.", object.name);
        return Err(Refused::new(400, "INVALIDENTITY", message));
    }
    if query.offset > 0 {
        return no("OFFSET is not supported in Bulk Query");
    }
    let Selected::Fields(fields) = &query.select else {
        return no("Aggregate functions are not supported in Bulk Query");
    };
    match fields.iter().map(|field| object.fields[*field].kind).find(|kind| is_compound(*kind)) {
        Some(Kind::Base64) => no("Selecting base64 data not supported in Bulk Query"),
        Some(_) => no("Selecting compound data not supported in Bulk Query"),
        None => Ok(fields.clone()),
    }
}

fn is_compound(kind: Kind) -> bool {
    matches!(kind, Kind::Address | Kind::Base64)
}
