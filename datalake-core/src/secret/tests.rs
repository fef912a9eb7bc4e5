use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::*;
use crate::{Error, ErrorKind, Result};

/// A vault that counts, can be slow, and can be closed.
#[derive(Clone)]
struct Vault {
    value: Arc<Mutex<Result<&'static str, ErrorKind>>>,
    fetched: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Vault {
    fn new() -> Self {
        Self {
            value: Arc::new(Mutex::new(Ok("first"))),
            fetched: Arc::default(),
            gate: Arc::new(Semaphore::new(1000)),
        }
    }

    fn set(&self, value: Result<&'static str, ErrorKind>) {
        *self.value.lock().unwrap() = value;
    }

    fn fetched(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }

    fn key(&self) -> Credential {
        Secrets::new().store(self.clone()).lifetime(Duration::from_secs(60)).credential("vault:key").unwrap()
    }
}

#[async_trait]
impl SecretStore for Vault {
    fn scheme(&self) -> &'static str {
        "vault"
    }

    async fn fetch(&self, _: &SecretRef) -> Result<Secret> {
        self.gate.acquire().await.unwrap().forget();
        self.fetched.fetch_add(1, Ordering::SeqCst);
        let value = *self.value.lock().unwrap();
        value.map(Secret::new).map_err(|kind| Error::new(kind, "the vault is shut"))
    }
}

async fn now(key: &Credential) -> String {
    key.current().await.unwrap().expose().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_fetched_once_in_its_lifetime() {
    let vault = Vault::new();
    let key = vault.key();
    assert_eq!((now(&key).await, now(&key).await), ("first".into(), "first".into()));
    vault.set(Ok("second"));
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!((now(&key).await, vault.fetched()), ("first".into(), 1));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!((now(&key).await, vault.fetched()), ("second".into(), 2));
}

#[tokio::test]
async fn of_many_that_need_a_secret_one_fetches_it() {
    let vault = Vault { gate: Arc::new(Semaphore::new(0)), ..Vault::new() };
    let key = vault.key();
    let asking: Vec<_> = (0..20)
        .map(|_| {
            tokio::spawn({
                let key = key.clone();
                async move { now(&key).await }
            })
        })
        .collect();
    tokio::task::yield_now().await;
    vault.gate.add_permits(100);
    for asked in asking {
        assert_eq!(asked.await.unwrap(), "first");
    }
    assert_eq!(vault.fetched(), 1);
}

#[tokio::test]
async fn of_many_that_were_refused_one_fetches_the_next() {
    let vault = Vault::new();
    let key = vault.key();
    let old = key.current().await.unwrap();
    vault.set(Ok("second"));
    for _ in 0..5 {
        assert_eq!(key.instead_of(&old).await.unwrap().unwrap().expose(), "second");
    }
    assert_eq!(vault.fetched(), 2);
    assert_eq!(key.known().len(), 2, "the old one may still be repeated");
    assert_eq!(key.replaced_within(Duration::from_secs(60)).unwrap().expose(), "first");
}

#[tokio::test]
async fn a_secret_that_has_not_changed_is_none_in_its_place() {
    let vault = Vault::new();
    let key = vault.key();
    let old = key.current().await.unwrap();
    assert!(key.instead_of(&old).await.unwrap().is_none());
    let fixed = Credential::from("first");
    assert!(fixed.instead_of(&old).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_old_secret_is_used_on_while_the_store_is_away() {
    let vault = Vault::new();
    let key = vault.key();
    let old = key.current().await.unwrap();
    vault.set(Err(ErrorKind::Unavailable));
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!((now(&key).await, now(&key).await, vault.fetched()), ("first".into(), "first".into(), 2));
    let error = key.instead_of(&old).await.unwrap_err();
    assert!(error.is_retryable(), "what the peer refuses is not used on");
    vault.set(Ok("second"));
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(now(&key).await, "second");
}

#[tokio::test]
async fn a_secret_that_cannot_be_had_is_named_and_not_kept() {
    let vault = Vault::new();
    let key = vault.key();
    vault.set(Err(ErrorKind::NotFound));
    let error = key.current().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("secret: vault:key"), "{error}");
    vault.set(Ok(""));
    assert_eq!(key.current().await.unwrap_err().kind(), ErrorKind::ConfigInvalid);
    vault.set(Ok("first"));
    assert_eq!(now(&key).await, "first");
}

#[tokio::test]
async fn a_dropped_call_leaves_the_next_to_fetch() {
    let vault = Vault { gate: Arc::new(Semaphore::new(0)), ..Vault::new() };
    let key = vault.key();
    assert!(tokio::time::timeout(Duration::from_millis(1), key.current()).await.is_err());
    vault.gate.add_permits(1);
    assert_eq!(now(&key).await, "first");
}

#[tokio::test]
async fn clones_and_other_credentials_of_a_name_share_what_is_kept() {
    let vault = Vault::new();
    let secrets = Secrets::new().store(vault.clone());
    for secrets in [&secrets, &secrets.clone()] {
        assert_eq!(now(&secrets.credential("vault:key").unwrap()).await, "first");
    }
    assert_eq!(vault.fetched(), 1);
    assert_eq!(now(&secrets.credential("vault:other").unwrap()).await, "first");
    assert_eq!(vault.fetched(), 2);
}

#[tokio::test]
async fn nothing_shows_a_secret() {
    let vault = Vault::new();
    let secrets = Secrets::new().store(vault.clone());
    let key = secrets.credential("vault:key").unwrap();
    let shown =
        format!("{secrets:?} {key:?} {:?} {:?}", key.current().await.unwrap(), Credential::from("first"));
    assert!(!shown.contains("first"), "{shown}");
    assert!(shown.contains("vault:key"), "{shown}");
}

#[tokio::test]
async fn a_file_is_a_secret_without_its_last_line_break() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let key = Secrets::new().credential(&format!("file:{}", path.display())).unwrap();
    assert_eq!(key.current().await.unwrap_err().kind(), ErrorKind::NotFound);
    std::fs::write(&path, "one\r\n").unwrap();
    let old = key.current().await.unwrap();
    assert_eq!(old.expose(), "one");
    std::fs::write(&path, " two \n\n").unwrap();
    assert_eq!(key.instead_of(&old).await.unwrap().unwrap().expose(), " two \n");
    std::fs::write(&path, vec![b'x'; 70_000]).unwrap();
    let error = key.instead_of(&Secret::new(" two \n")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    std::fs::write(&path, b"caf\xe9").unwrap();
    let error = key.instead_of(&Secret::new(" two \n")).await.unwrap_err();
    assert!(!error.to_string().contains("caf"), "{error}");
}

#[tokio::test]
async fn a_variable_is_a_secret() {
    let secrets = Secrets::new();
    assert!(!now(&secrets.credential("env:PATH").unwrap()).await.is_empty());
    let error = secrets.credential("env:NO_SUCH_VARIABLE_HERE").unwrap().current().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("env:NO_SUCH_VARIABLE_HERE"), "{error}");
}

#[test]
fn a_scheme_without_a_store_is_refused() {
    let error = Secrets::new().credential("ssm:/shop/key").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.to_string().contains("schemes: env, file"), "{error}");
}
