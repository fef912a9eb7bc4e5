//! The token endpoint.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::org::Org;
use crate::rest::{Answer, Request, form};

/// The grant of RFC 7523.
const JWT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Who a JWT can be for, beside the org itself.
const AUDIENCES: [&str; 2] = ["https://login.salesforce.com", "https://test.salesforce.com"];
/// How far ahead a JWT can expire, seconds.
const AHEAD: i64 = 300;

/// An error and its description.
type No = (&'static str, &'static str);

impl Org {
    pub(super) fn token(&mut self, request: &Request) -> Answer {
        let pairs = form(std::str::from_utf8(&request.body).unwrap_or_default());
        let field =
            |name: &str| pairs.iter().find(|(of, _)| of == name).map_or("", |(_, value)| value.as_str());
        let taken = match field("grant_type") {
            "client_credentials" => {
                let basic = request.header("authorization").and_then(basic);
                let (id, secret) =
                    basic.unwrap_or((field("client_id").into(), field("client_secret").into()));
                self.client_credentials(&id, &secret)
            }
            JWT => self.jwt(field("assertion")),
            _ => Err(("unsupported_grant_type", "grant type not supported")),
        };
        match taken {
            Ok(()) => self.granted(),
            Err((error, description)) => {
                Answer::json(400, json!({ "error": error, "error_description": description }).to_string())
            }
        }
    }

    fn client_credentials(&self, id: &str, secret: &str) -> Result<(), No> {
        if id != self.settings.client.0 {
            return Err(("invalid_client_id", "client identifier invalid"));
        }
        if secret != self.settings.client.1 {
            return Err(("invalid_client", "invalid client credentials"));
        }
        Ok(())
    }

    fn jwt(&self, assertion: &str) -> Result<(), No> {
        let invalid = ("invalid_grant", "invalid assertion");
        let (signed, signature) = assertion.rsplit_once('.').ok_or(invalid)?;
        let (header, claims) = signed.split_once('.').ok_or(invalid)?;
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| invalid);
        let read = |part: &str| serde_json::from_slice::<Value>(&bytes(part)?).map_err(|_| invalid);
        let (header, claims) = (read(header)?, read(claims)?);
        if header["alg"] != "RS256" {
            return Err(("invalid_grant", "algorithm not supported"));
        }
        if claims["iss"] != self.settings.client.0.as_str() {
            return Err(("invalid_client_id", "client identifier invalid"));
        }
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.settings.key);
        key.verify(signed.as_bytes(), &bytes(signature)?).map_err(|_| invalid)?;
        let audience = claims["aud"].as_str().unwrap_or_default();
        if !AUDIENCES.contains(&audience) && audience != self.url {
            return Err(("invalid_grant", "audience is invalid"));
        }
        if claims["sub"] != self.settings.user.as_str() {
            return Err(("invalid_grant", "user hasn't approved this consumer"));
        }
        let now = self.now() / 1000;
        // Some clients write it as text, and the service takes it.
        let expires = claims["exp"].as_i64().or_else(|| claims["exp"].as_str()?.parse().ok());
        match expires {
            Some(expires) if expires <= now => Err(("invalid_grant", "expired authorization code")),
            Some(expires) if expires <= now + AHEAD => Ok(()),
            _ => Err(("invalid_grant", "invalid assertion: exp is missing or too far ahead")),
        }
    }

    /// As the service answers: without a time at which it expires.
    fn granted(&mut self) -> Answer {
        let token = self.begin_session();
        let place = self.settings.instance_url.clone().unwrap_or_else(|| self.url.clone());
        let body = json!({
            "access_token": token,
            "signature": "c2ltdWxhdGVk",
            "scope": "api",
            "instance_url": place,
            "id": format!("{}/id/00D5g0000000001AAA/0055g0000000001AAA", self.url),
            "token_type": "Bearer",
            "issued_at": self.now().to_string(),
        });
        Answer::json(200, body.to_string())
    }
}

fn basic(header: &str) -> Option<(String, String)> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}
