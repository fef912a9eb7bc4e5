//! The reference workload: business records of 513 bytes on average, nested, with decimals as text and as numbers,
//! and one line in a thousand malformed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use datalake_core::testkit::Rng;

const NAMES: [&str; 8] = ["Aino", "Björn", "Chloé", "Dmitri", "Élodie", "Farid", "Giulia", "Håkon"];
const STATES: [&str; 5] = ["new", "paid", "packed", "shipped", "cancelled"];
const CITIES: [&str; 6] = ["Tampere", "Göteborg", "Lyon", "Torino", "Gdańsk", "Porto"];

/// Writes records of the workload, each the same for the same seed.
#[derive(Debug)]
pub struct Records {
    rng: Rng,
    next: u64,
}

impl Records {
    /// Records from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::new(seed), next: 0 }
    }

    /// Writes the next line.
    ///
    /// # Errors
    /// The writer fails.
    pub fn write(&mut self, out: &mut impl Write) -> io::Result<()> {
        let (rng, id) = (&mut self.rng, self.next);
        self.next += 1;
        let malformed = id % 1000 == 499;
        let name = NAMES[rng.below(NAMES.len())];
        let state = STATES[if rng.below(10) == 0 { 4 } else { rng.below(4) }];
        let city = CITIES[rng.below(CITIES.len())];
        let (minute, second) = (rng.below(60), rng.below(60));
        let (euros, cents) = (rng.below(1000), rng.below(100));
        write!(
            out,
            r#"{{"order_id":{},"state":"{state}","placed_at":"2026-11-{:02}T{:02}:{minute:02}:{second:02}Z","#,
            100_000_000 + id,
            1 + rng.below(28),
            rng.below(24),
        )?;
        write!(
            out,
            r#""customer":{{"id":"C{:07}","name":"{name} {}","email":"{}.{}@example.com","city":"{city}","vip":{}}},"#,
            rng.below(10_000_000),
            name,
            name.to_lowercase(),
            rng.below(100_000),
            rng.below(2) == 0,
        )?;
        write!(
            out,
            r#""total":"{euros}.{cents:02}","tax_rate":0.{}0,"currency":"EUR","items":["#,
            1 + rng.below(2)
        )?;
        for item in 0..2 {
            let comma = if item > 0 { "," } else { "" };
            write!(
                out,
                r#"{comma}{{"sku":"SKU-{:06}","qty":{},"price":{}.{:02}}}"#,
                rng.below(1_000_000),
                1 + rng.below(9),
                rng.below(500),
                rng.below(100),
            )?;
        }
        write!(
            out,
            r#"],"internal_note":"by {} on {}","legacy_code":{},"tags":["{city}","web"],"#,
            NAMES[rng.below(NAMES.len())],
            rng.below(20),
            rng.below(1_000_000),
        )?;
        write!(
            out,
            r#""shipping":{{"street":"{} street {}","fee":"{}.90"}},"#,
            NAMES[rng.below(NAMES.len())],
            1 + rng.below(200),
            rng.below(20),
        )?;
        let end = if malformed { "\n" } else { "}\n" };
        write!(
            out,
            r#""updated_at":"2026-11-22T{:02}:{minute:02}:{second:02}.{:03}Z"{end}"#,
            rng.below(24),
            rng.below(1000)
        )
    }
}

/// Writes a file of so many records of the workload.
///
/// # Errors
/// The file cannot be written.
pub fn reference_file(path: &Path, records: u64) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut lines = Records::new(7);
    for _ in 0..records {
        lines.write(&mut out)?;
    }
    out.flush()?;
    Ok(out.get_ref().metadata()?.len())
}
