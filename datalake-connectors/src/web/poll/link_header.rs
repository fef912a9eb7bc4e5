//! The `Link` header (RFC 8288).

/// The first link with a relation, such as `next`, in some values of the header. Links with an `anchor` speak of another
/// resource and are passed over.
pub(super) fn related<'a>(rel: &str, values: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    values.into_iter().find_map(|mut rest| {
        loop {
            let (link, after) = one(rest, rel)?;
            if link.related && !link.anchored {
                return Some(link.target);
            }
            rest = after;
        }
    })
}

struct Link<'a> {
    target: &'a str,
    related: bool,
    anchored: bool,
}

/// Reads one link, and gives what comes after it.
fn one<'a>(text: &'a str, wanted: &str) -> Option<(Link<'a>, &'a str)> {
    let text = &text[text.find('<')? + 1..];
    let (target, mut rest) = text.split_once('>')?;
    let mut link = Link { target: target.trim(), related: false, anchored: false };
    let mut related = false;
    loop {
        rest = rest.trim_start();
        let Some(parameter) = rest.strip_prefix(';') else {
            // A comma, the end, or rubbish up to the next link.
            return Some((link, rest));
        };
        let end = parameter.find(['=', ';', ',']).unwrap_or(parameter.len());
        let name = parameter[..end].trim();
        rest = &parameter[end..];
        let mut value = String::new();
        if let Some(text) = rest.strip_prefix('=') {
            (value, rest) = argument(text.trim_start());
        }
        if name.eq_ignore_ascii_case("rel") && !related {
            related = true;
            link.related = value.split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case(wanted));
        }
        link.anchored |= name.eq_ignore_ascii_case("anchor");
    }
}

/// Reads the value of a parameter, quoted or not.
fn argument(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        return (text[..end].trim().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_is_found_however_it_is_written() {
        for (header, target) in [
            ("</orders?page=2>; rel=\"next\"", Some("/orders?page=2")),
            ("</orders?page=2>;rel=next", Some("/orders?page=2")),
            ("<a>; rel=prev, <b>; rel=NEXT", Some("b")),
            ("<a>; rel=\"prev first\", <b>; rel=\"last next\"; title=\"x\"", Some("b")),
            ("<a,b;c>; rel=\"prev\", <d?x=1,2;3>; rel=\"next\"", Some("d?x=1,2;3")),
            ("<a>; title=\"; rel=next, <evil>; rel=\\\"next\\\"\"; rel=last, <b>; REL = \"next\"", Some("b")),
            ("<a>; rel=prev; rel=next", None),
            ("<a>; rel=next; anchor=\"#x\", <b>; rel=next", Some("b")),
            ("<a>; rel=nextish, <b>", None),
            ("<a; rel=next", None),
            ("", None),
            ("<a>; rel=\"next", Some("a")),
            ("<>; rel=next", Some("")),
        ] {
            assert_eq!(related("next", [header]), target, "{header}");
        }
        let both = ["<a>; rel=prev", "<b>; rel=next"];
        assert_eq!((related("next", both), related("prev", both)), (Some("b"), Some("a")));
    }
}
