//! Who a message is of, by its topic.

use datalake_core::Document;

const NAMESPACE: &str = "spBv1.0/";

/// The kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    NBirth,
    NDeath,
    DBirth,
    DDeath,
    NData,
    DData,
    NCmd,
    DCmd,
}

/// What a topic names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Topic {
    /// An edge node or a device.
    Node { group: String, kind: Kind, edge: String, device: Option<String> },
    /// A host application.
    State { host: String },
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "NBIRTH" => Self::NBirth,
            "NDEATH" => Self::NDeath,
            "DBIRTH" => Self::DBirth,
            "DDEATH" => Self::DDeath,
            "NDATA" => Self::NData,
            "DDATA" => Self::DData,
            "NCMD" => Self::NCmd,
            "DCMD" => Self::DCmd,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NBirth => "NBIRTH",
            Self::NDeath => "NDEATH",
            Self::DBirth => "DBIRTH",
            Self::DDeath => "DDEATH",
            Self::NData => "NDATA",
            Self::DData => "DDATA",
            Self::NCmd => "NCMD",
            Self::DCmd => "DCMD",
        }
    }

    pub(super) fn is_birth(self) -> bool {
        matches!(self, Self::NBirth | Self::DBirth)
    }

    pub(super) fn is_of_device(self) -> bool {
        matches!(self, Self::DBirth | Self::DDeath | Self::DData | Self::DCmd)
    }

    /// Whether such messages of an edge node are counted one after the other.
    pub(super) fn is_counted(self) -> bool {
        !matches!(self, Self::NDeath | Self::NCmd | Self::DCmd)
    }
}

impl Topic {
    /// Reads a topic. `None` if it is none of Sparkplug B.
    pub(super) fn parse(topic: &str) -> Option<Self> {
        if let Some(host) = topic.strip_prefix("STATE/") {
            return named(host);
        }
        let rest = topic.strip_prefix(NAMESPACE)?;
        if let Some(host) = rest.strip_prefix("STATE/") {
            return named(host);
        }
        let parts: Vec<_> = rest.split('/').collect();
        let (group, kind, edge, device) = match parts[..] {
            [group, kind, edge] => (group, kind, edge, None),
            [group, kind, edge, device] => (group, kind, edge, Some(device)),
            _ => return None,
        };
        let kind = Kind::parse(kind)?;
        let whole = !group.is_empty() && !edge.is_empty() && device.is_none_or(|device| !device.is_empty());
        (whole && kind.is_of_device() == device.is_some()).then(|| Self::Node {
            group: group.to_owned(),
            kind,
            edge: edge.to_owned(),
            device: device.map(str::to_owned),
        })
    }

    /// The topic of a document, by its properties or its locator.
    pub(super) fn of(document: &Document) -> Option<Self> {
        let property = document.properties().and_then(|properties| properties.get("topic")?.as_str());
        match property {
            Some(topic) => Self::parse(topic),
            None => {
                let locator = document.locator();
                Self::parse(&locator[locator.find(NAMESPACE).or_else(|| locator.find("STATE/"))?..])
            }
        }
    }
}

fn named(host: &str) -> Option<Topic> {
    (!host.is_empty() && !host.contains('/')).then(|| Topic::State { host: host.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datalake_core::Format;

    #[test]
    fn a_topic_names_an_edge_node_or_a_device() {
        let node = |kind, device: Option<&str>| Topic::Node {
            group: "g 1".into(),
            kind,
            edge: "e".into(),
            device: device.map(str::to_owned),
        };
        assert_eq!(Topic::parse("spBv1.0/g 1/NBIRTH/e"), Some(node(Kind::NBirth, None)));
        assert_eq!(Topic::parse("spBv1.0/g 1/DDATA/e/d"), Some(node(Kind::DData, Some("d"))));
        for state in ["STATE/h", "spBv1.0/STATE/h"] {
            assert_eq!(Topic::parse(state), Some(Topic::State { host: "h".into() }));
        }
        for other in
            ["", "a/b", "spBv1.0/g/NDATA", "spBv1.0/g/NDATA/e/d", "spBv1.0/g/DDATA/e", "spBv1.0/g/X/e"]
        {
            assert_eq!(Topic::parse(other), None, "{other}");
        }
        for other in ["spBv1.0//NDATA/e", "spBv1.0/g/DDATA/e/d/x", "spAv1.0/g/NDATA/e", "STATE/", "STATE/a/b"]
        {
            assert_eq!(Topic::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_topic_is_a_property_of_its_document_or_in_its_locator() {
        let document = Document::new("", "mqtt://broker:1883/spBv1.0/g/NDATA/e", Format::Whole);
        assert_eq!(Topic::of(&document), Topic::parse("spBv1.0/g/NDATA/e"));
        let properties: serde_json::Map<_, _> =
            [("topic".to_owned(), "spBv1.0/g/NDATA/f".into())].into_iter().collect();
        assert_eq!(Topic::of(&document.with_properties(properties)), Topic::parse("spBv1.0/g/NDATA/f"));
        assert_eq!(Topic::of(&Document::new("", "mqtt://broker/other", Format::Whole)), None);
    }
}
