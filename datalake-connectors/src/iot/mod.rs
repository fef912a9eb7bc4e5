//! Devices, and the brokers that they publish to.

#[cfg(feature = "iot-mqtt")]
pub mod mqtt;
#[cfg(feature = "iot-sparkplug")]
pub mod sparkplug;
