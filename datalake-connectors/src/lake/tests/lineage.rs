use datalake_core::transform::json::{drop_fields, set};
use datalake_core::{ErrorKind, Sha256};
use serde_json::json as value;

use super::super::upstream;
use super::*;

/// A second lake, made from the first.
async fn derive(filled: &Filled, zone: Zone, keep: bool) -> Lake {
    let marts = Lake::new(Arc::new(MemoryStore::new()));
    let sink = LakeSink::builder(&marts);
    let sink = if keep { sink } else { sink.without_raw() }.build();
    let mut pipeline = Pipeline::builder("marts")
        .source(filled.source(zone).batch_bytes(50).build().unwrap())
        .transform(drop_fields("unstamp", ["/_lake"]).unwrap())
        .transform(set("mark", "/mart", value!(true)).unwrap())
        .lake(&sink)
        .build()
        .unwrap();
    assert_eq!(pipeline.drain(Default::default()).await.unwrap().counts.written, 7);
    marts
}

async fn filled() -> Filled {
    let filled = Filled::new();
    let (a, b) = (filled.lane("a"), filled.lane("b"));
    a.commits(&["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"]).await;
    b.commits(&["{\"n\":4}", "{\"n\":5}"]).await;
    a.commits(&["{\"n\":6}", "{\"n\":7}"]).await;
    filled
}

#[tokio::test]
async fn every_output_names_the_objects_it_was_made_from() {
    let filled = filled().await;
    for (zone, bytes) in [(Zone::Raw, 3), (Zone::Curated, 3)] {
        let marts = derive(&filled, zone, true).await;
        let envelope = marts.trace(&"marts/1/0".parse().unwrap()).await.unwrap().envelope;
        assert_eq!(envelope.origin.system, "lake.zone");
        let named: Vec<_> =
            envelope.derived_from.iter().map(|of| (of.pipeline.as_str(), of.commit, of.records)).collect();
        assert_eq!(named, [("a", 1, 3), ("b", 1, 2), ("a", 2, 2)]);
        assert_eq!(envelope.derived_from.len(), bytes);
        for of in &envelope.derived_from {
            let key = of.uri.strip_prefix(filled.lake.store().uri()).unwrap().trim_start_matches('/');
            let stored = filled.lake.store().get(key).await.unwrap();
            assert_eq!((of.bytes, of.sha256), (stored.len() as u64, Some(Sha256::of(&stored))));
        }
        assert!(marts.verify(&"marts".parse().unwrap()).await.unwrap().problems.is_empty());
    }
}

#[tokio::test]
async fn a_record_of_the_second_lake_leads_to_its_raw_bytes_in_the_first() {
    let filled = filled().await;
    for zone in [Zone::Raw, Zone::Curated] {
        for keep in [true, false] {
            let marts = derive(&filled, zone, keep).await;
            let mut found = Vec::new();
            for n in 0..7 {
                let trace = marts.trace(&format!("marts/1/{n}").parse().unwrap()).await.unwrap();
                let made_from = match upstream(&filled.lake, &trace).await {
                    Ok(made_from) => made_from,
                    // Without an archive the place of a record in its document is not known, only the document's.
                    Err(error) if !keep => {
                        assert_eq!(error.kind(), ErrorKind::NotFound, "{zone} {error}");
                        continue;
                    }
                    Err(error) => panic!("{zone} {error}"),
                };
                let first = filled.lake.trace(&made_from).await.unwrap();
                let raw = String::from_utf8(first.raw.unwrap().to_vec()).unwrap();
                let mart = &trace.curated[0].line;
                if keep {
                    let n: serde_json::Value = serde_json::from_slice(mart).unwrap();
                    assert_eq!(raw, format!("{{\"n\":{}}}", n["n"]));
                }
                found.push(raw);
            }
            if keep {
                let expected: Vec<_> = [1, 2, 3, 4, 5, 6, 7].map(|n| format!("{{\"n\":{n}}}")).into();
                assert_eq!(found, expected, "{zone}");
            }
        }
    }
}

#[tokio::test]
async fn a_record_that_was_not_made_from_a_lake_has_nothing_upstream() {
    let filled = filled().await;
    let trace = filled.lake.trace(&"a/1/0".parse().unwrap()).await.unwrap();
    let error = upstream(&filled.lake, &trace).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
