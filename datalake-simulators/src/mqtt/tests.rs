use std::fs;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn a_reading_is_of_one_device_and_always_the_same() {
    let fleet = Fleet::new(([127, 0, 0, 1], 1).into(), "plant").devices(3).qos(2);
    let reading = fleet.reading(7);
    assert_eq!(reading, fleet.reading(7));
    assert_eq!((reading.topic.as_str(), reading.qos), ("plant/d1/reading", 2));
    assert!(reading.payload.starts_with(br#"{"id":"r7","device":"d1","n":7,"celsius":"#));
}

#[tokio::test]
async fn a_fleet_publishes_through_a_broker_that_is_killed() {
    let Some(broker) = Mosquitto::find("a fleet and its broker") else { return };
    let mut broker = broker.start().unwrap();
    let fleet = Fleet::new(broker.address(), "plant").devices(2).qos(2);
    let publishing = tokio::spawn(async move { fleet.publish(0..400).await });
    broker.kill().unwrap();
    broker.start().unwrap();
    assert_eq!(publishing.await.unwrap().unwrap().len(), 400);
}

#[test]
fn a_broker_is_not_taken_for_somebody_else_at_its_port() {
    let Some(broker) = Mosquitto::find("a broker whose port is taken") else { return };
    let mut broker = broker.start().unwrap();
    broker.kill().unwrap();
    let other = TcpListener::bind(broker.address()).unwrap();
    let log = broker.folder().join("log");
    let starting = thread::spawn(move || broker.start().map(|()| broker));
    let begun = Instant::now();
    while !fs::read_to_string(&log).unwrap().contains("Address already in use") {
        assert!(
            !starting.is_finished() && begun.elapsed() < Duration::from_secs(20),
            "the port is not missed"
        );
        thread::sleep(Duration::from_millis(2));
    }
    drop(other);
    let broker = starting.join().unwrap().unwrap();
    assert!(TcpStream::connect(broker.address()).is_ok());
}
