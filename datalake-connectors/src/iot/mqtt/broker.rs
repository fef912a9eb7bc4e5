//! Where the broker is.

use std::str::FromStr;

use datalake_core::{Error, Result};

/// A broker: `mqtt://host:port`, or `mqtts://` for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broker {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) secure: bool,
}

impl Broker {
    /// Its URL.
    pub(super) fn url(&self) -> String {
        let scheme = if self.secure { "mqtts" } else { "mqtt" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{scheme}://{host}:{}", self.port)
    }

    /// The place of a topic, with what has no place in a URL escaped.
    pub(super) fn locator(url: &str, topic: &str) -> String {
        use std::fmt::Write as _;
        let mut locator = String::with_capacity(url.len() + 1 + topic.len());
        locator.push_str(url);
        locator.push('/');
        for character in topic.chars() {
            if character.is_control() || character.is_whitespace() || "%?#\"<>\\^`{|}".contains(character) {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    write!(locator, "%{byte:02X}").ok();
                }
            } else {
                locator.push(character);
            }
        }
        locator
    }

    /// Whether it is an endpoint of AWS IoT Core.
    pub(super) fn is_aws(&self) -> bool {
        let host = self.host.to_ascii_lowercase();
        host.contains(".iot.") && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
    }
}

impl FromStr for Broker {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        // The text may hold a password, so it is not repeated.
        let odd = || Error::config("a broker is given as mqtt://HOST:PORT or mqtts://HOST:PORT");
        let (scheme, rest) = url.split_once("://").ok_or_else(odd)?;
        let secure = match scheme {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" | "tls" => true,
            _ => return Err(odd()),
        };
        if rest.contains('@') {
            return Err(Error::config("user and password have no place in the URL of a broker"));
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| odd())?),
            _ => (rest, if secure { 8883 } else { 1883 }),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() || host.contains(['/', '?', '#', ' ']) || port == 0 {
            return Err(odd());
        }
        Ok(Self { host: host.into(), port, secure })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_is_a_host_and_a_port() {
        for (text, host, port, secure) in [
            ("mqtt://edge", "edge", 1883, false),
            ("mqtts://edge/", "edge", 8883, true),
            (
                "ssl://a1-ats.iot.eu-central-1.amazonaws.com:443",
                "a1-ats.iot.eu-central-1.amazonaws.com",
                443,
                true,
            ),
            ("tcp://[::1]:18830", "::1", 18830, false),
            ("mqtt://[::1]", "::1", 1883, false),
        ] {
            let broker: Broker = text.parse().unwrap();
            assert_eq!((broker.host.as_str(), broker.port, broker.secure), (host, port, secure), "{text}");
            assert_eq!(broker.url().parse::<Broker>().unwrap(), broker);
        }
    }

    #[test]
    fn what_is_no_broker_is_refused_and_not_repeated() {
        for text in [
            "",
            "edge",
            "http://edge",
            "mqtt://",
            "mqtt://u:hunter2@edge",
            "mqtt://edge:0",
            "mqtt://edge:x",
            "mqtt://edge/a",
        ] {
            let error = text.parse::<Broker>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_topic_is_escaped_where_a_url_could_be_read_otherwise() {
        assert_eq!(Broker::locator("mqtt://e:1", "a/b c?x#%\n"), "mqtt://e:1/a/b%20c%3Fx%23%25%0A");
        assert_eq!(Broker::locator("mqtt://e:1", "/Küche"), "mqtt://e:1//Küche");
    }
}
