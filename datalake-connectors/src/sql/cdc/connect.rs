//! A connection for replication, by the settings that all of `sql` shares.

use std::sync::Arc;

use datalake_core::{Error, ErrorKind, Result, Secret};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::SYSTEM;
use super::error::{lost, silent};
use super::wire::{Stream, Wire};
use crate::sql::connection::{SESSION, Server};

/// Asks for TLS: the length of the message and the number that stands for it.
const ASK_TLS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Connects, with the password as it is now, and once more with the one in its place if it is refused.
pub(super) async fn connect(server: &Server) -> Result<Wire> {
    let Some(credential) = &server.password else { return once(server, None).await };
    let password = credential.current().await?;
    match once(server, Some(&password)).await {
        Err(error) if error.kind() == ErrorKind::Unauthenticated => {
            match credential.instead_of(&password).await? {
                Some(other) => once(server, Some(&other)).await,
                None => Err(error),
            }
        }
        done => done,
    }
}

async fn once(server: &Server, password: Option<&Secret>) -> Result<Wire> {
    let mut parameters = vec![
        ("replication", "database"),
        ("application_name", "datalake"),
        ("statement_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        // Rows that a policy hides from us are an error, and are not left out of a first load.
        ("row_security", "off"),
    ];
    parameters.extend(SESSION);
    let url = &server.url;
    let opening = async {
        let stream = stream(server).await?;
        let mut wire = Wire::open(stream, &url.user, &url.database, password, &parameters).await?;
        // What such a database holds is checked by nobody, and its server would end the stream at what is no text.
        let encoding = wire.query("SHOW server_encoding").await?;
        if encoding.first().is_some_and(|row| row.text(0) == "SQL_ASCII") {
            wire.query("SET client_encoding = 'SQL_ASCII'").await?;
        }
        Ok(wire)
    };
    let opened = timeout(server.connect_timeout, opening).await.map_err(|_| silent());
    opened.and_then(|opened| opened).map_err(|error| error.with("server", url))
}

async fn stream(server: &Server) -> Result<Box<dyn Stream>> {
    let mut stream = TcpStream::connect((&*server.url.host, server.url.port)).await.map_err(lost)?;
    stream.set_nodelay(true).map_err(lost)?;
    let Some(tls) = &server.tls else { return Ok(Box::new(stream)) };
    stream.write_all(&ASK_TLS).await.map_err(lost)?;
    let refused = |why| Error::config(why).component(SYSTEM);
    if stream.read_u8().await.map_err(lost)? != b'S' {
        return Err(refused("the server speaks no TLS"));
    }
    let name = ServerName::try_from(server.url.host.clone())
        .map_err(|_| refused("the name of the server is none that a certificate can hold"))?;
    let secured = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.map_err(|cause| {
        let why = "the server and we do not agree on TLS, or its certificate does not hold";
        refused(why).with("because", cause)
    })?;
    Ok(Box::new(secured))
}
