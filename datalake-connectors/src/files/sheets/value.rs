//! What is in a cell.

/// The value of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Empty,
    Bool(bool),
    Number(f64),
    Text(String),
    /// A date, a time or both, or a length of time, as it becomes text.
    Time(String),
    /// What a formula gives that has no value, as it is shown: `#N/A`.
    Fault(String),
}

/// Integers up to here are exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Value {
    /// About the bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let text = match self {
            Self::Text(text) | Self::Time(text) | Self::Fault(text) => text.len(),
            Self::Empty | Self::Bool(_) | Self::Number(_) => 0,
        };
        text + 32
    }

    /// Writes it as JSON. A fault is null.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Empty | Self::Fault(_) => out.extend_from_slice(b"null"),
            Self::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Self::Number(number) => write_number(out, *number),
            Self::Text(text) | Self::Time(text) => write_text(out, text),
        }
    }

    /// What it is called as the name of a column.
    pub(super) fn into_name(self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) | Self::Time(text) | Self::Fault(text) => text.trim().to_owned(),
            Self::Bool(_) | Self::Number(_) => {
                let mut out = Vec::new();
                self.write(&mut out);
                String::from_utf8_lossy(&out).into_owned()
            }
        }
    }
}

fn write_number(out: &mut Vec<u8>, number: f64) {
    let text = if number.fract() == 0.0 && number.abs() <= EXACT {
        format!("{}", number as i64)
    } else {
        // What is no number is none in a workbook either.
        serde_json::Number::from_f64(number).map_or_else(|| "null".to_owned(), |number| number.to_string())
    };
    out.extend_from_slice(text.as_bytes());
}

/// Writes a JSON string.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str) {
    let written = serde_json::to_writer(&mut *out, text);
    debug_assert!(written.is_ok(), "memory takes what is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: Value) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_short_as_they_can_be_read_again() {
        assert_eq!(json(Value::Number(1200.0)), "1200");
        assert_eq!(json(Value::Number(-0.0)), "0");
        assert_eq!(json(Value::Number(0.1)), "0.1");
        assert_eq!(json(Value::Number(1e300)), "1e+300");
        assert_eq!(json(Value::Number(9_007_199_254_740_992.0)), "9007199254740992");
        assert_eq!(json(Value::Number(f64::NAN)), "null");
    }

    #[test]
    fn text_that_looks_like_a_number_stays_text() {
        assert_eq!(json(Value::Text("007".into())), "\"007\"");
    }
}
