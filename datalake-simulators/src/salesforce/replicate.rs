//! What was deleted or changed in a time, and what is left of the limits.

use serde_json::json;

use super::object::{Cell, MODSTAMP};
use super::org::{Org, is_deleted};
use super::refused::Refused;
use super::stamp;
use crate::rest::{Answer, Request};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

impl Org {
    /// The ids of records that were deleted in a time, and when.
    pub(super) fn deleted(&self, object: &str, request: &Request) -> Result<Answer, Refused> {
        let table = self.known(object)?;
        let (start, end) = self.span(request, 15)?;
        let within = table.deleted.iter().filter(|(_, at)| (start..end).contains(*at));
        let records: Vec<_> =
            within.map(|(id, at)| json!({ "id": id, "deletedDate": stamp::rest(*at) })).collect();
        if records.len() > self.settings.deleted_ids {
            return Err(Refused::new(400, "EXCEEDED_ID_LIMIT", "exceeded max size limit"));
        }
        let body = json!({
            "deletedRecords": records,
            "earliestDateAvailable": stamp::rest(self.now() - 15 * DAY),
            "latestDateCovered": stamp::rest(end),
        });
        Ok(Answer::json(200, body.to_string()))
    }

    /// The ids of records that were made or changed in a time.
    pub(super) fn updated(&self, object: &str, request: &Request) -> Result<Answer, Refused> {
        let table = self.known(object)?;
        let (start, end) = self.span(request, 30)?;
        let within = table.rows.iter().filter(|(_, row)| {
            !is_deleted(row) && matches!(row[MODSTAMP], Cell::Time(at) if (start..end).contains(&at))
        });
        let ids: Vec<_> = within.map(|(id, _)| id).collect();
        Ok(Answer::json(200, json!({ "ids": ids, "latestDateCovered": stamp::rest(end) }).to_string()))
    }

    /// The time that a request asks for, in whole minutes.
    fn span(&self, request: &Request, days: i64) -> Result<(i64, i64), Refused> {
        let no = |message: &str| Refused::new(400, "INVALID_REPLICATION_DATE", message);
        let time = |name: &str| {
            let given = request.query(name).and_then(stamp::parse);
            given
                .map(|millis| millis.div_euclid(MINUTE) * MINUTE)
                .ok_or_else(|| no("a date is missing or invalid"))
        };
        let (start, end) = (time("start")?, time("end")?);
        if start < self.now() - days * DAY {
            return Err(no("startDate is too long ago"));
        }
        if end <= start {
            return Err(no("endDate must be at least one minute greater than startDate"));
        }
        Ok((start, end.min((self.now() + MINUTE).div_euclid(MINUTE) * MINUTE)))
    }

    pub(super) fn limits(&self) -> Answer {
        let most = self.settings.daily_requests;
        let jobs = self.jobs.len() as u64;
        let body = json!({
            "DailyApiRequests": { "Max": most, "Remaining": most.saturating_sub(self.requests) },
            "DailyBulkV2QueryJobs": { "Max": 10_000, "Remaining": 10_000_u64.saturating_sub(jobs) },
            "DailyBulkV2QueryFileStorageMB": { "Max": 976_562, "Remaining": 976_562 },
        });
        Answer::json(200, body.to_string())
    }
}
