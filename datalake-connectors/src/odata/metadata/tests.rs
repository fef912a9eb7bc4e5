//! Descriptions of services in both versions.

use super::*;

const V2: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" xmlns:m="x" xmlns:sap="http://www.sap.com/Protocols/SAPData">
 <edmx:DataServices m:DataServiceVersion="2.0">
  <Schema Namespace="Z" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">
   <EntityType Name="FactsOfX" sap:content-version="1">
    <Key><PropertyRef Name="Id"/><PropertyRef Name="ODQ_CHANGEMODE"/></Key>
    <Property Name="Id" Type="Edm.String" Nullable="false" MaxLength="10" sap:label="Order &amp; more"/>
    <Property Name="Net" Type="Edm.Decimal" Precision="33" Scale="2" sap:unit="Cur" sap:filterable="false"/>
    <Property Name="ODQ_CHANGEMODE" Type="Edm.String" Nullable="false" MaxLength="1" sap:semantics="change-mode"/>
   </EntityType>
   <EntityContainer Name="C" m:IsDefaultEntityContainer="true">
    <EntitySet Name="FactsOfX" EntityType="Z.FactsOfX" sap:change-tracking="true" sap:maxpagesize="2000000000"/>
    <FunctionImport Name="SubscribedToFactsOfX" m:HttpMethod="GET"/>
   </EntityContainer>
  </Schema>
 </edmx:DataServices>
</edmx:Edmx>"#;

const V4: &str = r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
 <Schema Namespace="com.shop" Alias="S" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="Base"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Guid" Nullable="false"/></EntityType>
  <EntityType Name="Order" BaseType="S.Base"><Property Name="Total" Type="Edm.Decimal" Scale="variable"/></EntityType>
  <EntityContainer Name="C">
   <EntitySet Name="Orders" EntityType="S.Order"/>
   <EntitySet Name="Others" EntityType="S.Order"><Annotation Term="Org.OData.Capabilities.V1.ChangeTracking"><Record><PropertyValue Property="Supported" Bool="false"/></Record></Annotation></EntitySet>
  </EntityContainer>
  <Annotations Target="S.C/Orders"><Annotation Term="Org.OData.Capabilities.V1.ChangeTracking"><Record><PropertyValue Property="Supported" Bool="true"/></Record></Annotation></Annotations>
 </Schema></edmx:DataServices></edmx:Edmx>"#;

#[test]
fn a_service_of_version_2_is_read_with_the_annotations_of_sap() {
    let metadata = Metadata::parse(V2.as_bytes()).unwrap();
    assert_eq!(metadata.version, Version::V2);
    assert!(metadata.tracks_changes("FactsOfX"));
    assert_eq!(metadata.functions, ["SubscribedToFactsOfX"]);
    let entity = metadata.entity("FactsOfX").unwrap();
    assert_eq!(entity.key, ["Id", "ODQ_CHANGEMODE"]);
    let id = entity.property("Id").unwrap();
    assert_eq!(
        (id.sap["label"].as_str(), id.nullable, id.max_length.as_deref()),
        ("Order & more", false, Some("10"))
    );
    let net = entity.property("Net").unwrap();
    assert_eq!(
        (net.precision.as_deref(), net.scale.as_deref(), net.denies("filterable")),
        (Some("33"), Some("2"), true)
    );
}

#[test]
fn a_service_of_version_4_is_read_with_what_types_inherit() {
    let metadata = Metadata::parse(V4.as_bytes()).unwrap();
    assert_eq!(metadata.version, Version::V4);
    let entity = metadata.entity("Orders").unwrap();
    assert_eq!(entity.key, ["ID"]);
    let names: Vec<_> = entity.properties.iter().map(|property| property.name.as_str()).collect();
    assert_eq!(names, ["ID", "Total"]);
    assert!(metadata.tracks_changes("Orders") && !metadata.tracks_changes("Others"));
    assert_eq!(metadata.entity("Nothing").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn drift_is_told_as_a_difference() {
    let before = Metadata::parse(V2.as_bytes()).unwrap().entity("FactsOfX").unwrap();
    let after = V2.replace("MaxLength=\"10\"", "MaxLength=\"20\"").replace("Name=\"Net\"", "Name=\"Gross\"");
    let after = Metadata::parse(after.as_bytes()).unwrap().entity("FactsOfX").unwrap();
    assert_eq!(
        diff(&before, &after),
        [
            "Id was Edm.String(10) not null and is Edm.String(20) not null",
            "Net is gone",
            "Gross is new, Edm.Decimal(33,2)"
        ]
    );
    assert!(diff(&after, &after).is_empty());
}

#[test]
fn no_entity_is_expanded_and_no_document_type_is_read() {
    let bomb = format!("<!DOCTYPE x [<!ENTITY a \"aaaa\">]>{V4}");
    assert!(Metadata::parse(bomb.as_bytes()).is_err());
    assert!(Metadata::parse(V2.replace("&amp;", "&a;").as_bytes()).is_err());
    let deep = "<a>".repeat(100_000);
    assert!(Metadata::parse(deep.as_bytes()).is_err());
}

#[test]
fn what_is_no_description_is_an_error() {
    for text in ["", "<html></html>", "{}", "<edmx:Edmx Version=\"9\"></edmx:Edmx>", &V4[..V4.len() - 20]] {
        assert!(Metadata::parse(text.as_bytes()).is_err(), "{text}");
    }
    for cut in 12..80 {
        let torn = &V4[..V4.len() - cut];
        assert!(Metadata::parse(torn.as_bytes()).unwrap_err().is_retryable(), "{torn}");
    }
}
