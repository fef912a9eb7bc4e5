//! Where a server is, who we are there, and connections to it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

use super::error;
use super::url::Url;
use datalake_core::{Credential, Error, ErrorKind, Result, Secret};

pub(super) mod tls;

/// The settings that make a session say values the same way whatever the server, the role and the database prefer.
pub(super) const SESSION: &[(&str, &str)] = &[
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "iso_8601"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("extra_float_digits", "3"),
    ("lc_monetary", "C"),
    ("standard_conforming_strings", "on"),
];

/// A database of a server, and who we are there.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) url: Url,
    pub(super) password: Option<Credential>,
    /// How to speak TLS, if it is spoken.
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// The longest time to connect.
    pub(super) connect_timeout: Duration,
}

impl Server {
    /// Checks where a server is. Asks nobody.
    ///
    /// # Errors
    /// [`ConfigInvalid`](ErrorKind::ConfigInvalid) if the URL or a certificate is none.
    pub(super) fn new(
        url: &Secret,
        password: Option<Credential>,
        trusted: &[u8],
        connect_timeout: Duration,
    ) -> Result<Self> {
        let (url, in_url) = Url::parse(url)?;
        let tls = if url.tls { Some(Arc::new(crate::tls::config(trusted, true, None)?)) } else { None };
        Ok(Self { url, password: password.or(in_url.map(Credential::from)), tls, connect_timeout })
    }

    /// Connects, with the password as it is now, and once more with the one in its place if it is refused.
    ///
    /// # Errors
    /// The server cannot be reached, does not know us, or has no such database.
    pub(super) async fn connect(&self, application: &str, settings: &[(&str, String)]) -> Result<Connection> {
        let Some(credential) = &self.password else { return self.once(application, settings, None).await };
        let password = credential.current().await?;
        match self.once(application, settings, Some(&password)).await {
            Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                match credential.instead_of(&password).await? {
                    Some(other) => self.once(application, settings, Some(&other)).await,
                    None => Err(error),
                }
            }
            done => done,
        }
    }

    async fn once(
        &self,
        application: &str,
        settings: &[(&str, String)],
        password: Option<&Secret>,
    ) -> Result<Connection> {
        let mut config = Config::new();
        config
            .host(&self.url.host)
            .port(self.url.port)
            .user(&self.url.user)
            .dbname(&self.url.database)
            .application_name(application)
            .connect_timeout(self.connect_timeout)
            .keepalives_idle(Duration::from_secs(60));
        if let Some(password) = password {
            config.password(password.expose());
        }
        let connecting = async {
            match &self.tls {
                Some(tls) => {
                    config.ssl_mode(tokio_postgres::config::SslMode::Require);
                    let (client, connection) = config.connect(tls::Secure(Arc::clone(tls))).await?;
                    Ok((client, tokio::spawn(run(connection))))
                }
                None => {
                    config.ssl_mode(tokio_postgres::config::SslMode::Disable);
                    let (client, connection) = config.connect(NoTls).await?;
                    Ok((client, tokio::spawn(run(connection))))
                }
            }
        };
        let connected = tokio::time::timeout(self.connect_timeout, connecting).await;
        let (client, task) = match connected {
            Ok(connected) => connected.map_err(|cause| self.failed(&cause, password))?,
            Err(_) => {
                let error = Error::new(ErrorKind::Unavailable, "the server does not answer");
                return Err(error.with("server", &self.url));
            }
        };
        let connection = Connection { client, task };
        let known = settings.iter().map(|(name, value)| format!("SET {name} = {};", literal(value)));
        connection.run(&known.collect::<String>()).await?;
        Ok(connection)
    }

    /// A refusal that repeats the password is told by its code alone.
    fn failed(&self, cause: &tokio_postgres::Error, password: Option<&Secret>) -> Error {
        if let Some(told) = cause.as_db_error()
            && password.is_some_and(|password| format!("{told:?}").contains(password.expose()))
        {
            let error = Error::new(error::kind(told.code()), "the server refuses, and repeats the password");
            return error.with("server", &self.url);
        }
        error::of(cause, "the server cannot be spoken to").with("server", &self.url)
    }
}

async fn run<S, T>(connection: tokio_postgres::Connection<S, T>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection has ended");
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("url", &self.url)
            .field("password", &self.password)
            .finish_non_exhaustive()
    }
}

/// A connection. Dropping it ends the session, and with it the statement and the transaction under way.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client: Client,
    task: JoinHandle<()>,
}

impl Connection {
    /// Runs statements, separated by semicolons, for their effect.
    ///
    /// # Errors
    /// One of them fails.
    pub(super) async fn run(&self, statements: &str) -> Result<()> {
        if statements.is_empty() {
            return Ok(());
        }
        self.client.batch_execute(statements).await.map_err(|cause| error::of(&cause, "a statement fails"))
    }

    /// The rows of a query, each value as the text the server writes, `None` for NULL.
    ///
    /// # Errors
    /// The query fails.
    pub(super) async fn rows(&self, query: &str) -> Result<Vec<Vec<Option<String>>>> {
        use tokio_postgres::SimpleQueryMessage::Row;
        let messages = self.client.simple_query(query).await;
        let messages = messages.map_err(|cause| error::of(&cause, "a query fails"))?;
        let rows = messages.iter().filter_map(|message| match message {
            Row(row) => Some((0..row.len()).map(|n| row.get(n).map(str::to_owned)).collect()),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// The first value of the first row of a query; `None` for NULL, and if there is no row.
    ///
    /// # Errors
    /// The query fails.
    pub(super) async fn value(&self, query: &str) -> Result<Option<String>> {
        let row = self.rows(query).await?.into_iter().next();
        Ok(row.and_then(|row| row.into_iter().next()).flatten())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An identifier as SQL takes it.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL takes it, where `standard_conforming_strings` is on.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
