//! A server in front of a simulator, which repeats what it is told in confidence: in a header of every answer, and in
//! answers of its own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::peer::request;
use super::watch::{Canary, log};

/// What becomes of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// The simulator answers them.
    Honest,
    /// They are refused with a status, in the words of the service.
    Refuses(u16),
    /// They are sent to another host.
    Elsewhere,
    /// The answer is JSON that breaks off.
    Torn,
    /// The answer is a page to log in on.
    Page,
    /// The answer is whole, and everything in it is a text.
    Odd,
    /// The first is answered with a page of the service that leads on by what was told; then the simulator answers.
    Leads,
}

impl Mood {
    pub(crate) const ALL: [Self; 9] = [
        Self::Refuses(503),
        Self::Refuses(429),
        Self::Refuses(401),
        Self::Refuses(403),
        Self::Elsewhere,
        Self::Torn,
        Self::Page,
        Self::Odd,
        Self::Leads,
    ];

    /// Those in which the whole body is not taken for a document of the silo, which is archived as it came.
    pub(crate) const REFUSING: [Self; 5] =
        [Self::Refuses(503), Self::Refuses(429), Self::Refuses(401), Self::Refuses(403), Self::Elsewhere];
}

/// How a service says no, and how a page of it leads to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    pub(crate) refuses: fn(u16, &str) -> String,
    pub(crate) leads: fn(&str) -> String,
}

pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    since: usize,
    task: JoinHandle<()>,
}

struct State {
    inside: String,
    words: Words,
    /// How it is disposed to requests with a text in their head.
    turn: Mutex<(Mood, String)>,
    /// The credentials that were made on the way.
    secrets: Mutex<BTreeSet<String>>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Front {
    /// Stands in front of a simulator at a URL.
    pub(crate) async fn of(inside: &str, words: Words) -> Self {
        let since = log().len();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            inside: inside.trim_start_matches("http://").to_owned(),
            words,
            turn: Mutex::new((Mood::Honest, String::new())),
            secrets: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state, since, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it is so disposed to requests with a text in their head.
    pub(crate) fn turn(&self, mood: Mood, part: &str) {
        *self.state.turn.lock().unwrap() = (mood, part.to_owned());
    }

    /// Tokens that were given, assertions that were shown, sessions that were opened.
    pub(crate) fn secrets(&self) -> Vec<Canary> {
        let secrets = self.state.secrets.lock().unwrap();
        secrets.iter().map(|secret| Canary::of(secret.as_str()).since(self.since)).collect()
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let Some(request) = request(&mut stream).await else { return };
    let text = String::from_utf8_lossy(&request).into_owned();
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let told = told(&text);
    let mood = {
        let mut turn = state.turn.lock().unwrap();
        let mood = if head.contains(&turn.1) { turn.0 } else { Mood::Honest };
        if mood == Mood::Leads {
            turn.0 = Mood::Honest;
        }
        mood
    };
    let answer = match mood {
        Mood::Honest => state.forward(&text, &request).await,
        Mood::Refuses(status) => {
            let body = (state.words.refuses)(status, &told);
            let more = match status {
                401 => format!("www-authenticate: Bearer realm=\"{told}\"\r\n"),
                429 | 503 => "retry-after: 0\r\n".to_owned(),
                _ => String::new(),
            };
            whole(status, &more, "application/json", &body)
        }
        Mood::Elsewhere => {
            whole(302, &format!("location: http://elsewhere.example/{told}\r\n"), "text/plain", &told)
        }
        Mood::Torn => whole(200, "", "application/json", &format!("{{\"value\":[{{\"told\":\"{told}\"")),
        Mood::Page => whole(200, "", "text/html", &format!("<html><body><p>{told}</p></body></html>")),
        Mood::Odd => whole(200, "", "application/json", &odd(&told)),
        Mood::Leads => whole(200, "", "application/json", &(state.words.leads)(&told)),
    };
    stream.write_all(&echoing(&answer, &told)).await.ok();
}

impl State {
    /// What the simulator answers. Whatever is a credential in it or in the request is kept.
    async fn forward(&self, text: &str, request: &[u8]) -> Vec<u8> {
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let mut sent = format!("{}\r\nconnection: close\r\n", lines.next().unwrap());
        for line in lines.filter(|line| !line.to_ascii_lowercase().starts_with("accept-encoding")) {
            sent += &format!("{line}\r\n");
        }
        let mut stream = TcpStream::connect(&self.inside).await.unwrap();
        stream.write_all(format!("{sent}\r\n").as_bytes()).await.unwrap();
        stream.write_all(&request[head.len() + 4..]).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
        let said = String::from_utf8_lossy(&answer).into_owned();
        let mut secrets = self.secrets.lock().unwrap();
        for name in ["access_token", "accessJwt", "refreshJwt"] {
            secrets.extend(between(&said, &format!("\"{name}\":\""), '"'));
        }
        secrets.extend(between(text, "assertion=", '&'));
        for line in said.lines().filter(|line| line.starts_with("set-cookie") && line.contains("HttpOnly")) {
            secrets.extend(between(line, "=", ';'));
        }
        answer
    }
}

/// What stands between a text and a character, if there is any.
fn between(text: &str, before: &str, after: char) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    rest.split(after).next().filter(|found| found.len() >= 8).map(str::to_owned)
}

/// The credentials of a request in its headers, with the password of basic authentication as it is, and its form.
fn told(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut told = Vec::new();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        match name.to_ascii_lowercase().as_str() {
            "authorization" => {
                let value = value.rsplit(' ').next().unwrap_or_default();
                told.push(value.to_owned());
                let pair = STANDARD.decode(value).ok().and_then(|pair| String::from_utf8(pair).ok());
                told.extend(pair.filter(|pair| pair.contains(':')));
            }
            "apikey" | "cookie" | "x-amz-security-token" | "x-goog-api-key" | "x-shopify-access-token" => {
                told.push(value.to_owned())
            }
            "content-type" if value.contains("form") => told.push(body.to_owned()),
            "content-type" => told.extend(between(body, "\"password\":\"", '"')),
            _ => {}
        }
    }
    told.join("&")
}

fn whole(status: u16, more: &str, kind: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n{more}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Everything that any service could have in an answer, each a text.
fn odd(told: &str) -> String {
    let names = [
        "d",
        "value",
        "data",
        "records",
        "results",
        "paging",
        "access_token",
        "expires_in",
        "instance_url",
        "Records",
        "ShardIterator",
        "Shards",
        "NextShardIterator",
        "@odata.nextLink",
        "nextRecordsUrl",
    ];
    let members: Vec<_> = names.iter().map(|name| format!("\"{name}\":\"{told}\"")).collect();
    format!("{{{}}}", members.join(","))
}

/// An answer with headers more, in which what was told is repeated.
fn echoing(answer: &[u8], told: &str) -> Vec<u8> {
    let Some(end) = memchr::memmem::find(answer, b"\r\n") else { return answer.to_vec() };
    let mut more = format!("\r\nx-request-id: {told}\r\netag: \"{told}\"\r\nwarning: 199 - \"{told}\"");
    more += &format!("\r\nset-cookie: told={}; path=/", told.replace([';', ' ', '"'], "."));
    [&answer[..end], more.as_bytes(), &answer[end..]].concat()
}
