//! The listener and its connections.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::request::{Intake, Receiver};

/// The largest head of a request, in bytes.
const HEAD: usize = 32 << 10;
/// How long one connection serves requests.
const LIFETIME: Duration = Duration::from_secs(300);
/// How long a connection may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);
/// The rest after the system refused a connection, for instance for want of file descriptors.
const REST: Duration = Duration::from_millis(100);

/// Serves connections, so many at a time, until told to close; then waits a moment for those that are open.
pub(crate) async fn serve<I: Intake>(
    listener: TcpListener,
    receiver: Arc<Receiver<I>>,
    connections: usize,
    mut closing: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(connections));
    let mut open = JoinSet::new();
    loop {
        let (stream, peer, place) = tokio::select! {
            biased;
            () = closed(&mut closing) => break,
            Some(_) = open.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        open.spawn(connection(stream, peer, place, Arc::clone(&receiver), closing.clone()));
    }
    drop(listener);
    let ended = async { while open.join_next().await.is_some() {} };
    if timeout(GRACE, ended).await.is_err() {
        tracing::warn!(connections = open.len(), "connections did not end in time");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    loop {
        let place = Arc::clone(places).acquire_owned().await.ok();
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) => {
                tracing::warn!(?error, "cannot accept a connection");
                sleep(REST).await;
            }
        }
    }
}

async fn connection<I: Intake>(
    stream: TcpStream,
    peer: SocketAddr,
    _place: Option<OwnedSemaphorePermit>,
    receiver: Arc<Receiver<I>>,
    mut closing: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(?error, "cannot send answers at once");
    }
    let last_answer = receiver.read_timeout + receiver.commit_timeout + GRACE;
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let receiver = Arc::clone(&receiver);
        async move { Ok::<_, Infallible>(receiver.answer(request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(receiver.read_timeout)
        .max_header_size(HEAD)
        .max_buf_size(2 * HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => Ok(ended),
        () = either(closed(&mut closing), sleep(LIFETIME)) => {
            served.as_mut().graceful_shutdown();
            timeout(last_answer, served).await
        }
    };
    if let Ok(Err(error)) = ended {
        tracing::debug!(?error, "a connection ended early");
    }
}

async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error says that the source is gone, which is as good.
    drop(closing.wait_for(|closing| *closing).await);
}

async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    tokio::select! {
        () = one => {}
        () = other => {}
    }
}
