//! A metric in JSON.

use serde::Serialize;
use serde_json::{Value, json};

use super::births::Birth;
use super::payload::{self, MetricValue, Template};
use super::value::{
    MAX_DEPTH, TooDeep, bytes, data_set, double, float, integer, metadata, name, properties, simple, time,
};

/// A metric as it is written.
#[derive(Debug, Default, Serialize)]
pub(super) struct Metric {
    pub(super) name: Option<String>,
    pub(super) alias: Option<u64>,
    pub(super) datatype: Option<&'static str>,
    pub(super) timestamp: Option<Value>,
    pub(super) value: Value,
    pub(super) is_historical: bool,
    pub(super) is_transient: bool,
    pub(super) is_null: bool,
    pub(super) unresolved: bool,
    pub(super) metadata: Option<Value>,
    pub(super) properties: Option<Value>,
}

impl Metric {
    /// Reads a metric by what a birth says of it.
    pub(super) fn of(
        metric: payload::Metric,
        birth: Option<&Birth>,
        at: Option<u64>,
        depth: usize,
    ) -> Result<Self, TooDeep> {
        if depth >= MAX_DEPTH {
            return Err(TooDeep);
        }
        let (known, kind) = birth.map_or((None, None), |birth| birth.find(&metric));
        let datatype = metric.datatype.filter(|datatype| *datatype != 0).or(kind);
        let is_named = metric.name.is_some() || known.is_some();
        let own = known.map(str::to_owned).or(metric.name);
        let name = own.or_else(|| metric.alias.map(|alias| format!("alias_{alias}")));
        let is_null = metric.is_null == Some(true);
        let value = match metric.value {
            _ if is_null => Value::Null,
            None => Value::Null,
            Some(MetricValue::Int(bits)) => integer(datatype, bits.into()),
            Some(MetricValue::Long(bits)) => integer(datatype, bits),
            Some(MetricValue::Float(value)) => float(value),
            Some(MetricValue::Double(value)) => double(value),
            Some(MetricValue::Boolean(value)) => value.into(),
            Some(MetricValue::Text(value)) => value.into(),
            Some(MetricValue::Bytes(value)) => bytes(&value),
            Some(MetricValue::DataSet(set)) => data_set(set),
            Some(MetricValue::Template(template)) => of_template(template, at, depth + 1)?,
        };
        Ok(Self {
            name,
            alias: metric.alias,
            datatype: datatype.and_then(self::name),
            timestamp: metric.timestamp.or(at).map(time),
            value,
            is_historical: metric.is_historical == Some(true),
            is_transient: metric.is_transient == Some(true),
            is_null,
            unresolved: !is_named || datatype.is_none(),
            metadata: metric.metadata.map(metadata),
            properties: metric.properties.map(|set| properties(set, depth)).transpose()?,
        })
    }
}

fn of_template(template: Template, at: Option<u64>, depth: usize) -> Result<Value, TooDeep> {
    let metrics = template.metrics.into_iter().map(|metric| Metric::of(metric, None, at, depth));
    let metrics = metrics.collect::<Result<Vec<_>, _>>()?;
    let parameters = template.parameters.into_iter().map(|parameter| {
        let value = simple(parameter.datatype, parameter.value.map(Into::into));
        json!({ "name": parameter.name, "type": parameter.datatype.and_then(name), "value": value })
    });
    Ok(json!({
        "ref": template.template_ref,
        "version": template.version,
        "is_definition": template.is_definition == Some(true),
        "parameters": parameters.collect::<Value>(),
        "metrics": metrics,
    }))
}
