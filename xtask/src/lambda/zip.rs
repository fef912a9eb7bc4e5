//! A ZIP archive of one program.

use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use crate::Result;

/// The permissions of a program, `-rwxr-xr-x`, as the archive wants them.
const PROGRAM: u32 = 0o100_755 << 16;
/// Made by a Unix, with version 2.0 of the format.
const MADE_BY: u16 = 3 << 8 | 20;
/// The first day that the format knows, so that the same program gives the same archive.
const DAY: u16 = 1 << 5 | 1;

/// An archive with a program under a name.
pub(super) fn of(name: &str, program: &[u8]) -> Result<Vec<u8>> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
    deflate.write_all(program)?;
    let packed = deflate.finish()?;
    let mut crc = Crc::new();
    crc.update(program);
    let sizes = (u32::try_from(packed.len())?, u32::try_from(program.len())?);
    let common = |out: &mut Vec<u8>| {
        for half in [20, 0, 8, 0, DAY] {
            out.extend(u16::to_le_bytes(half));
        }
        for word in [crc.sum(), sizes.0, sizes.1] {
            out.extend(word.to_le_bytes());
        }
        out.extend((name.len() as u16).to_le_bytes());
        out.extend(0_u16.to_le_bytes());
    };
    let mut archive = b"PK\x03\x04".to_vec();
    common(&mut archive);
    archive.extend(name.as_bytes());
    archive.extend(&packed);
    let directory = u32::try_from(archive.len())?;
    archive.extend(b"PK\x01\x02");
    archive.extend(MADE_BY.to_le_bytes());
    common(&mut archive);
    archive.extend([0; 6]);
    archive.extend(PROGRAM.to_le_bytes());
    archive.extend(0_u32.to_le_bytes());
    archive.extend(name.as_bytes());
    let length = u32::try_from(archive.len())? - directory;
    archive.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    archive.extend(length.to_le_bytes());
    archive.extend(directory.to_le_bytes());
    archive.extend([0; 2]);
    Ok(archive)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_archive_has_one_program_that_another_reader_finds() {
        let folder = std::env::temp_dir().join(format!("datalake-zip-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("worker.zip");
        let program = vec![7; 100_000];
        std::fs::write(&path, of("bootstrap", &program).unwrap()).unwrap();
        let script = "import sys, zipfile\n\
            archive = zipfile.ZipFile(sys.argv[1])\n\
            assert archive.testzip() is None\n\
            entry, = archive.infolist()\n\
            print(entry.filename, entry.file_size, oct(entry.external_attr >> 16), archive.read(entry) == b'\\7' * 100000)";
        let read = Command::new("python3").args(["-c", script]).arg(&path).output();
        std::fs::remove_dir_all(&folder).unwrap();
        match read {
            Ok(read) => {
                let said = String::from_utf8_lossy(&read.stdout).trim().to_owned();
                let failed = String::from_utf8_lossy(&read.stderr).into_owned();
                assert_eq!(said, "bootstrap 100000 0o100755 True", "{failed}");
            }
            Err(_) => eprintln!("left out: there is no python3 to read the archive"),
        }
    }
}
