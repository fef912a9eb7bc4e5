//! Devices that publish, the real broker that they publish to, and the line between a broker and its client.
//!
//! ```no_run
//! use datalake_simulators::mqtt::{Fleet, Mosquitto};
//!
//! # async fn example() -> std::io::Result<()> {
//! let Some(broker) = Mosquitto::find("a plant that publishes") else { return Ok(()) };
//! let broker = broker.start()?;
//! let ids = Fleet::new(broker.address(), "plant").devices(10).qos(1).publish(0..1_000).await?;
//! assert_eq!(ids.len(), 1_000);
//! # Ok(())
//! # }
//! ```

mod fleet;
mod mosquitto;
mod packet;
mod publisher;
mod tap;
#[cfg(test)]
mod tests;

pub use fleet::Fleet;
pub use mosquitto::{Mosquitto, Running};
pub use publisher::{Message, Publisher};
pub use tap::Tap;
