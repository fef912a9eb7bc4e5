//! As much XML as S3 needs.

/// What every document begins with.
pub(super) const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// The namespace of the answers.
pub(super) const NAMESPACE: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push_str(&format!("&#x{:x};", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// The contents of all elements of a name, which have no attributes and are not in each other.
pub(super) fn all<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(&open) {
        let inside = &rest[start + open.len()..];
        let Some(end) = inside.find(&close) else { break };
        found.push(&inside[..end]);
        rest = &inside[end + close.len()..];
    }
    found
}

/// The content of the first element of a name, unescaped.
pub(super) fn first(text: &str, name: &str) -> Option<String> {
    let content = all(text, name).into_iter().next()?;
    Some(
        content
            .replace("&quot;", "\"")
            .replace("&#34;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_and_unescaped() {
        let text = "<A><P><N>1</N><E>&quot;x&quot;</E></P><P><N>2</N></P></A>";
        let parts = all(text, "P");
        assert_eq!(parts.len(), 2);
        assert_eq!(first(parts[0], "E").as_deref(), Some("\"x\""));
        assert_eq!(first(parts[1], "N").as_deref(), Some("2"));
        assert_eq!(first(parts[1], "E"), None);
        assert_eq!(escape("a&<\"\u{1}"), "a&amp;&lt;&quot;&#x1;");
    }
}
