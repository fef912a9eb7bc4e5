//! Secrets that change while pages are read.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use datalake_core::{Credential, ErrorKind, Secrets};

use super::server::{Reply, Seen, Server};
use super::{at, bodies, builder, drain, error};
use crate::web::poll::Pagination;
use crate::web::{Auth, OAuth2};

/// A key in a file, as orchestrators mount it, and what the server takes.
struct Rotating {
    directory: tempfile::TempDir,
    taken: Arc<Mutex<String>>,
}

impl Rotating {
    fn new() -> Self {
        let new = Self { directory: tempfile::tempdir().unwrap(), taken: Arc::default() };
        new.rotate("s3cr3t-1");
        new
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("key")
    }

    fn rotate(&self, key: &str) {
        std::fs::write(self.path(), format!("{key}\n")).unwrap();
        *self.taken.lock().unwrap() = key.to_owned();
    }

    fn credential(&self) -> Credential {
        Secrets::new().credential(&format!("file:{}", self.path().display())).unwrap()
    }

    /// Ten pages of two records for whoever has the key of the moment, which is rotated before some of them.
    async fn server(
        self: &Arc<Self>,
        key: impl Fn(&Seen) -> Option<String> + Send + Sync + 'static,
        status: u16,
    ) -> Server {
        let (silo, rotations) = (Arc::clone(self), AtomicUsize::new(1));
        Server::start(move |seen| {
            let page = seen.number("page").unwrap();
            if page < 10 && page % 3 == 2 && rotations.load(Ordering::SeqCst) == page / 3 + 1 {
                silo.rotate(&format!("s3cr3t-{}", rotations.fetch_add(1, Ordering::SeqCst) + 1));
            }
            let now = silo.taken.lock().unwrap().clone();
            if key(seen) != Some(now) {
                return Reply::new(status, "no such key");
            }
            match page {
                1..=10 => Reply::json(format!("[{},{}]", page * 2 - 1, page * 2)),
                _ => Reply::json("[]"),
            }
        })
        .await
    }
}

fn header(name: &'static str, prefix: &'static str) -> impl Fn(&Seen) -> Option<String> + Send + Sync {
    move |seen| seen.header(name)?.strip_prefix(prefix).map(str::to_owned)
}

async fn loses_nothing(silo: &Arc<Rotating>, server: Server, auth: Auth) {
    let source = builder(&server.url("/x")).auth(auth).pagination(Pagination::page("page", 1));
    let mut reader = at(&source, None).await;
    let batches = drain(&mut reader).await.unwrap();
    let expected: Vec<_> = (1..=20).map(|n| n.to_string()).collect();
    assert_eq!(bodies(&batches), expected);
    assert_eq!(*silo.taken.lock().unwrap(), "s3cr3t-4", "it was rotated three times");
    let asked = server.seen().len();
    let refused = asked - 11;
    assert_eq!(refused, 3, "a rotation costs one request");
    let shown = format!("{source:?} {reader:?} {batches:?}");
    assert!(!shown.contains("s3cr3t"), "{shown}");
}

#[tokio::test]
async fn a_key_that_is_rotated_in_the_middle_of_a_run_loses_nothing() {
    for status in [401, 403] {
        let silo = Arc::new(Rotating::new());
        let server = silo.server(header("authorization", "Bearer "), status).await;
        loses_nothing(&silo, server, Auth::bearer(silo.credential())).await;

        let silo = Arc::new(Rotating::new());
        let server = silo.server(header("x-api-key", ""), status).await;
        loses_nothing(&silo, server, Auth::api_key_header("X-Api-Key", silo.credential())).await;

        let silo = Arc::new(Rotating::new());
        let server = silo.server(|seen| seen.query("k"), status).await;
        loses_nothing(&silo, server, Auth::api_key_query("k", silo.credential())).await;
    }
}

