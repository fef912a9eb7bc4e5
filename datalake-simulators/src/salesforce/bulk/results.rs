//! Results of a job, in pages of CSV.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::org::Org;
use super::super::refused::Refused;
use super::{Delimiter, Ending, JobState, Kept};
use crate::rest::{Answer, Request};

impl Org {
    pub(in super::super) fn job_results(
        &self,
        id: &str,
        request: &Request,
        version: &str,
    ) -> Result<Answer, Refused> {
        let kept = self.jobs.get(id).ok_or_else(Refused::missing)?;
        if kept.version != version {
            let message = format!("the job was made with {}", kept.version);
            return Err(Refused::new(409, "VERSIONMISMATCH", message));
        }
        if kept.job.state != JobState::JobComplete {
            return Err(Refused::new(400, "INVALIDJOBSTATE", "The job has no results"));
        }
        let invalid = |name: &str| Refused::new(400, "INVALIDREQUEST", format!("{name} is invalid"));
        let first = match request.query("locator") {
            None | Some("") => 0,
            Some(text) => parse(text).filter(|at| *at < kept.rows.len()).ok_or_else(|| invalid("locator"))?,
        };
        let most = match request.query("maxRecords") {
            None => self.settings.bulk_page,
            Some(text) => match text.parse::<usize>() {
                Ok(most) if most > 0 => most.min(self.settings.bulk_page),
                _ => return Err(invalid("maxRecords")),
            },
        };
        let end = kept.rows.len().min(first + most);
        let locator = if end < kept.rows.len() { STANDARD.encode(end.to_string()) } else { "null".into() };
        let answer = Answer::new(200, "text/csv", self.csv(kept, first, end)).with("sforce-locator", locator);
        Ok(if self.settings.number_of_records {
            answer.with("sforce-numberofrecords", (end - first).to_string())
        } else {
            answer
        })
    }

    /// Every page begins with the names of the columns.
    fn csv(&self, kept: &Kept, first: usize, end: usize) -> String {
        let delimiter = match kept.delimiter {
            Delimiter::Backquote => '`',
            Delimiter::Caret => '^',
            Delimiter::Comma => ',',
            Delimiter::Pipe => '|',
            Delimiter::Semicolon => ';',
            Delimiter::Tab => '\t',
        };
        let ending = match kept.ending {
            Ending::Lf => "\n",
            Ending::Crlf => "\r\n",
        };
        let names = self.table(&kept.object).map_or_else(Vec::new, |table| {
            kept.fields.iter().map(|field| table.object.fields[*field].name.clone()).collect()
        });
        let mut text = String::new();
        if self.settings.bare_results && first == end {
            return text;
        }
        line(&mut text, names.into_iter(), delimiter, ending);
        for row in &kept.rows[first..end] {
            line(&mut text, kept.fields.iter().map(|field| row[*field].csv()), delimiter, ending);
        }
        text
    }
}

/// All values are in quotes, and those inside of them are doubled.
fn line(text: &mut String, values: impl Iterator<Item = String>, delimiter: char, ending: &str) {
    for (n, value) in values.enumerate() {
        if n > 0 {
            text.push(delimiter);
        }
        text.push('"');
        text.push_str(&value.replace('"', "\"\""));
        text.push('"');
    }
    text.push_str(ending);
}

fn parse(locator: &str) -> Option<usize> {
    String::from_utf8(STANDARD.decode(locator).ok()?).ok()?.parse().ok()
}
