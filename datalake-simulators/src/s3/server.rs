//! The server, and what it does to requests that have a fault.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::answer::Answer;
use super::fault::{Fault, Op};
use super::operation::perform;
use super::request::Request;
use super::{Shared, lock};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Serves connections until it is dropped.
pub(super) async fn serve(listener: TcpListener, state: Shared) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let state = Arc::clone(&state);
                connections.spawn(async move {
                    stream.set_nodelay(true).ok();
                    let service = service_fn(move |request| handle(Arc::clone(&state), request));
                    // Ends with an error where a fault closes the connection.
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                        .ok();
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn handle(state: Shared, request: hyper::Request<Incoming>) -> io::Result<Response<Body>> {
    let (parts, mut body) = request.into_parts();
    let request = Request::parse(&parts);
    let fault = {
        let mut state = lock(&state);
        state.begin();
        state.plan.choose(&request)
    };
    if fault == Some(Fault::Reset) {
        // What has not been read makes a reset of the close.
        drop(body.frame().await);
        return Err(closed());
    }
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            read.extend_from_slice(&data);
        }
    }
    let request = match request.with_body(read.freeze()) {
        Ok(request) => request,
        Err(refusal) => return respond(&Answer::refusal(refusal, parts.uri.path()), None),
    };
    let perform = |request: &Request| perform(&mut lock(&state), request);
    let answer = match fault {
        Some(Fault::Refused(refusal)) => {
            let mut answer = Answer::refusal(refusal, &request.key);
            if matches!(request.op, Op::HeadObject | Op::HeadBucket) {
                answer.body = Bytes::new();
            }
            answer
        }
        Some(Fault::RefusedAfter(refusal)) => {
            perform(&request);
            Answer::refusal(refusal, &request.key)
        }
        Some(Fault::ErrorIn200(code)) => Answer::error(200, code, &request.key),
        Some(Fault::ErrorIn200After(code)) => {
            perform(&request);
            Answer::error(200, code, &request.key)
        }
        Some(Fault::Lost) => {
            perform(&request);
            return Err(closed());
        }
        Some(Fault::Late { after }) => {
            lock(&state).put_off(request, after);
            return Err(closed());
        }
        Some(Fault::Slow(time)) => {
            let answer = perform(&request);
            tokio::time::sleep(time).await;
            answer
        }
        Some(Fault::Silent) => {
            perform(&request);
            std::future::pending().await
        }
        Some(Fault::Foreign) => {
            perform(&request);
            let mut answer = Answer::new(200).with("content-type", "text/html");
            answer.body = Bytes::from_static(b"<html><body>Please log in</body></html>");
            answer
        }
        None | Some(Fault::Reset | Fault::Truncated | Fault::Short | Fault::Flipped) => perform(&request),
    };
    respond(&answer, fault)
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the connection is closed by a fault")
}

fn respond(answer: &Answer, fault: Option<Fault>) -> io::Result<Response<Body>> {
    let status = StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
    let mut response = Response::builder().status(status).header("server", "simulated S3");
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let mut content = answer.body.clone();
    match fault {
        Some(Fault::Truncated) if content.is_empty() => return Err(closed()),
        Some(Fault::Short) => content.truncate(content.len() - content.len().div_ceil(8)),
        Some(Fault::Flipped) if !content.is_empty() => {
            let mut bytes = content.to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            content = bytes.into();
        }
        _ => {}
    }
    let length = answer.length.filter(|_| content.is_empty()).unwrap_or(content.len());
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        response = response.header("content-length", length);
    }
    let body = if fault == Some(Fault::Truncated) {
        let half = content.slice(..content.len() / 2);
        let frames = stream::iter([Ok(Frame::data(half))]).chain(stream::once(async {
            // What came so far goes out before the connection ends.
            tokio::task::yield_now().await;
            Err(closed())
        }));
        BodyExt::boxed_unsync(StreamBody::new(frames))
    } else {
        Full::new(content).map_err(|never| match never {}).boxed_unsync()
    };
    response.body(body).map_err(io::Error::other)
}
