//! The values of a column as JSON.

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrowPrimitiveType, OffsetSizeTrait, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::files::civil::{write_day, write_time};

/// Writes the value of a row, or says why it is none.
pub(super) type Column<'a> = Box<dyn Fn(usize, &mut Vec<u8>) -> Result<(), String> + 'a>;

/// The name of a column, as it begins its member.
pub(super) fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::new();
    json(&mut key, name);
    key.push(b':');
    key
}

fn json(out: &mut Vec<u8>, value: impl Serialize) {
    let written = serde_json::to_writer(out, &value);
    debug_assert!(written.is_ok(), "memory takes what is written");
}

/// Whether all of a type can be read; otherwise what cannot.
pub(super) fn check(kind: &DataType) -> Result<(), String> {
    match kind {
        DataType::Null
        | DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..)
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::FixedSizeBinary(_)
        | DataType::Date32
        | DataType::Time32(TimeUnit::Millisecond)
        | DataType::Time64(_)
        | DataType::Timestamp(..) => Ok(()),
        DataType::List(item) | DataType::LargeList(item) => check(item.data_type()),
        DataType::Map(entries, _) => check(entries.data_type()),
        DataType::Struct(fields) => fields.iter().try_for_each(|field| check(field.data_type())),
        other => Err(other.to_string()),
    }
}

/// A column of a type that [`check`] lets through.
pub(super) fn of(array: &dyn Array) -> Column<'_> {
    let value = value(array);
    match array.logical_nulls() {
        None => value,
        Some(nulls) => Box::new(move |row, out| {
            if nulls.is_null(row) {
                out.extend_from_slice(b"null");
                return Ok(());
            }
            value(row, out)
        }),
    }
}

fn value(array: &dyn Array) -> Column<'_> {
    match array.data_type() {
        DataType::Boolean => {
            let array = array.as_boolean();
            plain(move |row, out| json(out, array.value(row)))
        }
        DataType::Int8 => number::<Int8Type>(array),
        DataType::Int16 => number::<Int16Type>(array),
        DataType::Int32 => number::<Int32Type>(array),
        DataType::Int64 => number::<Int64Type>(array),
        DataType::UInt8 => number::<UInt8Type>(array),
        DataType::UInt16 => number::<UInt16Type>(array),
        DataType::UInt32 => number::<UInt32Type>(array),
        DataType::UInt64 => number::<UInt64Type>(array),
        DataType::Float16 => {
            let array = array.as_primitive::<Float16Type>();
            plain(move |row, out| float(out, f32::from(array.value(row)), f64::from(array.value(row))))
        }
        DataType::Float32 => {
            let array = array.as_primitive::<Float32Type>();
            plain(move |row, out| float(out, array.value(row), f64::from(array.value(row))))
        }
        DataType::Float64 => {
            let array = array.as_primitive::<Float64Type>();
            plain(move |row, out| float(out, array.value(row), array.value(row)))
        }
        DataType::Decimal32(..) => decimal(array.as_primitive::<Decimal32Type>()),
        DataType::Decimal64(..) => decimal(array.as_primitive::<Decimal64Type>()),
        DataType::Decimal128(..) => decimal(array.as_primitive::<Decimal128Type>()),
        DataType::Decimal256(..) => decimal(array.as_primitive::<Decimal256Type>()),
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            plain(move |row, out| json(out, array.value(row)))
        }
        DataType::LargeUtf8 => {
            let array = array.as_string::<i64>();
            plain(move |row, out| json(out, array.value(row)))
        }
        DataType::Binary => {
            let array = array.as_binary::<i32>();
            plain(move |row, out| json(out, STANDARD.encode(array.value(row))))
        }
        DataType::LargeBinary => {
            let array = array.as_binary::<i64>();
            plain(move |row, out| json(out, STANDARD.encode(array.value(row))))
        }
        DataType::FixedSizeBinary(_) => {
            let array = array.as_fixed_size_binary();
            plain(move |row, out| json(out, STANDARD.encode(array.value(row))))
        }
        DataType::Date32 => {
            let array = array.as_primitive::<Date32Type>();
            text(move |row, text| {
                write_day(text, i64::from(array.value(row)));
                Ok(())
            })
        }
        DataType::Time32(_) => time(
            |row, array| i64::from(array.as_primitive::<Time32MillisecondType>().value(row)),
            1000,
            array,
        ),
        DataType::Time64(TimeUnit::Microsecond) => {
            time(|row, array| array.as_primitive::<Time64MicrosecondType>().value(row), 1_000_000, array)
        }
        DataType::Time64(_) => {
            time(|row, array| array.as_primitive::<Time64NanosecondType>().value(row), 1_000_000_000, array)
        }
        DataType::Timestamp(unit, zone) => timestamp(array, *unit, zone.is_some()),
        DataType::List(_) => list::<i32>(array),
        DataType::LargeList(_) => list::<i64>(array),
        DataType::Struct(_) => structure(array),
        DataType::Map(..) => map(array),
        _ => plain(|_, out| out.extend_from_slice(b"null")),
    }
}

