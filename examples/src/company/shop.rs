//! The shop: `GET /orders`, in pages, with entity tags.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use datalake_core::{Error, Result, Sha256};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const ORDERS: u32 = 500;
const PAGE: u32 = 100;

/// The shop. It closes when this is dropped.
#[derive(Debug)]
pub struct Shop {
    address: SocketAddr,
    requests: Arc<AtomicU64>,
    server: JoinHandle<()>,
}

impl Shop {
    /// Opens it on a free port of loopback.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn open() -> Result<Self> {
        let failed = |cause| Error::io("the shop cannot open", cause);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let requests = Arc::new(AtomicU64::new(0));
        let server = tokio::spawn(serve(listener, Arc::clone(&requests)));
        Ok(Self { address, requests, server })
    }

    /// Where its orders are.
    #[must_use]
    pub fn orders(&self) -> String {
        format!("http://{}/orders", self.address)
    }

    /// How often it was asked.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, requests: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        let requests = Arc::clone(&requests);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                requests.fetch_add(1, Ordering::Relaxed);
                async move { Ok::<_, Infallible>(answer(&request)) }
            });
            // A client that goes away is no concern of the shop.
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await
                .ok();
        });
    }
}

fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let page = match request.uri().query().unwrap_or("page=1").strip_prefix("page=").map(str::parse) {
        Some(Ok(page))
            if request.uri().path() == "/orders" && (1..=ORDERS.div_ceil(PAGE)).contains(&page) =>
        {
            page
        }
        _ => return respond(Response::builder().status(StatusCode::NOT_FOUND), Bytes::new()),
    };
    let first = (page - 1) * PAGE;
    let items: Vec<_> = (first..(first + PAGE).min(ORDERS)).map(order).collect();
    let body = Bytes::from(json!({ "page": page, "items": items }).to_string());
    let tag = format!("\"{}\"", &Sha256::of(&body).to_string()[..16]);
    let mut response = Response::builder().header(header::ETAG, &tag);
    if page < ORDERS.div_ceil(PAGE) {
        response = response.header(header::LINK, format!("</orders?page={}>; rel=\"next\"", page + 1));
    }
    if request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return respond(response.status(StatusCode::NOT_MODIFIED), Bytes::new());
    }
    respond(response.header(header::CONTENT_TYPE, "application/json"), body)
}

fn respond(response: hyper::http::response::Builder, body: Bytes) -> Response<Full<Bytes>> {
    response.body(Full::new(body)).unwrap_or_default()
}

/// One order. Now and then the till writes a total that is none.
fn order(n: u32) -> serde_json::Value {
    let cents = 500 + n * 7919 % 25_000;
    let total =
        if n % 200 == 133 { "see note".into() } else { format!("{}.{:02}", cents / 100, cents % 100) };
    json!({
        "id": 10_000 + n,
        "placed_at": format!("2026-11-{:02}T{:02}:{:02}:00Z", 18 + n / 125, n % 24, n * 13 % 60),
        "customer": { "number": 700 + n % 90, "email": format!("customer-{}@mail.example", 700 + n % 90) },
        "total": total,
        "currency": "EUR",
        "note": if n.is_multiple_of(50) { "call before delivery" } else { "" },
    })
}
