//! Where JSON values end, without parsing them.

/// What to do with a byte outside of a string.
const PLAIN: u8 = 0;
const QUOTE: u8 = 1;
const OPEN: u8 = 2;
const CLOSE: u8 = 3;

static OUTSIDE: [u8; 256] = {
    let mut classes = [PLAIN; 256];
    classes[b'"' as usize] = QUOTE;
    classes[b'{' as usize] = OPEN;
    classes[b'[' as usize] = OPEN;
    classes[b'}' as usize] = CLOSE;
    classes[b']' as usize] = CLOSE;
    classes
};

static INSIDE: [bool; 256] = {
    let mut stops = [false; 256];
    stops[b'"' as usize] = true;
    stops[b'\\' as usize] = true;
    stops
};

/// The offset of the next byte that is no white space.
pub(super) fn space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The end of the string that begins at an offset. `None` if the bytes run out.
pub(super) fn string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        let byte = *bytes.get(at)?;
        if !INSIDE[usize::from(byte)] {
            at += 1;
        } else if byte == b'"' {
            return Some(at + 1);
        } else {
            at += 2;
        }
    }
}

/// The end of the value that begins at an offset. `None` if the bytes run out or there is no value. Only brackets are
/// counted: which of them they are, and everything else, is left to who reads the value.
pub(super) fn value(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at)? {
        b'"' => string(bytes, at),
        b'{' | b'[' => nested(bytes, at + 1),
        _ => {
            let stop = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
            let length = bytes[at..].iter().position(stop)?;
            (length > 0).then_some(at + length)
        }
    }
}

/// The end of the object or array whose inside begins at an offset.
fn nested(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 1_u32;
    loop {
        let byte = *bytes.get(at)?;
        match OUTSIDE[usize::from(byte)] {
            PLAIN => at += 1,
            QUOTE => at = string(bytes, at)?,
            OPEN => {
                depth += 1;
                at += 1;
            }
            _ => {
                depth -= 1;
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_it_ends() {
        for (text, rest) in [
            (r#"{"a":"}\"{","b":[1,{"c":"]"}]},x"#, ",x"),
            (r#""a\\",1"#, ",1"),
            ("[[],[{}]] ]", " ]"),
            ("-1.5e3,", ","),
            ("null}", "}"),
            ("true]", "]"),
        ] {
            assert_eq!(&text[value(text.as_bytes(), 0).unwrap()..], rest);
        }
    }

    #[test]
    fn a_value_that_does_not_end_is_none() {
        for text in ["", "{", r#"{"a":"}"#, r#""a"#, r#""a\""#, r#""a\"#, "[1,2", "12", ","] {
            assert_eq!(value(text.as_bytes(), 0), None, "{text}");
        }
    }
}
