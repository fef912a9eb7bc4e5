//! Events that nobody sends.

use datalake_core::testkit::Rng;

use super::*;

/// How many events are tried.
const EVENTS: u64 = 5_000;

#[tokio::test]
async fn whatever_comes_is_answered_or_refused_and_never_panics() {
    let seed = datalake_core::Ambient::system().bits();
    let mut random = Rng::new(seed);
    let mut worker = Worker::fed().await;
    let mut answered = 0;
    for n in 0..EVENTS {
        let mut event = sample(&mut random, n);
        for _ in 0..random.below(4) {
            mutate(&mut event, &mut random);
        }
        let mut bytes = event.to_string().into_bytes();
        if random.below(4) == 0 && !bytes.is_empty() {
            let at = random.below(bytes.len());
            bytes[at] = random.below(256) as u8;
        }
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        match worker.function.answer(Bytes::from(bytes), &Invocation::with_left(None)).await {
            Ok(answer) => {
                answered += 1;
                let answer: Value = serde_json::from_slice(&answer).unwrap();
                assert!(answer.is_object(), "seed {seed}: {shown}");
                let failures = answer["batchItemFailures"].as_array();
                assert!(failures.is_none_or(Vec::is_empty), "seed {seed}: {shown} {answer}");
            }
            Err(error) => assert!(!error.message().is_empty(), "seed {seed}: {shown}"),
        }
    }
    assert!(answered > EVENTS / 10, "seed {seed}: {answered}");
    assert!(answered < EVENTS, "seed {seed}: {answered}");
}

fn sample(random: &mut Rng, n: u64) -> Value {
    let (one, two) = (format!("{n}0"), format!("{n}1"));
    let bodies = [body(n), "broken".to_owned()];
    let [first, second] = bodies;
    match random.below(5) {
        0 | 1 => kinesis([(one.as_str(), first), (two.as_str(), second)]),
        2 => sqs("clicks", [(one.as_str(), first), (two.as_str(), second)]),
        3 => json!({ "Records": [{ "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": { "bucket": { "name": "b" }, "object": { "key": "%41+k" } } }] }),
        _ => json!({ "source": "aws.s3", "detail-type": "Object Created",
            "detail": { "bucket": { "name": "b" }, "object": { "key": "k" } } }),
    }
}

/// Changes, removes or doubles something somewhere.
fn mutate(value: &mut Value, random: &mut Rng) {
    let deeper = random.below(4) > 0;
    match value {
        Value::Object(members) if deeper && !members.is_empty() => {
            let at = random.below(members.len());
            if let Some((_, member)) = members.iter_mut().nth(at) {
                mutate(member, random);
            }
        }
        Value::Array(elements) if deeper && !elements.is_empty() => {
            let at = random.below(elements.len());
            if random.below(5) == 0 {
                let again = elements[at].clone();
                elements.push(again);
            }
            mutate(&mut elements[at], random);
        }
        other => {
            *other = match random.below(8) {
                0 => Value::Null,
                1 => json!(random.bits()),
                2 => json!(-4.95e55),
                3 => json!(""),
                4 => json!("\u{0}%ff+../ä"),
                5 => json!([]),
                6 => json!({}),
                _ => json!([[{ "a": [null] }], "x"]),
            }
        }
    }
}
