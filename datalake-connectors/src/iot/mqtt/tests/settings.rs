use datalake_core::ErrorKind;

use super::*;

fn refused(builder: MqttSourceBuilder) -> String {
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    error.to_string()
}

#[test]
fn a_filter_keeps_to_the_rules_of_the_protocol() {
    for good in ["#", "+", "a", "/", "a/+/c", "a/#", "+/+", "$share/g/a/#", "$SYS/#", " "] {
        assert!(builder("mqtt://edge").topic(good, Qos::AtLeastOnce).build().is_ok(), "{good}");
    }
    for bad in ["", "a#", "a/#/b", "a+", "#/a", "$share/g", "$share//a", "$share/g+/a", "$share/g/", "a\0"] {
        refused(builder("mqtt://edge").topic(bad, Qos::AtLeastOnce));
    }
}

#[test]
fn what_aws_iot_core_would_not_answer_is_refused_before() {
    let aws = || builder("mqtts://a1b2-ats.iot.eu-central-1.amazonaws.com:443");
    let source = aws().topic("a/#", Qos::AtLeastOnce).build().unwrap();
    assert_eq!((source.link.window, &source.link.tls.alpn[..]), (100, &[b"x-amzn-mqtt-ca".to_vec()][..]));
    assert_eq!(source.info().window, Some(50));
    refused(aws().topic("a", Qos::ExactlyOnce));
    refused(aws().topic("a", Qos::AtLeastOnce).window(101));
    refused(aws().topic("a/b/c/d/e/f/g/h/i", Qos::AtLeastOnce));
    refused(aws().topic("a".repeat(257), Qos::AtLeastOnce));
    refused((0..51).fold(aws(), |aws, n| aws.topic(n.to_string(), Qos::AtLeastOnce)));
    assert!(aws().topic("$share/group/a/b/c/d/e/f/g/h", Qos::AtLeastOnce).build().is_ok());
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let edge = || builder("mqtt://edge").topic("a", Qos::AtLeastOnce);
    refused(builder("mqtt://edge"));
    refused(MqttSource::builder(Dataset::new("a").unwrap(), "mqtt://edge", "").topic("a", Qos::AtLeastOnce));
    refused(edge().window(1));
    refused(edge().certificate("chain", "key"));
    refused(edge().keep_alive(Duration::from_millis(1)));
    refused(edge().version(Version::V3).password("x"));
    refused(edge().stable_id(StableId::Pointer("id".into())));
    refused(edge().stable_id(StableId::Content(Duration::from_millis(1))));
    refused(edge().room(0));
    refused(edge().session_expiry(Duration::from_millis(999)));
    assert!(edge().version(Version::V3).session_expiry(Duration::ZERO).build().is_ok());
    assert!(
        builder("mqtt://edge").topic("a", Qos::AtMostOnce).session_expiry(Duration::ZERO).build().is_ok()
    );
    let key = "hunter2";
    let wrong = || builder("mqtt://lake:hunter2@edge").topic("a", Qos::AtLeastOnce);
    assert!(!format!("{:?} {}", wrong(), refused(wrong())).contains(key));
    let error = refused(builder("mqtts://edge").topic("a", Qos::AtLeastOnce).certificate("no PEM", key));
    assert!(!error.contains(key));
}
