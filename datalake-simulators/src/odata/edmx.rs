//! `$metadata` of both versions.

use std::fmt::Write;

use super::entity::{Entity, Kind, Navigation, Property};
use super::write::escaped;

/// A function of V2 and the attributes of its answer.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) flag: &'static str,
}

/// An entity type in `$metadata`, and the attributes of its set.
#[derive(Debug, Clone)]
pub(crate) struct Shown<'a> {
    pub(crate) entity: &'a Entity,
    pub(crate) set: String,
    pub(crate) attributes: String,
}

/// `$metadata` of V2 with SAP's annotations.
pub(crate) fn v2(namespace: &str, shown: &[Shown<'_>], functions: &[Function]) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <edmx:Edmx Version=\"1.0\" xmlns:edmx=\"http://schemas.microsoft.com/ado/2007/06/edmx\" \
         xmlns:m=\"http://schemas.microsoft.com/ado/2007/08/dataservices/metadata\" \
         xmlns:sap=\"http://www.sap.com/Protocols/SAPData\">\
         <edmx:DataServices m:DataServiceVersion=\"2.0\">",
    );
    write!(
        xml,
        "<Schema Namespace=\"{namespace}\" xml:lang=\"en\" sap:schema-version=\"1\" \
         xmlns=\"http://schemas.microsoft.com/ado/2008/09/edm\">"
    )
    .ok();
    for Shown { entity, .. } in shown {
        entity_type(&mut xml, entity, v2_property, |xml, way| {
            let (from, name) = (&entity.name, &way.name);
            write!(
                xml,
                "<NavigationProperty Name=\"{name}\" Relationship=\"{namespace}.{from}_{name}\" \
                 FromRole=\"From\" ToRole=\"To\"/>"
            )
            .ok();
        });
    }
    for (from, way, to) in ways(shown) {
        write!(
            xml,
            "<Association Name=\"{from}_{way}\"><End Type=\"{namespace}.{from}\" Multiplicity=\"1\" Role=\"From\"/>\
             <End Type=\"{namespace}.{}\" Multiplicity=\"*\" Role=\"To\"/></Association>",
            to.entity.name
        )
        .ok();
    }
    for function in functions {
        write!(
            xml,
            "<ComplexType Name=\"{0}Result\"><Property Name=\"{1}\" Type=\"Edm.Boolean\" Nullable=\"false\"/>\
             </ComplexType>",
            function.name, function.flag
        )
        .ok();
    }
    write!(
        xml,
        "<EntityContainer Name=\"{namespace}_Entities\" m:IsDefaultEntityContainer=\"true\" \
         sap:supported-formats=\"atom json\">"
    )
    .ok();
    for Shown { entity, set, attributes } in shown {
        write!(
            xml,
            "<EntitySet Name=\"{set}\" EntityType=\"{namespace}.{}\" sap:content-version=\"1\"{attributes}/>",
            entity.name
        )
        .ok();
    }
    for (from, way, to) in ways(shown) {
        let set = shown.iter().find(|one| one.entity.name == from).map(|one| &one.set);
        write!(
            xml,
            "<AssociationSet Name=\"{from}_{way}Set\" Association=\"{namespace}.{from}_{way}\"><End EntitySet=\"{}\" \
             Role=\"From\"/><End EntitySet=\"{}\" Role=\"To\"/></AssociationSet>",
            set.map_or("", String::as_str),
            to.set
        )
        .ok();
    }
    for Function { name, .. } in functions {
        write!(
            xml,
            "<FunctionImport Name=\"{name}\" ReturnType=\"{namespace}.{name}Result\" m:HttpMethod=\"GET\"/>"
        )
        .ok();
    }
    xml.push_str("</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>");
    xml
}

/// `$metadata` of V4. `tracked` says in it that sets can be asked for changes.
pub(crate) fn v4(namespace: &str, shown: &[Shown<'_>], tracked: bool) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\">\
         <edmx:Reference Uri=\"https://oasis-tcs.github.io/odata-vocabularies/vocabularies/\
         Org.OData.Capabilities.V1.xml\"><edmx:Include Namespace=\"Org.OData.Capabilities.V1\" \
         Alias=\"Capabilities\"/></edmx:Reference><edmx:DataServices>\
         <Schema Namespace=\"{namespace}\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">"
    );
    for Shown { entity, .. } in shown {
        entity_type(&mut xml, entity, v4_property, |xml, way| {
            let to = shown.iter().find(|to| to.set == way.set).map_or("", |to| &to.entity.name);
            write!(xml, "<NavigationProperty Name=\"{}\" Type=\"Collection({namespace}.{to})\"/>", way.name)
                .ok();
        });
    }
    xml.push_str("<EntityContainer Name=\"Container\">");
    for Shown { entity, set, .. } in shown {
        write!(xml, "<EntitySet Name=\"{set}\" EntityType=\"{namespace}.{}\"/>", entity.name).ok();
    }
    xml.push_str("</EntityContainer>");
    for Shown { entity, set, .. } in shown {
        write!(xml, "<Annotations Target=\"{namespace}.Container/{set}\">").ok();
        if tracked {
            xml.push_str(
                "<Annotation Term=\"Capabilities.ChangeTracking\"><Record><PropertyValue Property=\"Supported\" \
                 Bool=\"true\"/></Record></Annotation>",
            );
        }
        xml.push_str(
            "<Annotation Term=\"Capabilities.FilterRestrictions\"><Record><PropertyValue \
             Property=\"NonFilterableProperties\"><Collection>",
        );
        for property in entity.properties.iter().filter(|property| !property.filterable) {
            write!(xml, "<PropertyPath>{}</PropertyPath>", property.name).ok();
        }
        xml.push_str("</Collection></PropertyValue></Record></Annotation></Annotations>");
    }
    xml.push_str("</Schema></edmx:DataServices></edmx:Edmx>");
    xml
}

