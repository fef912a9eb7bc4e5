//! How many requests the service takes.

use std::collections::VecDeque;

use super::portal::Portal;
use super::refused::Refused;
use crate::rest::Answer;

const TEN_SECONDS: i64 = 10_000;
const SECOND: i64 = 1_000;

impl Portal {
    /// Counts a request, unless there were too many.
    pub(super) fn enter(&mut self, operation: &str) -> Result<(), Refused> {
        let now = self.now();
        forget(&mut self.recent, now - TEN_SECONDS);
        forget(&mut self.searches, now - SECOND);
        let too_many =
            |policy, which| Err(Refused::new(429, policy, format!("You have reached your {which} limit.")));
        if self.today >= self.settings.per_day {
            return too_many("DAILY", "daily");
        }
        let search = operation == "search";
        let most = self.settings.searches_per_second.unwrap_or(u64::MAX);
        if search && self.searches.len() as u64 >= most {
            return too_many("SECONDLY", "secondly");
        }
        let most = self.settings.per_ten_seconds.unwrap_or(u64::MAX);
        if self.recent.len() as u64 >= most {
            return too_many("TEN_SECONDLY_ROLLING", "ten_secondly_rolling");
        }
        self.today += 1;
        self.recent.push_back(now);
        if search {
            self.searches.push_back(now);
        }
        Ok(())
    }

    /// What is left. Searches do not say it.
    pub(super) fn left(&self, operation: &str, answer: Answer) -> Answer {
        if operation == "search" {
            return answer;
        }
        let most = self.settings.per_ten_seconds.unwrap_or(190);
        let now = self.now();
        let second = self.recent.iter().filter(|time| **time > now - SECOND).count() as u64;
        let left = |most: u64, used: u64| most.saturating_sub(used).to_string();
        answer
            .with("x-hubspot-ratelimit-daily", self.settings.per_day.to_string())
            .with("x-hubspot-ratelimit-daily-remaining", left(self.settings.per_day, self.today))
            .with("x-hubspot-ratelimit-interval-milliseconds", TEN_SECONDS.to_string())
            .with("x-hubspot-ratelimit-secondly", (most / 10).to_string())
            .with("x-hubspot-ratelimit-secondly-remaining", left(most / 10, second))
            .with("x-hubspot-ratelimit-max", most.to_string())
            .with("x-hubspot-ratelimit-remaining", left(most, self.recent.len() as u64))
    }
}

fn forget(times: &mut VecDeque<i64>, before: i64) {
    while times.front().is_some_and(|time| *time <= before) {
        times.pop_front();
    }
}
