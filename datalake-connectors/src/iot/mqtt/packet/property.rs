//! The parts that packets are made of.

use bytes::{Buf as _, Bytes};

use super::Malformed;

/// A reader of one packet's body. Never reads beyond its end.
#[derive(Debug)]
pub(super) struct Body(pub(super) Bytes);

/// A property by its identifier, as far as a subscriber is told any.
#[derive(Debug)]
pub(super) enum Value {
    Byte(u8),
    Two(u16),
    Four(u32),
    Text(String),
    Binary(Bytes),
    Pair(String, String),
}

impl Body {
    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.0.try_get_u8().map_err(|_| Malformed("a packet ends early"))
    }

    pub(super) fn two(&mut self) -> Result<u16, Malformed> {
        self.0.try_get_u16().map_err(|_| Malformed("a packet ends early"))
    }

    pub(super) fn four(&mut self) -> Result<u32, Malformed> {
        self.0.try_get_u32().map_err(|_| Malformed("a packet ends early"))
    }

    pub(super) fn take(&mut self, bytes: usize) -> Result<Bytes, Malformed> {
        if self.0.len() < bytes {
            return Err(Malformed("a packet ends early"));
        }
        Ok(self.0.split_to(bytes))
    }

    pub(super) fn binary(&mut self) -> Result<Bytes, Malformed> {
        let length = self.two()?;
        self.take(length.into())
    }

    /// Text. What is no UTF-8 in it is replaced: a message that cannot be named is still a message.
    pub(super) fn text(&mut self) -> Result<String, Malformed> {
        Ok(String::from_utf8_lossy(&self.binary()?).into_owned())
    }

    pub(super) fn number(&mut self) -> Result<u32, Malformed> {
        let mut number = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed("a length has more than four bytes"))
    }

    /// Every property with its identifier. None where the packet ends, which MQTT 5 allows.
    pub(super) fn properties(
        &mut self,
        mut each: impl FnMut(u8, Value) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if self.0.is_empty() {
            return Ok(());
        }
        let length = self.number()?;
        let mut block = Self(self.take(length as usize)?);
        while !block.0.is_empty() {
            let identifier = block.byte()?;
            let value = match identifier {
                0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => Value::Byte(block.byte()?),
                0x13 | 0x21 | 0x22 | 0x23 => Value::Two(block.two()?),
                0x02 | 0x11 | 0x18 | 0x27 => Value::Four(block.four()?),
                0x0b => Value::Four(block.number()?),
                0x03 | 0x08 | 0x12 | 0x15 | 0x1a | 0x1c | 0x1f => Value::Text(block.text()?),
                0x09 | 0x16 => Value::Binary(block.binary()?),
                0x26 => Value::Pair(block.text()?, block.text()?),
                _ => return Err(Malformed("a property is unknown")),
            };
            each(identifier, value)?;
        }
        Ok(())
    }
}
