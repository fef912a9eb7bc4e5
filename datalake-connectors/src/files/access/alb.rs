//! Application Load Balancers.

use super::line::Line;
use super::object::Object;

/// The fields in their order, as far as the first form of the log had them.
const NEEDED: usize = 17;

const FIELDS: [&str; 30] = [
    "type",
    "time",
    "elb",
    "client:port",
    "target:port",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "elb_status_code",
    "target_status_code",
    "received_bytes",
    "sent_bytes",
    "request",
    "user_agent",
    "ssl_cipher",
    "ssl_protocol",
    "target_group_arn",
    "trace_id",
    "domain_name",
    "chosen_cert_arn",
    "matched_rule_priority",
    "request_creation_time",
    "actions_executed",
    "redirect_url",
    "error_reason",
    "target:port_list",
    "target_status_code_list",
    "classification",
    "classification_reason",
    "conn_trace_id",
];

pub(super) fn read(bytes: &[u8], object: &mut Object) -> Result<(), &'static str> {
    let mut line = Line::new(bytes.trim_ascii_end());
    let mut values = Vec::with_capacity(FIELDS.len());
    while !line.is_over() {
        values.push(line.part().ok_or("a quote is not closed")?);
    }
    if values.len() < NEEDED {
        return Err("fewer fields than a load balancer writes");
    }
    let time = std::str::from_utf8(values[1]).unwrap_or_default();
    if chrono::DateTime::parse_from_rfc3339(time).is_err() {
        return Err("the second field is no time");
    }
    for (name, value) in FIELDS.iter().zip(&values) {
        match *name {
            "request" => object.request(["request", "request_verb", "request_url", "request_proto"], value),
            "request_processing_time"
            | "target_processing_time"
            | "response_processing_time"
            | "elb_status_code"
            | "target_status_code"
            | "received_bytes"
            | "sent_bytes"
            | "matched_rule_priority" => object.number(name, value),
            _ => object.text(name, value),
        }
    }
    object.texts("extra", values.iter().skip(FIELDS.len()).copied());
    Ok(())
}
