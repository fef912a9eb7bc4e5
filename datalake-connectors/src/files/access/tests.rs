use serde_json::{Value, json};

use super::*;

/// The records of a log, and why what is none is none.
fn read(log: AccessLog, text: impl AsRef<[u8]>) -> Vec<Value> {
    let document = Document::new(Bytes::copy_from_slice(text.as_ref()), "log", log.format());
    let Format::Decoded { settings, .. } = &**document.format() else { panic!("{log:?}") };
    let mut found = Vec::new();
    AccessLogs.decode(&document, settings, &mut |piece| {
        assert!(piece.range.end <= document.len());
        found.push(match piece.error {
            None => serde_json::from_slice(&piece.body).unwrap(),
            Some(error) => {
                assert_eq!(piece.body, document.bytes().slice(piece.range));
                json!(error.to_string())
            }
        });
    });
    found
}

fn one(log: AccessLog, line: &str) -> Value {
    read(log, line).pop().unwrap()
}

#[test]
fn the_common_form_and_the_combined_form_are_read() {
    let common = r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326"#;
    let expected = json!({
        "host": "127.0.0.1", "ident": null, "user": "frank", "time": "2000-10-10T13:55:36-07:00",
        "request": "GET /apache_pb.gif HTTP/1.0", "method": "GET", "target": "/apache_pb.gif",
        "protocol": "HTTP/1.0", "status": 200, "bytes": 2326,
    });
    assert_eq!(one(AccessLog::Combined, common), expected);
    let combined =
        format!(r#"{common} "http://www.example.com/a b" "Mozilla/4.08 [en] (\"x\")" 0.012 "10.0.0.1:80""#);
    let found = one(AccessLog::Combined, &format!("{combined}\r\n"));
    assert_eq!(found["referer"], "http://www.example.com/a b");
    assert_eq!(found["user_agent"], "Mozilla/4.08 [en] (\"x\")");
    assert_eq!(found["extra"], json!(["0.012", "10.0.0.1:80"]));
}

#[test]
fn a_dash_is_null_and_a_user_may_have_spaces() {
    let found = one(AccessLog::Combined, r#"::1 - a b [01/Jan/2026:00:00:00 +0000] "-" 408 - "-" "-""#);
    assert_eq!(found["user"], "a b");
    assert_eq!(found["time"], "2026-01-01T00:00:00Z");
    for name in ["ident", "request", "method", "target", "protocol", "bytes", "referer", "user_agent"] {
        assert_eq!(found[name], Value::Null, "{name}");
    }
    assert_eq!(found.get("parse_error"), None);
}

#[test]
fn what_is_no_request_is_kept_as_it_stands_with_a_parse_error() {
    for raw in
        [r"\x16\x03\x01\x02\x00\x01", r"\xC0\xA8 / HTTP/1.1", "GET", "quit now please", r"GET / HTTP/1.1\x0A"]
    {
        let line = format!(r#"192.0.2.7 - - [26/Nov/2026:18:00:00 +0000] "{raw}" 400 157 "-" "-""#);
        let found = one(AccessLog::Combined, &line);
        assert_eq!(found["request"], raw);
        assert_eq!((&found["method"], &found["status"]), (&Value::Null, &json!(400)));
        assert_eq!(found["parse_error"], "the request is none", "{raw}");
    }
    let found = one(
        AccessLog::Combined,
        r#"192.0.2.7 - - [26/Nov/2026:18:00:00 +0000] "GET /\xC3\xA9?q=\x22 HTTP/1.1" 200 1 "-" "\xFF""#,
    );
    assert_eq!(found["target"], "/é?q=\"");
    assert_eq!(found["user_agent"], r"\xFF");
    assert_eq!(found["parse_error"], "a text that is not UTF-8");
}

#[test]
fn a_line_that_is_none_of_the_log_says_why() {
    let good = r#"h - - [26/Nov/2026:18:00:00 +0000] "GET / HTTP/1.1" 200 1"#;
    let lines = [
        "nginx: [warn] the server is going down",
        "h - - [26/Nov/2026 18:00:00] \"GET / HTTP/1.1\" 200 1",
        "h - - [26/Nov/2026:18:00:00 +0000] GET / 200 1",
        "h - - [26/Nov/2026:18:00:00 +0000] \"GET / HTTP/1.1\" OK 1",
        "h - - [26/Nov/2026:18:00:00 +0000] \"GET / HTTP/1.1\" 200 many",
        "h - - [26/Nov/2026:18:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"half",
        "\u{0}\u{0}\u{0}",
        good,
        "",
    ];
    let found = read(AccessLog::Combined, lines.join("\n"));
    assert_eq!(found.len(), 8);
    let told: Vec<_> = found[..7].iter().map(|why| why.as_str().unwrap()).collect();
    assert!(told.iter().all(|why| why.starts_with("access-log: ")), "{told:?}");
    assert!(told[1].contains("the time is not"), "{told:?}");
    assert_eq!(found[7]["status"], 200);
}

#[test]
fn lines_of_json_stay_as_they_are() {
    let found = read(AccessLog::Json, "{\"status\":\"200\"}\n[1]\n{\"a\":\n\n {\"b\":-1}");
    assert_eq!(
        found,
        [
            json!({"status": "200"}),
            json!("access-log: no JSON object"),
            json!("access-log: no JSON object"),
            json!({"b": -1})
        ]
    );
}

const CLOUDFRONT: &str = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem \
    sc-status cs(Referer) cs(User-Agent) cs-uri-query time-taken sc-content-len\n\
    2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.100\tGET\td111.example.net\t/a%20b\t200\t-\tMozilla/5.0%20(X;%20%C3%A9)\tq=%26\t0.001\t-\n";

#[test]
fn a_line_of_cloudfront_has_the_names_of_its_header() {
    let found = one(AccessLog::CloudFront, CLOUDFRONT);
    let expected = json!({
        "timestamp": "2019-12-04T21:02:31Z", "date": "2019-12-04", "time": "21:02:31", "x-edge-location": "LAX1",
        "sc-bytes": 392, "c-ip": "192.0.2.100", "cs-method": "GET", "cs(Host)": "d111.example.net",
        "cs-uri-stem": "/a%20b", "sc-status": 200, "cs(Referer)": null, "cs(User-Agent)": "Mozilla/5.0 (X; é)",
        "cs-uri-query": "q=%26", "time-taken": 0.001, "sc-content-len": null,
    });
    assert_eq!(found, expected);
}

#[test]
fn the_fields_of_the_w3c_form_may_change() {
    let text = "#Software: Microsoft Internet Information Services 10.0\r\n\
        1 2\r\n\
        #Fields: date time cs-username sc-status\r\n\
        2026-11-26 18:00:00 DOMAIN\\name 404\r\n\
        2026-11-26 18:00:01 -\r\n\
        #Date: 2026-11-26 18:00:02\r\n\
        #Fields: c-ip cs(User-Agent)\r\n\
        192.0.2.1 \"a b\" more\r\n";
    assert_eq!(
        read(AccessLog::W3c, text),
        [
            json!("access-log: no #Fields line says what the fields are"),
            json!({"timestamp": "2026-11-26T18:00:00Z", "date": "2026-11-26", "time": "18:00:00",
                "cs-username": "DOMAIN\\name", "sc-status": 404}),
            json!("access-log: fewer fields than the #Fields line has"),
            json!({"c-ip": "192.0.2.1", "cs(User-Agent)": "a b", "extra": ["more"]}),
        ]
    );
}

const ALB: &str = "https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 \
    0.086 0.048 -1 200 200 0 57 \"GET https://www.example.com:443/ HTTP/1.1\" \"curl/7.46.0\" \
    ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/t/73e2d6bc24d8a067 \
    \"Root=1-58337281-1d84f3d73c47ec4e58577259\" \"www.example.com\" \"-\" 1 2018-07-02T22:22:48.364000Z \
    \"authenticate,forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" \"-\" \"-\" TID_1234";

#[test]
fn a_line_of_a_load_balancer_may_grow() {
    let found = one(AccessLog::Alb, ALB);
    assert_eq!(found["client:port"], "192.168.131.39:2817");
    assert_eq!(found["response_processing_time"], -1);
    assert_eq!(found["request_url"], "https://www.example.com:443/");
    assert_eq!((&found["redirect_url"], &found["matched_rule_priority"]), (&Value::Null, &json!(1)));
    assert_eq!(found["conn_trace_id"], "TID_1234");
    assert_eq!(found.get("extra"), None);
    let grown = one(AccessLog::Alb, &format!("{ALB} \"new\" 2"));
    assert_eq!(grown["extra"], json!(["new", "2"]));
    let garbage = ALB.replace("GET https://www.example.com:443/ HTTP/1.1", "- http://www.example.com:80- -");
    assert_eq!(one(AccessLog::Alb, &garbage)["parse_error"], "the request is none");
    assert_eq!(one(AccessLog::Alb, &ALB[..200]), "access-log: fewer fields than a load balancer writes");
}

#[test]
fn any_bytes_at_all_give_records_or_reasons() {
    let tokens = [
        "-",
        " ",
        "\"",
        "\\",
        "[",
        "]",
        "\n",
        "\r",
        "\\x1",
        "\u{0}",
        "é",
        "\t",
        "#Fields: a b\n",
        "200",
        ALB,
        CLOUDFRONT,
    ];
    let mut seed = 3_u64;
    let mut roll = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % most
    };
    for _ in 0..1_000 {
        let mut text: Vec<u8> = (0..roll(20)).flat_map(|_| tokens[roll(tokens.len())].bytes()).collect();
        text.truncate(roll(text.len() + 1));
        for log in AccessLog::ALL {
            let lines =
                text.split(|byte| *byte == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace));
            let found = read(log, &text).len();
            match log {
                AccessLog::CloudFront | AccessLog::W3c => {
                    assert_eq!(found, lines.filter(|line| !line.starts_with(b"#")).count());
                }
                _ => assert_eq!(found, lines.count()),
            }
        }
    }
}

#[test]
fn a_byte_order_mark_does_not_hide_what_the_fields_are() {
    let log = "\u{feff}#Fields: date time sc-status\n2026-11-26 10:00:00 200\n";
    let (format, end) = divide(&AccessLog::W3c.format(), log.as_bytes()).unwrap();
    assert_eq!(*format, AccessLog::W3c.under(Some("date time sc-status")));
    assert_eq!(end, log.len());
}
