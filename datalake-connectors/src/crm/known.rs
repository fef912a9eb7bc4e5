//! Which records at the end of a cycle were given already.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

use datalake_core::Sha256;

/// How many records at the end of a cycle are remembered. Each costs 12 bytes of every position.
const REMEMBERED: usize = 1_000;
/// How many characters a remembered record has: nine bytes, so that two are not the same by chance.
const LENGTH: usize = 12;

/// Records by short digests, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::crm) struct Known(String);

impl Known {
    pub(in crate::crm) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a record, in this state of it, is among them.
    pub(in crate::crm) fn holds(&self, id: &str, stamp: &str) -> bool {
        let digest = digest(id, stamp);
        self.0.as_bytes().chunks(LENGTH).any(|known| known == digest.as_bytes())
    }

    /// Remembers a record, unless it is known or there are too many.
    pub(in crate::crm) fn note(&mut self, id: &str, stamp: &str) {
        if self.0.len() < REMEMBERED * LENGTH && !self.holds(id, stamp) {
            self.0.push_str(&digest(id, stamp));
        }
    }
}

fn digest(id: &str, stamp: &str) -> String {
    let digest = Sha256::of(format!("{id}\n{stamp}").as_bytes());
    STANDARD_NO_PAD.encode(&digest.as_bytes()[..LENGTH / 4 * 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_known_in_one_state_of_it() {
        let mut known = Known::default();
        known.note("001", "a");
        known.note("001", "a");
        assert!(known.holds("001", "a") && !known.holds("001", "b") && !known.holds("0", "01a"));
        assert_eq!(known.0.len(), LENGTH);
        (0..2 * REMEMBERED).for_each(|n| known.note("x", &n.to_string()));
        assert_eq!(known.0.len(), LENGTH * REMEMBERED);
    }
}
