use std::io::{Cursor, Read, Write};

use rust_xlsxwriter::{Format as Shown, Formula, Workbook};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::*;

mod broken;
mod libreoffice;
mod odf;
mod suite;
mod tables;
mod values;

/// The records of a workbook; what is none has an exclamation mark, the reason and the message.
fn records(bytes: impl Into<Bytes>, sheets: &Sheets) -> Vec<String> {
    let document = Document::new(bytes, "memory:///report", sheets.format());
    let Format::Decoded { settings, .. } = &**document.format() else { panic!("not decoded") };
    let mut records = Vec::new();
    SheetsDecoder.decode(&document, settings, &mut |piece| {
        assert_eq!(piece.range, 0..document.len());
        records.push(match piece.error {
            None => {
                serde_json::from_slice::<Value>(&piece.body).unwrap();
                String::from_utf8(piece.body.to_vec()).unwrap()
            }
            Some(error) => format!("!{}: {}", error.reason, error.message),
        });
    });
    records
}

/// A workbook with one sheet called `S`, on which each row has texts from the first column on.
fn texts(rows: &[&[&str]]) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("S").unwrap();
    for (r, row) in rows.iter().enumerate() {
        for (c, text) in row.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
            sheet.write_string(r as u32, c as u16, *text).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

/// A zip archive.
fn packed(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// The same archive with one part changed.
fn changed(bytes: &[u8], part: &str, change: impl Fn(String) -> String) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut parts = Vec::new();
    for n in 0..archive.len() {
        let mut file = archive.by_index(n).unwrap();
        let name = file.name().unwrap().into_owned();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        if name == part {
            let text = String::from_utf8(content).unwrap();
            let other = change(text.clone());
            assert_ne!(other, text, "nothing has changed in {part}");
            content = other.into_bytes();
        }
        parts.push((name, content));
    }
    let parts: Vec<(&str, &[u8])> = parts.iter().map(|(name, content)| (&**name, &**content)).collect();
    packed(&parts)
}
