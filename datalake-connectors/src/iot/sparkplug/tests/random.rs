//! A thousand random streams of an edge node against a model that knows what was sent.

use serde_json::json;

use super::*;

struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn bits(&mut self) -> u64 {
        (self.below(1 << 31) << 33) ^ (self.below(1 << 31) << 11) ^ self.below(1 << 31)
    }

    /// A value of a type, and how it is to be read.
    fn value(&mut self, datatype: u32) -> (MetricValue, Value) {
        let bits = self.bits();
        match datatype {
            1 => (MetricValue::Int((bits as i8) as u32), json!(bits as i8)),
            2 => (MetricValue::Int((bits as i16) as u32), json!(bits as i16)),
            3 => (MetricValue::Int(bits as u32), json!(bits as i32)),
            4 => (MetricValue::Long(bits), json!(bits.cast_signed())),
            8 => (MetricValue::Long(bits), json!(bits)),
            9 => {
                let value = f32::from(bits as i16) / 16.0;
                (MetricValue::Float(value), json!(value))
            }
            11 => (MetricValue::Boolean(bits.is_multiple_of(2)), json!(bits.is_multiple_of(2))),
            12 => (MetricValue::Text(format!("{bits:x}\"\n")), json!(format!("{bits:x}\"\n"))),
            _ => (MetricValue::Int(bits as u32), json!(bits as u32)),
        }
    }
}

const TYPES: [u32; 9] = [1, 2, 3, 4, 7, 8, 9, 11, 12];

#[tokio::test]
async fn whatever_is_sent_and_lost_every_message_is_a_record_and_every_known_value_is_read() {
    for seed in 0..1_000 {
        let mut random = Random(seed);
        let (mut messages, mut expected) = (Vec::new(), Vec::new());
        let mut known: Vec<(u64, String, u32)> = Vec::new();
        let (mut seq, mut last) = (0_u64, None::<u64>);
        for _ in 0..12 {
            let birth = random.below(5) == 0;
            let lost = random.below(6) == 0;
            let metrics: Vec<_> = (0..random.below(4))
                .map(|n| {
                    let datatype = TYPES[usize::try_from(random.below(9)).unwrap()];
                    (n * 3 + random.below(3), datatype)
                })
                .collect();
            let (mut sent_metrics, mut read) = (Vec::new(), Vec::new());
            let mut born = Vec::new();
            for (alias, datatype) in metrics {
                let by_birth = known.iter().find(|(of, ..)| *of == alias).cloned();
                let (name, datatype) = match (&by_birth, birth) {
                    (Some((_, name, datatype)), false) => (Some(name.clone()), *datatype),
                    (_, true) => (Some(format!("m{alias}/{seed}")), datatype),
                    (None, false) => (None, 7),
                };
                let (value, text) = random.value(datatype);
                read.push((name.clone().unwrap_or(format!("alias_{alias}")), text, name.is_none()));
                let metric = aliased(alias, value);
                if birth {
                    let name = name.clone().unwrap();
                    born.push((alias, name.clone(), datatype));
                    sent_metrics.push(Metric { name: Some(name), datatype: Some(datatype), ..metric });
                } else {
                    sent_metrics.push(metric);
                }
            }
            seq = if birth { 0 } else { (seq + 1) % 256 };
            if lost {
                continue;
            }
            if birth {
                known = born;
            }
            let gap = !birth && last.is_some_and(|last| (last + 1) % 256 != seq);
            last = Some(seq);
            messages.push(sent(if birth { "NBIRTH" } else { "NDATA" }, None, &payload(seq, sent_metrics)));
            expected.push((gap, read));
        }
        let found = records(messages).await;
        assert_eq!(found.len(), expected.len());
        for (record, (gap, read)) in found.iter().zip(expected) {
            assert_eq!(!record["gap"].is_null(), gap, "seed {seed}: {record}");
            let metrics: Vec<_> = record["metrics"].as_array().unwrap().clone();
            assert_eq!(metrics.len(), read.len());
            for (metric, (name, value, unresolved)) in metrics.iter().zip(read) {
                assert_eq!(
                    (&metric["name"], &metric["value"]),
                    (&json!(name), &value),
                    "seed {seed}: {record}"
                );
                assert_eq!(metric["unresolved"], json!(unresolved));
            }
        }
    }
}

#[tokio::test]
async fn whatever_the_bytes_are_they_are_a_record_or_refused() {
    let mut random = Random(7);
    let whole =
        payload(1, [session(1), named("m", Some(1), 12, MetricValue::Text("text".into()))]).encode_to_vec();
    let messages: Vec<_> = (0..2_000)
        .map(|_| {
            let mut bytes = whole.clone();
            for _ in 0..=random.below(4) {
                let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
                bytes[at] = random.below(256) as u8;
            }
            bytes.truncate(usize::try_from(random.below(whole.len() as u64 + 1)).unwrap());
            message("spBv1.0/g/NDATA/e", bytes)
        })
        .collect();
    let (found, refused) = apply(Sparkplug::new("s"), messages).await;
    assert_eq!(found.len() + refused.len(), 2_000);
    assert!(!found.is_empty() && refused.len() > 100 && refused.iter().all(|reason| reason == "sparkplug"));
}
