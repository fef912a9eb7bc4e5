//! An input that grows while workers read it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::rng::Rng;
use crate::Result;

/// A thread that appends lines of JSON with consecutive ids to a file, some of them in two halves, and now and then
/// turns the file over: it gets a number for its name, and a new one takes its place.
pub(super) struct Input {
    shared: Arc<Shared>,
    writer: JoinHandle<Result<Written>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Held for writing while the last line may be half there.
    whole: RwLock<()>,
}

/// What the input came to.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The files, oldest first.
    pub(super) files: Vec<PathBuf>,
    /// The records in them, with ids from 0.
    pub(super) records: u64,
}

/// The files that workers are to read.
pub(super) const PATTERN: &str = "events*.ndjson";

impl Input {
    pub(super) fn start(folder: &Path, seed: u64) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let shared = Arc::new(Shared::default());
        let mut writer = Writer::new(folder, seed)?;
        let thread = Arc::clone(&shared);
        let writer = thread::spawn(move || {
            while !thread.stop.load(Ordering::Relaxed) {
                let half = thread.whole.write().unwrap_or_else(PoisonError::into_inner);
                writer.burst()?;
                drop(half);
                writer.pause(8);
            }
            writer.finish()
        });
        Ok(Self { shared, writer })
    }

    /// Keeps the input as it is, its last line whole, until the guard is dropped.
    pub(super) fn still(&self) -> RwLockReadGuard<'_, ()> {
        self.shared.whole.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the input, with a last line that has no line end.
    pub(super) fn stop(self) -> Result<Written> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.writer.join().map_err(|_| "the writer of the input panicked")?
    }
}

struct Writer {
    folder: PathBuf,
    file: File,
    /// The bytes in the file, and at how many it is turned over.
    bytes: u64,
    full: u64,
    rng: Rng,
    written: Written,
}

impl Writer {
    fn new(folder: &Path, seed: u64) -> Result<Self> {
        Ok(Self {
            file: File::create_new(folder.join("events.ndjson"))?,
            folder: folder.to_owned(),
            bytes: 0,
            full: 20_000,
            rng: Rng::new(seed, 1),
            written: Written::default(),
        })
    }

    /// Writes some lines. They are whole at the end, and may not be in between.
    fn burst(&mut self) -> Result<()> {
        let mut text = Vec::new();
        for _ in 0..=self.rng.below(16) {
            self.line(&mut text);
            text.push(b'\n');
        }
        if self.rng.one_in(3) {
            let (first, second) = text.split_at(self.rng.below(text.len() as u64) as usize);
            self.file.write_all(first)?;
            self.pause(6);
            self.file.write_all(second)?;
        } else {
            self.file.write_all(&text)?;
        }
        self.bytes += text.len() as u64;
        if self.bytes >= self.full {
            self.turn_over()?;
        }
        Ok(())
    }

    fn line(&mut self, text: &mut Vec<u8>) {
        let id = self.written.records;
        let place = ["Genève", "Brig", "서울", "Chiasso"][self.rng.below(4) as usize];
        let pad = "x".repeat(self.rng.below(120) as usize);
        text.extend(
            format!(r#"{{"id":{id},"place":"{place}","weight":{}.50,"pad":"{pad}"}}"#, id % 97).bytes(),
        );
        self.written.records += 1;
    }

    fn turn_over(&mut self) -> Result<()> {
        let old = self.folder.join(format!("events-{:06}.ndjson", self.written.files.len()));
        let current = self.folder.join("events.ndjson");
        fs::rename(&current, &old)?;
        self.written.files.push(old);
        self.file = File::create_new(&current)?;
        self.bytes = 0;
        self.full = 10_000 + self.rng.below(60_000);
        Ok(())
    }

    fn pause(&mut self, millis: u64) {
        thread::sleep(Duration::from_micros(self.rng.below(millis * 1000)));
    }

    fn finish(mut self) -> Result<Written> {
        let mut text = Vec::new();
        self.line(&mut text);
        self.file.write_all(&text)?;
        self.written.files.push(self.folder.join("events.ndjson"));
        Ok(self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_hold_every_id_in_order() {
        let folder = std::env::temp_dir().join(format!("xtask-input-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut writer = Writer::new(&folder, 7).unwrap();
        while writer.written.files.len() < 3 {
            writer.burst().unwrap();
        }
        let written = writer.finish().unwrap();
        let text: String = written.files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        let ids =
            text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64());
        assert!(ids.eq((0..written.records).map(Some)));
        assert!(!text.ends_with('\n'));
        fs::remove_dir_all(&folder).unwrap();
    }
}
