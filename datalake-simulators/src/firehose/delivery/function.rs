//! The function that a stream calls.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};

use crate::lambda::{Lambda, Outcome};

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The code, for instance `Lambda.FunctionError`.
    pub code: String,
    /// The message.
    pub message: String,
}

impl Failure {
    /// A failure.
    #[must_use]
    pub fn new(code: &str, message: &str) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// What transforms: an event in, an answer out.
pub trait Function: Send + Sync + 'static {
    /// Calls it once.
    fn invoke(&self, event: Bytes) -> BoxFuture<'_, Result<Bytes, Failure>>;
}

/// A function of the test's own process.
pub fn function<F, Fut>(call: F) -> impl Function
where
    F: Fn(Bytes) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Bytes, Failure>> + Send + 'static,
{
    Call(call)
}

struct Call<F>(F);

impl<F, Fut> Function for Call<F>
where
    F: Fn(Bytes) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Bytes, Failure>> + Send + 'static,
{
    fn invoke(&self, event: Bytes) -> BoxFuture<'_, Result<Bytes, Failure>> {
        (self.0)(event).boxed()
    }
}

impl<T: Function + ?Sized> Function for Arc<T> {
    fn invoke(&self, event: Bytes) -> BoxFuture<'_, Result<Bytes, Failure>> {
        (**self).invoke(event)
    }
}

/// A binary, run as the service runs it.
impl Function for Lambda {
    fn invoke(&self, event: Bytes) -> BoxFuture<'_, Result<Bytes, Failure>> {
        async move {
            let failed = |message: String| Err(Failure::new("Lambda.FunctionError", &message));
            let invocation = match self.invoke(String::from_utf8_lossy(&event)).await {
                Ok(invocation) => invocation,
                Err(error) => return failed(format!("the function cannot be started: {error}")),
            };
            match invocation.outcome {
                Outcome::Answer(answer) => Ok(answer),
                Outcome::Failed(error) => failed(format!("{}: {}", error.error_type, error.message)),
                other => failed(format!("{other:?}")),
            }
        }
        .boxed()
    }
}
