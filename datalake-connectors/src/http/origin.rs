//! Where a client may send: one scheme, one host, one port.

use std::fmt;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use datalake_core::{Error, Result};

/// A scheme, host and port, out of the configuration. Every request is made of one of these and a path, so no
/// answer can name another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    /// Divides a configured URL into its origin and its path with query. A fragment is dropped.
    ///
    /// # Errors
    /// `ConfigInvalid` if it is not `http` or `https` with a host, or holds a user name. The URL itself is not shown:
    /// what is wrong may be a password in it.
    pub(crate) fn parse(url: &str) -> Result<(Self, PathAndQuery)> {
        let url = url.split('#').next().unwrap_or_default();
        let uri: Uri = url.parse().map_err(|cause: http::uri::InvalidUri| {
            Error::config("the url cannot be read").caused_by(cause.to_string())
        })?;
        let path = match uri.query() {
            Some(query) => format!("{}?{query}", uri.path()),
            None => uri.path().to_owned(),
        };
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(Error::config("the url needs http:// or https:// and a host"));
        };
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(Error::config("the url needs http:// or https://").with("scheme", scheme));
        }
        if authority.as_str().contains('@') {
            return Err(Error::config("the url holds a user name; give credentials as auth"));
        }
        let path = path.parse().map_err(|cause: http::uri::InvalidUri| {
            Error::config("the path of the url cannot be read").caused_by(cause.to_string())
        })?;
        Ok((Self { scheme, authority }, path))
    }

    /// The URL of a path here.
    pub(crate) fn uri(&self, path: PathAndQuery) -> Result<Uri> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .map_err(|cause| Error::unexpected("a url cannot be made").caused_by(cause.to_string()))
    }

    /// The URL of a path here without its query, for people and lineage.
    pub(crate) fn shown(&self, path: &PathAndQuery) -> String {
        format!("{self}{}", path.path())
    }

    /// Whether it speaks TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether what is sent can be read on the way.
    pub(crate) fn is_exposed(&self) -> bool {
        let host = self.authority.host();
        self.scheme == Scheme::HTTP && host != "localhost" && host != "[::1]" && !host.starts_with("127.")
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_divides_into_origin_and_path() {
        for (url, origin, path) in [
            ("https://shop.example", "https://shop.example", "/"),
            ("https://shop.example?a=1", "https://shop.example", "/?a=1"),
            ("http://127.0.0.1:8080/v1/orders?a=1#top", "http://127.0.0.1:8080", "/v1/orders?a=1"),
            ("http://[::1]:8080/", "http://[::1]:8080", "/"),
        ] {
            let (found, rest) = Origin::parse(url).unwrap();
            assert_eq!((found.to_string().as_str(), rest.as_str()), (origin, path));
            assert_eq!(found.uri(rest).unwrap().to_string(), format!("{origin}{path}"));
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_showing_it() {
        for url in
            ["", "shop", "/orders", "ftp://shop/x", "https://", "https://me:s3cr3t@shop/x", "https:///s3cr3t"]
        {
            let error = Origin::parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn plain_http_is_exposed_unless_it_stays_on_the_machine() {
        let exposed = |url| Origin::parse(url).unwrap().0.is_exposed();
        assert!(exposed("http://shop.example/"));
        assert!(!exposed("https://shop.example/"));
        assert!(
            !exposed("http://127.0.0.1:1/") && !exposed("http://[::1]:1/") && !exposed("http://localhost/")
        );
    }
}
