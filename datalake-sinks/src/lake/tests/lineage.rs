//! Ten thousand records of a run with transforms, each led back to its raw bytes and made again from them.

use bytes::{BufMut, BytesMut};
use datalake_core::lake::{Lake, Zone, stamp};
use datalake_core::ledger::CommitKind;
use datalake_core::pipeline::{Budget, PipelineBuilder};
use datalake_core::testkit::{Rng, VecSource};
use datalake_core::transform::json::{Type, cast, drop_fields, mask, rename};
use datalake_core::transform::{Pointer, filter};
use datalake_core::{Document, Format, Pipeline, RecordId, Worker};
use futures::TryStreamExt;

use super::{LakeSink, lake, things, verify};

const RECORDS: usize = 20_000;
const TRACED: usize = 10_000;

fn documents(rng: &mut Rng) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut text = BytesMut::new();
    let mut offset = 0;
    for n in 0..RECORDS {
        let line = match rng.below(50) {
            0 => "{\"n\":\n".to_owned(),
            1 => "\r\n".to_owned(),
            2 => format!("{{\"n\":{n},\"qty\":\"many\"}}\n"),
            kind => format!(
                "{{ \"n\":{n}, \"kind\":{kind}, \"qty\":\"{}\", \"price\":{}.{:02}0, \"note\":\"ä{n}\", \
                 \"customer\":{{\"email\":\"a{n}@example.com\"}} }}\r\n",
                rng.below(100),
                rng.below(100),
                rng.below(100),
            ),
        };
        text.put_slice(line.as_bytes());
        if text.len() > 16 << 10 {
            let bytes = text.split().freeze();
            let length = bytes.len() as u64;
            documents.push(Document::new(bytes, "file:///orders.ndjson", Format::Ndjson).at(offset));
            offset += length;
        }
    }
    documents.push(Document::new(text.freeze(), "file:///orders.ndjson", Format::Ndjson).at(offset));
    documents
}

fn with_transforms(builder: PipelineBuilder) -> PipelineBuilder {
    let kind = Pointer::parse("/kind").unwrap();
    builder
        .transform(filter("not-seven", "1", move |draft| Ok(draft.field(&kind)? != Some("7"))))
        .transform(drop_fields("no-notes", ["/note"]).unwrap())
        .transform(rename("price", "/price", "unit_price").unwrap())
        .transform(cast("qty", "/qty", Type::Integer).unwrap())
        .transform(mask("email", "/customer/email").unwrap())
}

async fn curated(lake: &Lake) -> Vec<(RecordId, Vec<u8>)> {
    let parts: Vec<_> = lake.read(&things(), Zone::Curated).await.unwrap().try_collect().await.unwrap();
    let lines =
        parts.iter().flat_map(|part| part.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()));
    lines.map(|line| stamp::read(line).unwrap()).map(|(body, id)| (id, body)).collect()
}

async fn run(lake: &Lake, documents: Vec<Document>) {
    let landing = LakeSink::builder(lake).build();
    let builder = Pipeline::builder("things").source(VecSource::new(documents)).lake(&landing);
    let mut pipeline = with_transforms(builder).target_bytes(200 << 10).build().unwrap();
    pipeline.drain(Budget::unlimited()).await.unwrap();
}

#[tokio::test]
async fn ten_thousand_records_lead_back_to_their_bytes_and_are_made_again_from_them() {
    let mut rng = Rng::new(11);
    let input = documents(&mut rng);
    let file: Vec<u8> = input.iter().flat_map(|document| document.bytes().to_vec()).collect();
    let first = lake();
    run(&first, input).await;
    verify(&first).await;
    let mut records = curated(&first).await;
    assert!(records.len() > TRACED);
    rng.shuffle(&mut records);
    records.truncate(TRACED);
    records.sort_by(|left, right| {
        let place = |id: &RecordId| (id.batch.number, id.ordinal);
        place(&left.0).cmp(&place(&right.0))
    });

    let pipeline = records[0].0.batch.pipeline.clone();
    let mut tracer = first.tracer(&pipeline).await.unwrap();
    let mut raw = Vec::new();
    for (id, body) in &records {
        let trace = tracer.trace(id).await.unwrap();
        let bytes = trace.raw.unwrap();
        let (start, length) = (trace.offset as usize, trace.length as usize);
        assert_eq!(file[start..start + length], bytes, "{id} is at its place in the file it came from");
        let names: Vec<_> = trace.envelope.hops.iter().map(|hop| hop.name.as_str()).collect();
        assert_eq!(names, ["parse", "not-seven", "no-notes", "price", "qty", "email"]);
        assert_eq!(trace.curated.len(), 1);
        assert_eq!(stamp::read(&trace.curated[0].line).unwrap().0, *body);
        raw.push(bytes);
    }

    let again = lake();
    let joined = raw.iter().flat_map(|bytes| [&bytes[..], b"\n"].concat()).collect::<Vec<u8>>();
    run(&again, vec![Document::new(joined, "file:///raw.ndjson", Format::Ndjson)]).await;
    let made_again: Vec<_> = curated(&again).await.into_iter().map(|(_, body)| body).collect();
    let before: Vec<_> = records.into_iter().map(|(_, body)| body).collect();
    assert_eq!(made_again.len(), before.len());
    assert!(made_again == before, "the same transforms of the same bytes give the same bytes");
}

#[tokio::test]
async fn what_is_rebuilt_was_still_acquired_by_whom_it_was() {
    let lake = lake();
    let worker = |version: &str, step: &'static str| {
        let source = VecSource::json(["{\"n\":1}"]);
        let builder = Pipeline::builder("things").source(source).worker(Worker::new("shop", version));
        let dropped = drop_fields(step, ["/x"]).unwrap();
        builder.transform(dropped).lake(&LakeSink::builder(&lake).build()).build().unwrap()
    };
    let record: RecordId = "things/1/0".parse().unwrap();
    worker("1", "first").drain(Budget::unlimited()).await.unwrap();
    let before = lake.trace(&record).await.unwrap();
    assert!(before.remade.is_none());
    worker("2", "second").rebuild(&lake).await.unwrap();
    let after = lake.trace(&record).await.unwrap();
    assert_eq!(
        (&after.envelope.worker, &after.envelope.run),
        (&before.envelope.worker, &before.envelope.run)
    );
    assert_eq!((after.commit, after.envelope.acquired), (1, before.envelope.acquired));
    assert_eq!(after.envelope.hops.last().unwrap().name, "second");
    let remade = after.remade.unwrap();
    assert_eq!((remade.kind, remade.commit, &*remade.worker.version), (CommitKind::Rebuild, 2, "2"));
    assert_ne!(remade.run, before.envelope.run);
    assert!(remade.committed_at >= before.committed_at);
}
