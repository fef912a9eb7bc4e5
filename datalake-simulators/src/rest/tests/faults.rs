use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::call;
use crate::rest::{Answer, Fault, Faults, Refusal, Request, Rule, Server, Service};

/// Counts what happens, and says how often it did.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Service for Counter {
    fn operation(&self, request: &Request) -> &'static str {
        if request.path == "/other" { "other" } else { "count" }
    }

    fn answer(&self, _: &'static str, _: &Request) -> Answer {
        let n = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Answer::json(200, format!("{n:>2000}"))
    }

    fn refuse(&self, _: &'static str, refusal: &Refusal) -> Answer {
        Answer::json(refusal.status, refusal.code.clone().into_owned())
    }

    fn compresses(&self) -> bool {
        true
    }
}

fn service() -> (Server, Arc<Counter>, Faults) {
    let faults = Faults::new(vec![Fault::Reset, Fault::Lost, Fault::Refused(Refusal::new(503, "Busy"))]);
    let (server, counter) = Server::start(faults.clone(), |_| Arc::default()).unwrap();
    (server, counter, faults)
}

fn status(server: &Server, target: &str) -> Option<u16> {
    call(&server.url(), "GET", target, &[], "").ok().map(|reply| reply.status)
}

#[test]
fn each_fault_does_what_it_says() {
    let (server, counter, faults) = service();
    let refusal = Refusal::new(503, "Busy").header("retry-after", "1");
    for (fault, expected, happened) in [
        (Fault::Refused(refusal.clone()), Some(503), 0),
        (Fault::RefusedAfter(refusal), Some(503), 1),
        (Fault::Reset, None, 1),
        (Fault::Lost, None, 2),
        (Fault::Truncated, None, 3),
        (Fault::Short, Some(200), 4),
        (Fault::Foreign, Some(200), 4),
        (Fault::BadGateway, Some(502), 4),
        (Fault::Slow(Duration::from_millis(50)), Some(200), 5),
    ] {
        faults.add(Rule::any(), fault.clone());
        let began = Instant::now();
        assert_eq!(status(&server, "/"), expected, "{fault:?}");
        assert_eq!(counter.0.load(Ordering::Relaxed), happened, "{fault:?}");
        if matches!(fault, Fault::Slow(_)) {
            assert!(began.elapsed() >= Duration::from_millis(50));
        }
    }
    assert_eq!(status(&server, "/"), Some(200));
}

#[test]
fn a_rule_says_which_requests_it_means() {
    let (server, _, faults) = service();
    let refused = || Fault::Refused(Refusal::new(503, "Busy"));
    faults.add(Rule::of("count").target("b=1").after(1).times(2), refused());
    let found =
        ["/?b=1", "/other?b=1", "/?b=1", "/?a=1", "/?b=1", "/?b=1"].map(|target| status(&server, target));
    assert_eq!(found, [200, 200, 503, 200, 503, 200].map(Some));
    faults.add(Rule::of("other").always(), refused());
    assert_eq!(["/other", "/other", "/"].map(|target| status(&server, target)), [503, 503, 200].map(Some));
    faults.clear();
    assert_eq!(status(&server, "/other"), Some(200));
    let seen = faults.seen();
    assert_eq!((seen.len(), faults.count("other")), (10, 4));
    assert_eq!((seen[2].target.as_str(), seen[2].status, seen[2].fault.is_some()), ("/?b=1", 503, true));
    assert!(seen[2].header("Host").is_some());
}

#[test]
fn something_is_done_before_the_request_that_a_rule_names() {
    let (server, counter, faults) = service();
    let sees = Arc::clone(&counter);
    faults.meanwhile(Rule::any().after(1), move || {
        sees.0.fetch_add(100, Ordering::Relaxed);
    });
    let found: Vec<_> = (0..3)
        .map(|_| call(&server.url(), "GET", "/", &[], "").unwrap().text().trim().parse::<u32>().unwrap())
        .collect();
    assert_eq!(found, [1, 102, 103]);
}

#[test]
fn one_in_so_many_fails_by_the_seed_and_never_three_in_a_row() {
    let run = |one_in, seed| {
        let (server, _, faults) = service();
        faults.one_in(one_in, seed);
        (0..60).map(|_| status(&server, "/")).collect::<Vec<_>>()
    };
    let failed = |run: &[Option<u16>]| run.iter().filter(|status| **status != Some(200)).count();
    let first = run(5, 7);
    assert!((4..=20).contains(&failed(&first)), "{first:?}");
    assert_eq!(first, run(5, 7));
    assert_ne!(first, run(5, 8));
    let most = run(1, 7);
    assert!(most.windows(3).all(|three| three.contains(&Some(200))), "{most:?}");
    assert_eq!(failed(&most), 40);
}

#[test]
fn a_client_that_asks_for_it_gets_a_compressed_body() {
    use std::io::Read;
    let (server, ..) = service();
    let reply = call(&server.url(), "GET", "/", &[("accept-encoding", "gzip")], "").unwrap();
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(reply.body.as_slice()).read_to_string(&mut text).unwrap();
    assert_eq!(text.len(), 2000);
}
