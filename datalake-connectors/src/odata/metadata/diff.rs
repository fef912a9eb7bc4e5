//! How one description of an entity type differs from another.

use super::{EntityType, Property};

/// What has changed from one to the other, a line each. Empty if nothing has.
pub(crate) fn diff(before: &EntityType, after: &EntityType) -> Vec<String> {
    let mut lines = Vec::new();
    for old in &before.properties {
        match after.property(&old.name) {
            None => lines.push(format!("{} is gone", old.name)),
            Some(new) if shape(old) != shape(new) => {
                lines.push(format!("{} was {} and is {}", old.name, shape(old), shape(new)));
            }
            Some(_) => {}
        }
    }
    for new in &after.properties {
        if before.property(&new.name).is_none() {
            lines.push(format!("{} is new, {}", new.name, shape(new)));
        }
    }
    if before.key != after.key {
        lines.push(format!("the key was {} and is {}", before.key.join(" "), after.key.join(" ")));
    }
    lines
}

/// What matters of a property to who stores it.
fn shape(property: &Property) -> String {
    let mut text = property.kind.clone();
    let facets = [&property.max_length, &property.precision, &property.scale];
    let facets: Vec<_> = facets.into_iter().flatten().map(String::as_str).collect();
    if !facets.is_empty() {
        text.push_str(&format!("({})", facets.join(",")));
    }
    if !property.nullable {
        text.push_str(" not null");
    }
    text
}
