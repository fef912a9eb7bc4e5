//! What lineage keeps of the settings.

use std::time::Duration;

use serde_json::{Value, json};

use super::builder;
use crate::web::poll::{AfterId, Incremental, Pagination, PollSourceBuilder, TimeFormat, Window};
use datalake_core::Source as _;

fn config(builder: PollSourceBuilder) -> Value {
    builder.build().unwrap().info().config.clone()
}

/// The digest of a pipeline's settings is made of this, so it is an agreement, and not what a compiler makes of a type.
#[test]
fn settings_are_kept_as_plain_json() {
    let url = "https://shop.example/orders";
    let source = builder(url)
        .records("/items")
        .pagination(Pagination::keyset("limit", 50).while_true("/more"))
        .incremental(Incremental::since("since", "/at").id("/id", "after").format(TimeFormat::Millis));
    let config = config(source);
    assert_eq!(
        config["pagination"],
        json!({
            "style": "keyset",
            "size": { "parameter": "limit", "size": 50 },
            "while_true": "/more",
            "total": null,
            "short_page_ends": false,
            "volatile": false,
        })
    );
    assert_eq!(
        config["incremental"],
        json!({
            "since": "since",
            "text": null,
            "timestamp": "/at",
            "id": { "id": "/id", "parameter": "after" },
            "look_back_seconds": 300.0,
            "format": "millis",
            "start": null,
        })
    );
    assert_eq!((&config["window"], &config["after_id"]), (&Value::Null, &Value::Null));
}

#[test]
fn windows_and_ids_are_kept_too() {
    let start = "2024-01-01T00:00:00Z".parse().unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    let window = Window::days("from", "to", start).span(7 * day).again(2 * day);
    assert_eq!(
        config(builder("https://ads.example/visits").window(window))["window"],
        json!({
            "parameters": { "two": ["from", "to"] },
            "format": "date",
            "end_is_inside": true,
            "span_seconds": 604_800,
            "again_seconds": 172_800,
            "start": "2024-01-01T00:00:00Z",
        })
    );
    let after = AfterId::new("min_id", "/id").look_back(3).start("17");
    let source = builder("https://social.example/posts").pagination(Pagination::link("prev")).after_id(after);
    let config = config(source);
    assert_eq!(
        config["after_id"],
        json!({ "parameter": "min_id", "id": "/id", "look_back": 3, "start": "17" })
    );
    assert_eq!(config["pagination"]["style"], json!({ "link_header": { "rel": "prev" } }));
}
