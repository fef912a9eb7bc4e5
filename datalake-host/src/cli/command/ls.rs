//! `ls`: what is in the lake.

use std::collections::BTreeMap;

use datalake_core::Result;
use datalake_core::lake::{Object, Summary, View};
use serde_json::json;

use super::lake;
use crate::Host;
use crate::cli::args::Ls;
use crate::cli::exit::Exit;
use crate::cli::out::Out;
use crate::cli::units;

pub(super) async fn run(host: Host, args: Ls, out: &mut Out) -> Result<Exit> {
    let args = Ls { dataset: args.dataset.or_else(|| host.dataset.clone()), ..args };
    let views = lake(host).await?.views().await?;
    if args.objects { objects(views, &args, out) } else { datasets(&views, &args, out) }
}

fn wanted(args: &Ls, object: &Object) -> bool {
    args.zone.is_none_or(|zone| zone == object.zone)
        && args.dataset.as_ref().is_none_or(|dataset| *dataset == object.dataset)
}

fn objects(views: Vec<View>, args: &Ls, out: &mut Out) -> Result<Exit> {
    let objects: Vec<_> =
        views.into_iter().flat_map(View::into_objects).filter(|o| wanted(args, o)).collect();
    if out.is_json() {
        objects.iter().try_for_each(|object| out.value(object))?;
    } else {
        let row = |o: &Object| vec![units::count(o.records), units::size(o.bytes), o.location.clone()];
        let rows: Vec<_> = objects.iter().map(row).collect();
        out.table(&["RECORDS", "SIZE", "OBJECT"], &[0, 1], &rows);
    }
    Ok(Exit::Done)
}

fn datasets(views: &[View], args: &Ls, out: &mut Out) -> Result<Exit> {
    let mut all: BTreeMap<_, Summary> = BTreeMap::new();
    for object in views.iter().flat_map(View::objects).filter(|object| wanted(args, object)) {
        let sum = all.entry((object.zone, object.dataset.clone())).or_default();
        sum.objects += 1;
        sum.records += object.records;
        sum.bytes += object.bytes;
    }
    if out.is_json() {
        for ((zone, dataset), sum) in &all {
            out.value(&json!({
                "zone": zone, "dataset": dataset,
                "objects": sum.objects, "records": sum.records, "bytes": sum.bytes,
            }))?;
        }
    } else {
        let row = |((zone, dataset), sum): (&(_, _), &Summary)| {
            let (zone, dataset): (&datalake_core::lake::Zone, &datalake_core::Dataset) = (zone, dataset);
            let (records, objects) = (units::count(sum.records), units::count(sum.objects));
            vec![zone.to_string(), dataset.to_string(), records, objects, units::size(sum.bytes)]
        };
        let rows: Vec<_> = all.iter().map(row).collect();
        out.table(&["ZONE", "DATASET", "RECORDS", "OBJECTS", "SIZE"], &[2, 3, 4], &rows);
    }
    Ok(Exit::Done)
}
