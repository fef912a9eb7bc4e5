//! Hostile links: whatever a server answers, nobody else hears of it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use super::server::{Reply, Server};
use super::{at, builder, drain};
use crate::web::poll::Pagination;
use crate::web::{Auth, OAuth2};

const SECRET: &str = "s3cr3t-0123";

/// Links that try to lead to `{evil}` (address and port), on port `{port}` of this machine.
const LINKS: &[&str] = &[
    "http://{evil}/x",
    "http://{evil}",
    "http://{evil}?p=2",
    "http://{evil}#p",
    "HTTP://{evil}/x",
    "hTtP://{evil}/x?p=2#frag",
    "https://{evil}/x",
    "http://localhost:{port}/x",
    "http://LOCALHOST:{port}/x",
    "http://localhost.:{port}/x",
    "http://127.1:{port}/x",
    "http://127.0.1:{port}/x",
    "http://0:{port}/x",
    "http://0.0.0.0:{port}/x",
    "http://2130706433:{port}/x",
    "http://0x7f000001:{port}/x",
    "http://0x7f.0.0.1:{port}/x",
    "http://0177.0.0.1:{port}/x",
    "http://[::1]:{port}/x",
    "http://[::ffff:127.0.0.1]:{port}/x",
    "http://[::ffff:7f00:1]:{port}/x",
    "http://127.0.0.1.:{port}/x",
    "http://１２７.０.０.１:{port}/x",
    "http://ⓛocalhost:{port}/x",
    "http://xn--bcher-kva:{port}/x",
    "http://127.0.0.1%2eevil:{port}/x",
    "http://{home}@{evil}/x",
    "http://{home}:pass@{evil}/x",
    "http://{home}%40{evil}/x",
    "http://{home}%2f@{evil}/x",
    "http://user:{secret}@{evil}/x",
    "http://{evil}@{home}/x",
    "http://{home}#@{evil}/x",
    "http://{home}?@{evil}/x",
    "http://{home}/@{evil}/x",
    "http://{home};@{evil}/x",
    "http://{home},{evil}/x",
    "http://{home} @{evil}/x",
    "http://{home}\\@{evil}/x",
    "http://{evil}\\@{home}/x",
    "http:\\\\{evil}\\x",
    "\\\\{evil}\\x",
    "/\\{evil}/x",
    "\\/{evil}/x",
    "//{evil}/x",
    "///{evil}/x",
    "////{evil}/x",
    "/.//{evil}/x",
    "/..//{evil}/x",
    ".//{evil}/x",
    "//{evil}",
    "//user@{evil}/x",
    "http:/{evil}/x",
    "http:{evil}/x",
    "http:///{evil}/x",
    "http:////{evil}/x",
    "http://\t{evil}/x",
    "ht\ttp://{evil}/x",
    "h\nttp://{evil}/x",
    "/\t/{evil}/x",
    "\t//{evil}/x",
    "\u{0}http://{evil}/x",
    " http://{evil}/x ",
    "\u{a0}http://{evil}/x",
    "\u{feff}http://{evil}/x",
    "http://{evil}\r\nHost: {evil}\r\n\r\n",
    "/x HTTP/1.1\r\nHost: {evil}\r\n\r\nGET http://{evil}/x",
    "/x?u=http://{evil}/x",
    "/x?api_key={secret}&u=http://{evil}/x",
    "../../..//{evil}/x",
    "http://{evil}/?api_key={secret}",
    "javascript:fetch('http://{evil}/x')",
    "data:text/html,http://{evil}/x",
    "file:///etc/passwd",
    "ftp://{evil}/x",
    "gopher://{evil}/x",
    "ws://{evil}/x",
    "http+unix://{evil}/x",
    "view-source:http://{evil}/x",
    "url:http://{evil}/x",
    "",
    "#",
    "?",
    "/",
    ".",
    "..",
    "@{evil}",
    ":{port}",
    ":@{evil}/x",
    "{evil}/x",
];

