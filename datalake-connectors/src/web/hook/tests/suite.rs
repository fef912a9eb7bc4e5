use bytes::Bytes;
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{Result, Source, async_trait};

use super::*;
use crate::receive::Receiver;
use crate::web::hook::intake::Hooks;

const SECRET: &str = "c4nary-secret";

/// A sender of eleven events to the source opened last.
#[derive(Default)]
struct Sender {
    opened: Mutex<Option<(SocketAddr, Arc<Receiver<Hooks>>)>>,
    sent: Mutex<usize>,
}

fn secret_builder() -> HookSourceBuilder {
    let verify = Verify::hmac_sha256("x-sign", "", super::super::Encoding::Hex, [SECRET]);
    builder(verify).queue(4).id_pointer("/n")
}

fn sign(body: &str) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[async_trait]
impl SourceHarness for Sender {
    async fn open(&self) -> Result<Box<dyn Source>> {
        let source = secret_builder().build().await?;
        *self.opened.lock().unwrap() = Some((source.local_addr(), Arc::clone(&source.inbox.receiver)));
        Ok(Box::new(source))
    }

    fn is_live(&self) -> bool {
        true
    }

    async fn feed(&self) -> Option<Fed> {
        let n = {
            let mut sent = self.sent.lock().unwrap();
            *sent += 1;
            *sent
        };
        if n > 11 {
            return None;
        }
        let (at, receiver) = self.opened.lock().unwrap().clone()?;
        let body = format!(r#"{{"n":{n}}}"#);
        let before = receiver.queue.remaining().bytes;
        let answer = sending(at, &[("x-sign", &sign(&body))], &body);
        // Events are in order only if each is in before the next is sent.
        while receiver.queue.remaining().bytes == before && !answer.is_finished() {
            tokio::task::yield_now().await;
        }
        Some(Fed::new([Bytes::from(body)]).told(async move { answer.await.unwrap().status == 200 }))
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into()]
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?}", secret_builder())]
    }
}

datalake_core::source_suite!(hook, Sender::default());
