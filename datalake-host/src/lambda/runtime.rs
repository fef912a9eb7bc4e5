//! The loop that takes events from the platform and answers them.

use std::future::{Future, ready};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use datalake_core::{Error, Result};
use futures::future::BoxFuture;
use lambda_runtime::tower::{Layer, Service};
use lambda_runtime::{LambdaEvent, LambdaInvocation, Runtime, service_fn};
use lambda_runtime_api_client::{BoxError, Client, body::Body, build_request};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tracing::Instrument;

use super::function::Function;
use super::invocation::Invocation;
use super::log;
use crate::Host;

/// The name under which the worker registers as an extension: only whoever has one gets SIGTERM.
const EXTENSION: &str = "datalake-shutdown";

/// Whether the process runs in Lambda.
pub(crate) fn is_here() -> bool {
    std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some()
}

/// Makes the pipelines once and answers events until the platform ends the process. Boxed, so that it is compiled with
/// this crate and not into every program again.
pub(crate) fn serve(host: Host) -> BoxFuture<'static, ExitCode> {
    Box::pin(answer_events(host))
}

async fn answer_events(mut host: Host) -> ExitCode {
    log::start();
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    host.worker.region = variable("AWS_REGION");
    host.worker.host = variable("AWS_LAMBDA_LOG_STREAM_NAME").or(host.worker.host);
    let client = match Client::builder().build() {
        Ok(client) => Arc::new(client),
        Err(error) => {
            tracing::error!(%error, "the platform cannot be spoken to");
            return ExitCode::FAILURE;
        }
    };
    let (stopping, stop) = watch::channel(false);
    let function = match Function::new(host, stop).await {
        Ok(function) => Arc::new(Mutex::new(function)),
        Err(error) => {
            tracing::error!(%error, "the worker cannot begin");
            report(&client, "/2018-06-01/runtime/init/error", &error).await;
            return ExitCode::FAILURE;
        }
    };
    let asked = shutdown(Arc::clone(&client)).await;
    let never = service_fn(|_: LambdaEvent<Value>| ready(Err::<Value, &str>("replaced by the layer")));
    let layer = Answers { function: Arc::clone(&function), client };
    let runtime = Runtime::new(never).layer(layer).run();
    let end = async {
        asked.await;
        tracing::info!("asked to stop; committing what was read");
        stopping.send_replace(true);
        function.lock().await.close().await;
    };
    tokio::select! {
        ended = runtime => {
            if let Err(error) = ended {
                tracing::error!(%error, "the worker ends");
            }
            ExitCode::FAILURE
        }
        () = end => ExitCode::SUCCESS,
    }
}

/// Registers as an extension and gives a future that is ready once SIGTERM has come. Where extensions are not known,
/// it never is.
async fn shutdown(client: Arc<Client>) -> impl Future<Output = ()> {
    let registered = register(&client).await;
    async move {
        match registered {
            Ok(signal) => {
                if signal.await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "no extension could be registered; the end will come without a sign");
                std::future::pending::<()>().await;
            }
        }
    }
}

async fn register(
    client: &Arc<Client>,
) -> Result<impl Future<Output = Result<(), BoxError>> + use<>, BoxError> {
    let request = build_request()
        .method("POST")
        .uri("/2020-01-01/extension/register")
        .header("Lambda-Extension-Name", EXTENSION)
        .body(Body::from(r#"{"events":[]}"#))?;
    let answer = client.call(request).await?;
    if !answer.status().is_success() {
        return Err(format!("refused with status {}", answer.status()).into());
    }
    let id = answer.headers().get("Lambda-Extension-Identifier").ok_or("no identifier in the answer")?;
    // The extension asks for nothing and gets nothing; it has to ask for initialisation to end.
    let request = build_request()
        .method("GET")
        .uri("/2020-01-01/extension/event/next")
        .header("Lambda-Extension-Identifier", id)
        .body(Body::empty())?;
    let waiting = client.call(request);
    tokio::spawn(async move {
        if let Err(error) = waiting.await {
            tracing::debug!(%error, "the extension is not waited for");
        }
    });
    terminated()
}

#[cfg(unix)]
fn terminated() -> Result<impl Future<Output = Result<(), BoxError>> + use<>, BoxError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move { terminate.recv().await.ok_or_else(|| "signals have ended".into()) })
}

#[cfg(not(unix))]
fn terminated() -> Result<impl Future<Output = Result<(), BoxError>> + use<>, BoxError> {
    Ok(std::future::pending())
}

/// Puts [`Answer`] in the place of the runtime's own handling, which would read every event twice.
struct Answers {
    function: Arc<Mutex<Function>>,
    client: Arc<Client>,
}

impl<S> Layer<S> for Answers {
    type Service = Answer;

    fn layer(&self, _: S) -> Answer {
        Answer { function: Arc::clone(&self.function), client: Arc::clone(&self.client) }
    }
}

struct Answer {
    function: Arc<Mutex<Function>>,
    client: Arc<Client>,
}

impl Service<LambdaInvocation> for Answer {
    type Response = ();
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, event: LambdaInvocation) -> Self::Future {
        let (function, client) = (Arc::clone(&self.function), Arc::clone(&self.client));
        Box::pin(async move {
            let invocation = Invocation::new(&event.context);
            let id = invocation.request_id.clone();
            let span = tracing::info_span!("invocation", request_id = %id, trace_id = invocation.trace);
            let work = async move { function.lock().await.answer(event.body, &invocation).await };
            match tokio::spawn(work.instrument(span.clone())).await {
                Ok(Ok(answer)) => deliver(&client, &id, answer).instrument(span).await,
                Ok(Err(error)) => {
                    span.in_scope(|| tracing::error!(%error, "the invocation failed"));
                    report(&client, &format!("/2018-06-01/runtime/invocation/{id}/error"), &error).await;
                    Ok(())
                }
                Err(panic) => {
                    let error = Error::unexpected("the worker panicked; it is started anew");
                    report(&client, &format!("/2018-06-01/runtime/invocation/{id}/error"), &error).await;
                    Err(panic.into())
                }
            }
        })
    }
}

/// Gives an answer. One that is refused, for instance as too large, becomes an error of the invocation.
async fn deliver(client: &Client, id: &str, answer: Bytes) -> Result<(), BoxError> {
    let bytes = answer.len();
    let uri = format!("/2018-06-01/runtime/invocation/{id}/response");
    let request = build_request().method("POST").uri(uri).body(Body::from(answer))?;
    let status = client.call(request).await?.status();
    if status.as_u16() == 413 {
        tracing::error!(bytes, "the answer is larger than the platform takes");
    } else if !status.is_success() {
        tracing::error!(%status, "the answer was refused; the invocation is over its deadline");
    }
    Ok(())
}

/// Tells the platform of an error. If it does not listen, the log says it.
async fn report(client: &Client, path: &str, error: &Error) {
    let kind = format!("datalake.{}", error.kind());
    let body = json!({ "errorType": kind, "errorMessage": error.to_string() }).to_string();
    let request = build_request()
        .method("POST")
        .uri(path)
        .header("Lambda-Runtime-Function-Error-Type", kind)
        .body(Body::from(body));
    let sent = match request {
        Ok(request) => client.call(request).await.map(drop),
        Err(error) => Err(error.into()),
    };
    if let Err(cause) = sent {
        tracing::error!(%cause, "the platform could not be told of an error");
    }
}
