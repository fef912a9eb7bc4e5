use datalake_core::codec::{Compression, Frames};
use datalake_core::split::split;

use super::*;

#[tokio::test]
async fn the_document_is_the_body_and_each_idoc_a_record_byte_for_byte() {
    let lake = Lake::on(builder().anybody()).await;
    let body = package([7, 8, 9]);
    assert_eq!(lake.post(&[("content-type", "application/x-sap.idoc")], &body).await.status, 200);
    let document = lake.documents().remove(0);
    assert_eq!(document.bytes(), body.as_bytes());
    assert_eq!(document.id().map(|id| &**id), Some(&*format!("{}+2", id(7))));
    let mut records = Vec::new();
    split(&document, |piece| records.push(piece));
    assert_eq!(records.len(), 3);
    for (record, number) in records.iter().zip(7..) {
        assert!(record.error.is_none());
        assert_eq!(record.body, idoc(number));
        assert_eq!(document.bytes()[record.range.clone()], record.body);
        let control = Control::of(&record.body).unwrap();
        assert_eq!(control.id(), Some(id(number)));
        assert_eq!((control.basic_type(), control.extension()), (Some("ORDERS05"), None));
        assert_eq!(control.field("RCVPRN"), Some("LAKE & Co"));
    }
}

#[tokio::test]
async fn a_compressed_body_is_the_same_document() {
    let lake = Lake::on(builder().anybody()).await;
    let body = package([1]);
    let zstd = Frames::new(Compression::Zstd, 3).unwrap().frame(&[body.clone().into()]).unwrap();
    assert_eq!(lake.post(&[XML, ("content-encoding", "zstd")], zstd).await.status, 200);
    assert_eq!(lake.documents()[0].bytes(), body.as_bytes());
}

#[test]
fn a_control_record_is_read_with_its_references_and_without_blanks_at_its_end() {
    let idoc = "<IDOC><EDI_DC40><MANDT> 1 </MANDT><SNDPRN>A&#x42;&lt;<![CDATA[C&D]]></SNDPRN><DOCNUM>01</DOCNUM></EDI_DC40>\
                <EDI_DC40><MANDT>2</MANDT></EDI_DC40></IDOC>";
    let control = Control::of(idoc.as_bytes()).unwrap();
    assert_eq!(control.client(), Some(" 1"));
    assert_eq!(control.sender(), Some("AB<C&D"));
    assert_eq!(control.fields().count(), 3, "the first one counts");
    for (broken, why) in [
        ("<IDOC><E1EDK01/></IDOC>", "no control record"),
        ("<IDOC><EDI_DC40><MANDT>&own;</MANDT></EDI_DC40></IDOC>", "entity of its own"),
        ("<IDOC><EDI_DC40><MANDT>1</EDI_DC40></IDOC>", "no well-formed XML"),
    ] {
        let error = Control::of(broken.as_bytes()).unwrap_err();
        assert_eq!(error.reason, "idoc");
        assert!(error.message.contains(why), "{error}");
    }
}
