//! What the stories say.

/// Prints a line. A reader that has gone needs to be told nothing.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write;
        writeln!(std::io::stdout().lock(), $($text)*).ok();
    }};
}

/// So many records, in words.
#[must_use]
pub fn records(count: u64) -> String {
    match count {
        1 => "1 record".into(),
        _ => format!("{count} records"),
    }
}