/// The ways between types: the type and the name of each, and what it leads to.
fn ways<'a>(shown: &'a [Shown<'a>]) -> impl Iterator<Item = (&'a str, &'a str, &'a Shown<'a>)> {
    shown.iter().flat_map(move |Shown { entity, .. }| {
        entity.navigations.iter().filter_map(move |way| {
            let to = shown.iter().find(|to| to.set == way.set)?;
            Some((entity.name.as_str(), way.name.as_str(), to))
        })
    })
}

fn entity_type(
    xml: &mut String,
    entity: &Entity,
    write_property: fn(&mut String, &Property),
    write_way: impl Fn(&mut String, &Navigation),
) {
    write!(xml, "<EntityType Name=\"{}\"><Key>", entity.name).ok();
    for n in entity.keys() {
        write!(xml, "<PropertyRef Name=\"{}\"/>", entity.properties[n].name).ok();
    }
    xml.push_str("</Key>");
    for property in &entity.properties {
        write_property(xml, property);
    }
    for way in &entity.navigations {
        write_way(xml, way);
    }
    xml.push_str("</EntityType>");
}

fn v2_property(xml: &mut String, property: &Property) {
    let kind = match property.kind {
        Kind::Boolean => "Edm.Boolean\"".into(),
        Kind::Int32 => "Edm.Int32\"".into(),
        Kind::Int64 => "Edm.Int64\"".into(),
        Kind::Decimal { precision, scale } => {
            format!("Edm.Decimal\" Precision=\"{precision}\" Scale=\"{scale}\"")
        }
        Kind::Double => "Edm.Double\"".into(),
        Kind::Text { max: 0 } => "Edm.String\"".into(),
        Kind::Text { max } => format!("Edm.String\" MaxLength=\"{max}\""),
        Kind::DateTime => "Edm.DateTime\" Precision=\"3\"".into(),
        Kind::DateTimeOffset => "Edm.DateTimeOffset\" Precision=\"3\"".into(),
        Kind::Date => "Edm.DateTime\" Precision=\"0\" sap:display-format=\"Date\"".into(),
        Kind::Time => "Edm.Time\" Precision=\"0\"".into(),
        Kind::Guid => "Edm.Guid\"".into(),
        Kind::Binary => "Edm.Binary\"".into(),
    };
    write!(xml, "<Property Name=\"{}\" Type=\"{kind} Nullable=\"{}\"", property.name, !property.key).ok();
    for (name, value) in &property.annotations {
        write!(xml, " sap:{name}=\"{}\"", escaped(value)).ok();
    }
    if !property.filterable {
        xml.push_str(" sap:filterable=\"false\" sap:sortable=\"false\"");
    }
    xml.push_str("/>");
}

fn v4_property(xml: &mut String, property: &Property) {
    let kind = match property.kind {
        Kind::Boolean => "Edm.Boolean\"".into(),
        Kind::Int32 => "Edm.Int32\"".into(),
        Kind::Int64 => "Edm.Int64\"".into(),
        Kind::Decimal { precision, scale } => {
            format!("Edm.Decimal\" Precision=\"{precision}\" Scale=\"{scale}\"")
        }
        Kind::Double => "Edm.Double\"".into(),
        Kind::Text { max: 0 } => "Edm.String\"".into(),
        Kind::Text { max } => format!("Edm.String\" MaxLength=\"{max}\""),
        Kind::DateTime | Kind::DateTimeOffset => "Edm.DateTimeOffset\" Precision=\"3\"".into(),
        Kind::Date => "Edm.Date\"".into(),
        Kind::Time => "Edm.TimeOfDay\"".into(),
        Kind::Guid => "Edm.Guid\"".into(),
        Kind::Binary => "Edm.Binary\"".into(),
    };
    write!(xml, "<Property Name=\"{}\" Type=\"{kind} Nullable=\"{}\"/>", property.name, !property.key).ok();
}