fn plain<'a>(write: impl Fn(usize, &mut Vec<u8>) + 'a) -> Column<'a> {
    Box::new(move |row, out| {
        write(row, out);
        Ok(())
    })
}

fn text<'a>(write: impl Fn(usize, &mut String) -> Result<(), String> + 'a) -> Column<'a> {
    Box::new(move |row, out| {
        let mut text = String::with_capacity(32);
        write(row, &mut text)?;
        json(out, text);
        Ok(())
    })
}

fn number<T: ArrowPrimitiveType>(array: &dyn Array) -> Column<'_>
where
    T::Native: Serialize,
{
    let array = array.as_primitive::<T>();
    plain(move |row, out| json(out, array.value(row)))
}

fn float(out: &mut Vec<u8>, written: impl Serialize, value: f64) {
    match () {
        () if value.is_nan() => json(out, "NaN"),
        () if value == f64::INFINITY => json(out, "Infinity"),
        () if value == f64::NEG_INFINITY => json(out, "-Infinity"),
        () => json(out, written),
    }
}

fn decimal<T: DecimalType>(array: &PrimitiveArray<T>) -> Column<'_> {
    plain(move |row, out| json(out, array.value_as_string(row)))
}

/// A day, in seconds.
const DAY: i64 = 86_400;

fn time<'a>(value: impl Fn(usize, &dyn Array) -> i64 + 'a, parts: u64, array: &'a dyn Array) -> Column<'a> {
    text(move |row, text| {
        let units = value(row, array);
        match u64::try_from(units) {
            Ok(units) if units / parts < DAY as u64 => write_time(text, units, parts),
            _ => return Err(format!("{units} is no time of day")),
        }
        Ok(())
    })
}

fn timestamp(array: &dyn Array, unit: TimeUnit, utc: bool) -> Column<'_> {
    let parts: i64 = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    text(move |row, text| {
        let units = match unit {
            TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
            TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
            TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
            TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row),
        };
        write_day(text, units.div_euclid(DAY * parts));
        text.push('T');
        write_time(text, units.rem_euclid(DAY * parts).unsigned_abs(), parts.unsigned_abs());
        if utc {
            text.push('Z');
        }
        Ok(())
    })
}

fn list<O: OffsetSizeTrait>(array: &dyn Array) -> Column<'_> {
    let array = array.as_list::<O>();
    let item = of(array.values().as_ref());
    Box::new(move |row, out| {
        let offsets = array.value_offsets();
        elements(offsets[row].as_usize()..offsets[row + 1].as_usize(), &item, out)
    })
}

fn elements(rows: std::ops::Range<usize>, item: &Column<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    out.push(b'[');
    let first = rows.start;
    for row in rows {
        if row > first {
            out.push(b',');
        }
        item(row, out)?;
    }
    out.push(b']');
    Ok(())
}

fn structure(array: &dyn Array) -> Column<'_> {
    let array = array.as_struct();
    let names = super::names(array.fields().iter().map(|field| field.name().as_str()));
    let members: Vec<(Vec<u8>, Column<'_>)> =
        names.iter().zip(array.columns()).map(|(name, array)| (key(name), of(array.as_ref()))).collect();
    Box::new(move |row, out| {
        out.push(b'{');
        for (n, (key, member)) in members.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key);
            member(row, out)?;
        }
        out.push(b'}');
        Ok(())
    })
}

fn map(array: &dyn Array) -> Column<'_> {
    let array = array.as_map();
    let (keys, values) = (of(array.keys().as_ref()), of(array.values().as_ref()));
    if *array.keys().data_type() != DataType::Utf8 {
        let entry: Column<'_> = Box::new(move |row, out| {
            out.extend_from_slice(b"{\"key\":");
            keys(row, out)?;
            out.extend_from_slice(b",\"value\":");
            values(row, out)?;
            out.push(b'}');
            Ok(())
        });
        return Box::new(move |row, out| elements(range(array.value_offsets(), row), &entry, out));
    }
    Box::new(move |row, out| {
        let mut seen = std::collections::HashSet::new();
        out.push(b'{');
        for (n, row) in range(array.value_offsets(), row).enumerate() {
            if n > 0 {
                out.push(b',');
            }
            let key = array.keys().as_string::<i32>().value(row);
            if !seen.insert(key) {
                return Err(format!("the key {key:?} is there twice"));
            }
            keys(row, out)?;
            out.push(b':');
            values(row, out)?;
        }
        out.push(b'}');
        Ok(())
    })
}

fn range(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    offsets[row] as usize..offsets[row + 1] as usize
}
