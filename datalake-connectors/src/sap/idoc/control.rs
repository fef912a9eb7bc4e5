//! The control record of an IDoc.

use std::collections::BTreeMap;

use datalake_core::RecordError;
use quick_xml::Reader;
use quick_xml::events::Event;

/// The segment that is the control record.
const SEGMENT: &str = "EDI_DC40";

/// The control record of an IDoc, `EDI_DC40`: who sent what to whom.
///
/// ```
/// use datalake_connectors::sap::idoc::Control;
///
/// let idoc = br#"<IDOC BEGIN="1"><EDI_DC40 SEGMENT="1"><MANDT>800</MANDT><DOCNUM>0000000000123456</DOCNUM>
///     <MESTYP>ORDERS</MESTYP><SNDPRN>ID3CLNT800</SNDPRN><CIMTYP/></EDI_DC40></IDOC>"#;
/// let control = Control::of(idoc)?;
/// assert_eq!(control.message_type(), Some("ORDERS"));
/// assert_eq!(control.id().as_deref(), Some("800/ID3CLNT800/0000000000123456"));
/// # Ok::<(), datalake_core::RecordError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control(BTreeMap<String, String>);

impl Control {
    /// Reads the control record of an IDoc: a record of an [`IdocSource`](super::IdocSource). Nothing is expanded but the
    /// references that XML itself knows.
    ///
    /// # Errors
    /// It is no well-formed XML up to the end of the control record, or there is none in it; the reason is `idoc`.
    pub fn of(idoc: &[u8]) -> Result<Self, RecordError> {
        read(idoc).map_err(|reason| RecordError::new("idoc", reason)).map(Self)
    }

    /// A field by its name, for instance `IDOCTYP`. `None` if it is not there or empty.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All fields that are there, the empty ones too.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What stays the same however often the IDoc is transported: client, sender and number. `None` if one is missing.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        let parts = ["MANDT", "SNDPRN", "DOCNUM"].map(|name| self.field(name));
        let [Some(client), Some(sender), Some(number)] = parts else { return None };
        let id = format!("{client}/{sender}/{number}");
        (id.len() <= 128 && !id.chars().any(char::is_control)).then_some(id)
    }

    /// The client of the sending system, `MANDT`.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.field("MANDT")
    }

    /// The partner that sent it, `SNDPRN`.
    #[must_use]
    pub fn sender(&self) -> Option<&str> {
        self.field("SNDPRN")
    }

    /// Its number, `DOCNUM`, with its leading zeros.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        self.field("DOCNUM")
    }

    /// What it is about, `MESTYP`, for instance `ORDERS`.
    #[must_use]
    pub fn message_type(&self) -> Option<&str> {
        self.field("MESTYP")
    }

    /// How its segments are laid out, `IDOCTYP`, for instance `ORDERS05`.
    #[must_use]
    pub fn basic_type(&self) -> Option<&str> {
        self.field("IDOCTYP")
    }

    /// The customer's extension of that, `CIMTYP`.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        self.field("CIMTYP")
    }
}

/// The fields of the control record: elements below it that hold text. The first control record counts.
fn read(idoc: &[u8]) -> Result<BTreeMap<String, String>, &'static str> {
    const BROKEN: &str = "an IDoc is no well-formed XML";
    let text = std::str::from_utf8(idoc).map_err(|_| "an IDoc is not in UTF-8")?;
    let mut reader = Reader::from_str(text);
    let mut fields = BTreeMap::new();
    let mut depth = 0_u32;
    let mut inside = false;
    let mut field = None::<(String, String)>;
    loop {
        match reader.read_event().map_err(|_| BROKEN)? {
            Event::Start(tag) => {
                depth += 1;
                if depth == 2 && tag.name().as_ref() == SEGMENT {
                    inside = true;
                } else if inside && depth == 3 {
                    field = Some((tag.name().as_ref().to_owned(), String::new()));
                }
            }
            Event::Empty(tag) if inside && depth == 2 => {
                fields.insert(tag.name().as_ref().to_owned(), String::new());
            }
            Event::Text(more) => {
                if let Some((_, value)) = &mut field {
                    value.push_str(&more);
                }
            }
            Event::CData(more) => {
                if let Some((_, value)) = &mut field {
                    value.push_str(&more);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some((_, value)) = &mut field {
                    value.push(character(&reference).ok_or("an IDoc uses an entity of its own")?);
                }
            }
            Event::End(_) => {
                if inside && depth == 2 {
                    return Ok(fields);
                }
                if depth == 3
                    && let Some((name, value)) = field.take()
                {
                    fields.insert(name, value.trim_end().to_owned());
                }
                depth = depth.checked_sub(1).ok_or(BROKEN)?;
            }
            Event::DocType(_) => return Err("an IDoc declares a document type"),
            Event::Eof => return Err("an IDoc has no control record"),
            _ => {}
        }
    }
}

fn character(reference: &quick_xml::events::BytesRef<'_>) -> Option<char> {
    if reference.is_char_ref() {
        return reference.resolve_char_ref().ok().flatten();
    }
    Some(match &**reference {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}
