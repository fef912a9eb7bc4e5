//! Real requests over the loopback.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datalake_core::{Dataset, Document, Next, Source as _, SourceBatch};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{Control, IdocSource, IdocSourceBuilder};

mod commits;
mod killed;
mod lakes;
mod packages;
mod refusals;
mod suite;

fn builder() -> IdocSourceBuilder {
    IdocSource::builder(Dataset::new("idocs").unwrap(), ([127, 0, 0, 1], 0).into()).path("/idocs")
}

/// An IDoc as a system writes it.
fn idoc(number: u64) -> String {
    format!(
        "<IDOC BEGIN=\"1\">\r\n<EDI_DC40 SEGMENT=\"1\"><TABNAM>EDI_DC40</TABNAM><MANDT>800</MANDT>\
         <DOCNUM>{number:016}</DOCNUM><DIRECT>1</DIRECT><IDOCTYP>ORDERS05</IDOCTYP><CIMTYP/><MESTYP>ORDERS</MESTYP>\
         <SNDPRN>ID3CLNT800</SNDPRN><RCVPRN>LAKE &amp; Co</RCVPRN></EDI_DC40>\
         <E1EDK01 SEGMENT=\"1\"><BELNR>{number}</BELNR><E1EDKA1 SEGMENT=\"1\"><WRBTR>12.50-</WRBTR><NAME1>Grüße 🚃</NAME1>\
         </E1EDKA1></E1EDK01>\n</IDOC>"
    )
}

fn id(number: u64) -> String {
    format!("800/ID3CLNT800/{number:016}")
}

/// A body with the IDocs of these numbers.
fn package(numbers: impl IntoIterator<Item = u64>) -> String {
    let idocs: Vec<_> = numbers.into_iter().map(idoc).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ORDERS05>\n{}\n</ORDERS05>\n",
        idocs.join("\n<!-- next -->")
    )
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("the test takes too long")
}

async fn batch(source: &mut IdocSource) -> SourceBatch {
    loop {
        if let Next::Batch(batch) = within(source.next_batch()).await.unwrap() {
            return batch;
        }
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Sends a body to a path of a receiver.
async fn post(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut request =
        format!("POST {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    within(async {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    })
    .await
}

fn sending(to: SocketAddr, headers: &[(&'static str, &'static str)], body: String) -> JoinHandle<Answer> {
    let headers = headers.to_vec();
    tokio::spawn(async move { post(to, "/idocs", &headers, body.as_bytes()).await })
}

const XML: (&str, &str) = ("content-type", "text/xml; charset=utf-8");

/// Commits all that comes and keeps it.
struct Lake {
    at: SocketAddr,
    documents: Arc<Mutex<Vec<Document>>>,
    task: JoinHandle<()>,
}

impl Lake {
    async fn on(builder: IdocSourceBuilder) -> Self {
        let mut source = builder.build().await.unwrap();
        let at = source.local_addr();
        let documents = Arc::<Mutex<Vec<Document>>>::default();
        let kept = Arc::clone(&documents);
        let task = tokio::spawn(async move {
            loop {
                if let Next::Batch(batch) = source.next_batch().await.unwrap() {
                    kept.lock().unwrap().extend(batch.documents);
                    source.commit(&batch.position).await.unwrap();
                }
            }
        });
        Self { at, documents, task }
    }

    async fn post(&self, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        post(self.at, "/idocs", headers, body.as_ref()).await
    }

    fn documents(&self) -> Vec<Document> {
        self.documents.lock().unwrap().clone()
    }
}

impl Drop for Lake {
    fn drop(&mut self) {
        self.task.abort();
    }
}