#[tokio::test]
async fn a_password_and_a_header_are_looked_up_again_too() {
    use base64::Engine as _;
    let silo = Arc::new(Rotating::new());
    let password = |seen: &Seen| {
        let sent = seen.header("authorization")?.strip_prefix("Basic ")?.to_owned();
        let sent = base64::engine::general_purpose::STANDARD.decode(sent).ok()?;
        String::from_utf8(sent).ok()?.strip_prefix("me:").map(str::to_owned)
    };
    let server = silo.server(password, 401).await;
    loses_nothing(&silo, server, Auth::basic("me", silo.credential())).await;

    let silo = Arc::new(Rotating::new());
    let server = silo.server(header("x-tenant-key", ""), 401).await;
    let source = builder(&server.url("/x")).header("X-Tenant-Key", silo.credential());
    let batches = drain(&mut at(&source.pagination(Pagination::page("page", 1)), None).await).await.unwrap();
    assert_eq!(bodies(&batches).len(), 20);
}

#[tokio::test]
async fn a_client_secret_that_is_rotated_is_looked_up_again_when_a_token_is_refused() {
    let silo = Arc::new(Rotating::new());
    let granted = Arc::new(AtomicUsize::new(0));
    let (login_silo, login_granted) = (Arc::clone(&silo), Arc::clone(&granted));
    let login = Server::start(move |seen| {
        let secret = login_silo.taken.lock().unwrap().clone();
        if !seen.body.ends_with(&format!("&client_secret={secret}")) {
            return Reply::new(400, r#"{"error":"invalid_client"}"#);
        }
        let n = login_granted.fetch_add(1, Ordering::SeqCst) + 1;
        Reply::json(format!(r#"{{"access_token":"token-{n}","expires_in":3600}}"#))
    })
    .await;
    let last = Arc::clone(&granted);
    let shop = Server::start(move |seen| {
        let newest = format!("Bearer token-{}", last.load(Ordering::SeqCst));
        if seen.header("authorization") == Some(&newest) { Reply::json("[1]") } else { Reply::new(401, "") }
    })
    .await;
    let oauth =
        OAuth2::client_credentials(login.url("/token"), "me", silo.credential()).credentials_in_body();
    let mut source = at(&builder(&shop.url("/x")).auth(oauth), None).await;
    drain(&mut source).await.unwrap();
    silo.rotate("s3cr3t-2");
    granted.store(7, Ordering::SeqCst);
    drain(&mut source).await.unwrap();
    assert_eq!((login.seen().len(), shop.seen().len()), (3, 3), "one refusal each");
    *silo.taken.lock().unwrap() = "unknown to the file".into();
    granted.store(9, Ordering::SeqCst);
    let found = error(&mut source).await;
    assert_eq!(found.kind(), ErrorKind::Unauthenticated);
    assert!(!format!("{found} {found:?}").contains("s3cr3t"), "{found}");
}

#[tokio::test]
async fn a_key_that_is_still_the_same_is_not_sent_again() {
    let silo = Rotating::new();
    let server = Server::start(|_| Reply::new(401, "")).await;
    let source = builder(&server.url("/x")).auth(Auth::bearer(silo.credential()));
    assert_eq!(error(&mut at(&source, None).await).await.kind(), ErrorKind::Unauthenticated);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_refusal_for_too_many_requests_looks_nothing_up() {
    let silo = Rotating::new();
    let server = Server::start(|_| Reply::new(403, "").header("retry-after", "1")).await;
    let mut source = at(&builder(&server.url("/x")).auth(Auth::bearer(silo.credential())), None).await;
    assert_eq!(error(&mut source).await.kind(), ErrorKind::RateLimited);
    silo.rotate("s3cr3t-2");
    assert_eq!(error(&mut source).await.kind(), ErrorKind::RateLimited);
    assert_eq!(server.seen().last().unwrap().header("authorization"), Some("Bearer s3cr3t-1"));
}

#[tokio::test]
async fn a_secret_that_cannot_be_had_is_named_and_nothing_is_sent() {
    let server = Server::start(|_| Reply::json("[1]")).await;
    let missing = Secrets::new().credential("file:/no/such/key").unwrap();
    let found = error(&mut at(&builder(&server.url("/x")).auth(Auth::bearer(missing)), None).await).await;
    assert_eq!(found.kind(), ErrorKind::NotFound);
    assert!(found.to_string().contains("secret: file:/no/such/key"), "{found}");
    assert_eq!(server.connections(), 0);
}
