//! Links out of answers, confined to the configured origin.

use http::uri::PathAndQuery;

use datalake_core::{Error, Result};

use super::percent;

/// The path and query of a link, to be asked of the configured origin.
///
/// A link's own scheme, user, host and port are dropped, and so is its fragment: servers behind a gateway name
/// themselves wrongly, and hostile ones name somebody else. A relative link is resolved against the path it was
/// found under. The query stays byte for byte, but for characters that no URL may hold, which are encoded.
///
/// # Errors
/// `Unexpected` if the link has another scheme than `http` or `https`, or holds a control character or a backslash.
/// The link itself is not shown.
pub(crate) fn reroot(link: &str, base: &PathAndQuery) -> Result<PathAndQuery> {
    let refused = |why: &'static str| Error::unexpected("a link cannot be followed").with("reason", why);
    let link = link.trim_matches(' ');
    if link.chars().any(|c| c.is_control() || c == '\\') {
        return Err(refused("it holds a control character or a backslash"));
    }
    let link = link.split('#').next().unwrap_or_default();
    let rest = match scheme(link) {
        Some((scheme, rest)) => {
            let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
            if !web || !rest.starts_with("//") {
                return Err(refused("it is not http or https"));
            }
            rest
        }
        None => link,
    };
    let (path, query) = match rest.strip_prefix("//") {
        Some(rest) => divide(&rest[rest.find(['/', '?']).unwrap_or(rest.len())..]),
        None => divide(rest),
    };
    let path = match path {
        "" if rest.starts_with("//") => "/".to_owned(),
        "" => base.path().to_owned(),
        path if path.starts_with('/') => without_dots(path),
        path => {
            let folder = base.path().rfind('/').map_or("/", |end| &base.path()[..=end]);
            without_dots(&format!("{folder}{path}"))
        }
    };
    let query = match query {
        None if rest.is_empty() => base.query(),
        query => query,
    };
    let mut target = clean(&path);
    if let Some(query) = query {
        target.push('?');
        target.push_str(&clean(query));
    }
    target.parse().map_err(|_| refused("it is no url"))
}

/// The origin a link names: scheme, host and port, no user. `None` if it names none.
pub(crate) fn origin(link: &str) -> Option<String> {
    let (name, rest) = scheme(link).map_or((None, link), |(scheme, rest)| (Some(scheme), rest));
    let authority = rest.strip_prefix("//")?.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?.escape_debug();
    Some(match name {
        Some(name) => format!("{name}://{host}"),
        None => format!("//{host}"),
    })
}

/// The scheme of a link and what comes after its colon (RFC 3986, section 3.1).
fn scheme(link: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = link.split_once(':')?;
    let letter = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    let ok = letter && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    ok.then_some((scheme, rest))
}

fn divide(text: &str) -> (&str, Option<&str>) {
    text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)))
}

/// Takes `.` and `..` out of an absolute path (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut folder = false;
    for segment in path.split('/').skip(1) {
        folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    if folder {
        segments.push("");
    }
    format!("/{}", segments.join("/"))
}

/// Encodes what no URL may hold.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' | b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'^' | 0x80.. => {
                percent::push(&mut out, byte)
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rerooted(link: &str) -> String {
        let base = "/v1/orders?page=1".parse().unwrap();
        reroot(link, &base).map_or_else(|_| "refused".to_owned(), |path| path.to_string())
    }

    #[test]
    fn a_link_keeps_its_path_and_query_and_loses_its_origin() {
        for (link, path) in [
            ("https://shop.example/v1/orders?page=2", "/v1/orders?page=2"),
            ("HTTP://localhost:4004/v1/orders?$skiptoken=100", "/v1/orders?$skiptoken=100"),
            ("//elsewhere/x?y#z", "/x?y"),
            ("https://elsewhere", "/"),
            ("https://elsewhere?a=1", "/?a=1"),
            ("https://me:pass@elsewhere/x", "/x"),
            ("https://shop.example@elsewhere/x", "/x"),
            ("/v2/x", "/v2/x"),
            ("?page=2", "/v1/orders?page=2"),
            ("next?page=2", "/v1/next?page=2"),
            ("../next", "/next"),
            ("../../../../etc/x", "/etc/x"),
            ("./", "/v1/"),
            ("a/./b/..", "/v1/a/"),
            ("", "/v1/orders?page=1"),
            ("#top", "/v1/orders?page=1"),
            ("/x?token='a b'&next=https://elsewhere/y", "/x?token='a%20b'&next=https://elsewhere/y"),
            ("/x?!deltatoken='D%2720'", "/x?!deltatoken='D%2720'"),
            ("/ä?ö", "/%C3%A4?%C3%B6"),
        ] {
            assert_eq!(rerooted(link), path, "{link}");
        }
    }

    #[test]
    fn an_origin_is_named_without_user_path_and_query() {
        for (link, named) in [
            ("https://me:pass@shop.example:8443/x?y#z", Some("https://shop.example:8443")),
            ("//shop.example/x", Some("//shop.example")),
            ("https://shop.example\\@elsewhere", Some("https://shop.example")),
            ("/x?u=https://elsewhere/y", None),
            ("x", None),
        ] {
            assert_eq!(origin(link).as_deref(), named, "{link}");
        }
    }

    #[test]
    fn a_link_that_is_none_is_refused() {
        for link in [
            "javascript:alert(1)",
            "file:///etc/x",
            "data:,x",
            "https:x",
            "a\tb",
            "/\\evil",
            "\\\\evil",
            "/x\r\ny: z",
        ] {
            assert_eq!(rerooted(link), "refused", "{link:?}");
        }
    }
}