fn filled(link: &str, evil: SocketAddr, home: SocketAddr) -> String {
    link.replace("{evil}", &evil.to_string())
        .replace("{port}", &evil.port().to_string())
        .replace("{home}", &home.to_string())
        .replace("{secret}", SECRET)
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A server that sends every reader on to the link on its board, by the body, the header or a redirect.
async fn home(link: &Arc<Mutex<String>>) -> Server {
    let link = Arc::clone(link);
    Server::start(move |seen| {
        let link = link.lock().unwrap().clone();
        match seen.path() {
            "/start/body" => Reply::json(format!(r#"{{"next":{},"items":[1]}}"#, json(&link))),
            "/start/header" => Reply::json("[1]").header("link", format!("<{link}>; rel=next")),
            "/start/redirect" => Reply::new(307, "").header("location", link),
            _ => Reply::json(r#"{"items":[2]}"#),
        }
    })
    .await
}

#[tokio::test]
async fn no_link_makes_anyone_else_hear_of_it() {
    assert!(LINKS.len() >= 60);
    let evil = Server::start(|_| Reply::json("[666]")).await;
    let login = Server::start(|_| Reply::json(format!(r#"{{"access_token":"{SECRET}"}}"#))).await;
    let link = Arc::new(Mutex::new(String::new()));
    let home = home(&link).await;
    let styles = || {
        [
            Auth::basic("me", SECRET),
            Auth::bearer(SECRET),
            Auth::api_key_header("X-Api-Key", SECRET),
            Auth::api_key_query("api_key", SECRET),
            OAuth2::client_credentials(login.url("/token"), "me", "client-s3cr3t").into(),
        ]
    };
    let (mut walked, mut refused, mut shown) = (0, 0, String::new());
    for text in LINKS {
        let text = filled(text, evil.address(), home.address());
        link.lock().unwrap().clone_from(&text);
        let printable = text.chars().all(|c| c.is_ascii() && !c.is_ascii_control());
        for auth in styles() {
            let poll = |path: &str| builder(&home.url(path)).auth(auth.clone());
            let mut sources =
                vec![poll("/start/body").records("/items").pagination(Pagination::next_url("/next"))];
            if printable && !text.contains('>') {
                sources.push(poll("/start/header").pagination(Pagination::link_header()));
                sources.push(poll("/start/redirect"));
            }
            for source in sources {
                let mut source = at(&source, None).await;
                match drain(&mut source).await {
                    Ok(batches) => {
                        walked += 1;
                        for batch in batches {
                            let locators = batch.documents.iter().map(|document| document.locator().as_ref());
                            shown.extend(locators);
                            shown.push_str(&format!("{:?} {:?}", batch.position, batch.requests));
                        }
                    }
                    Err(error) => {
                        refused += 1;
                        shown.push_str(&format!("{error} {error:?}"));
                    }
                }
                shown.push_str(&format!("{source:?}"));
            }
            assert_eq!(evil.connections(), 0, "{text:?} with {auth:?}");
        }
    }
    assert!(walked > 100 && refused > 100, "{walked} links walked, {refused} refused");
    for secret in [SECRET, "client-s3cr3t"] {
        let seen = shown.find(secret).map(|at| &shown[at.saturating_sub(200)..at]);
        assert_eq!(seen, None, "a secret is seen");
    }
    drain(&mut at(&builder(&evil.url("/x")), None).await).await.unwrap();
    assert_eq!(evil.connections(), 1, "whoever is asked does notice");
    let asked = login.seen();
    assert!(!asked.is_empty() && asked.iter().all(|seen| seen.target == "/token"));
    for seen in home.seen() {
        assert!(seen.target.starts_with('/') && seen.method == "GET", "{seen:?}");
        assert_eq!(seen.header("host"), Some(home.address().to_string().as_str()), "{seen:?}");
    }
}
