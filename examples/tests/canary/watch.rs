//! A secret in every form in which it could be seen, and everything there is to search.

use std::fmt::Debug;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use datalake_core::codec::{Compression, Expansion};
use memchr::memmem::Finder;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

/// A secret that no other has, in the forms in which it could be seen.
pub(crate) struct Canary {
    pub(crate) value: String,
    /// How much was logged before there was the secret.
    since: usize,
    forms: Vec<(&'static str, Finder<'static>)>,
}

impl Canary {
    /// With characters in it that every encoding changes.
    pub(crate) fn new(name: &str) -> Self {
        Self::of(format!("c4n4ry+{name}/{:08x}~=", std::process::id()))
    }

    /// A secret that is given, as text or as bytes.
    pub(crate) fn of(value: impl Into<Vec<u8>>) -> Self {
        let value = value.into();
        let bytes = value.as_slice();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let encoded = |keep: fn(u8) -> bool| -> String {
            let one = |byte: &u8| match keep(*byte) {
                true => char::from(*byte).to_string(),
                false => format!("%{byte:02X}"),
            };
            bytes.iter().map(one).collect()
        };
        let some = encoded(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
        let most = encoded(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let numbers = format!("{bytes:?}");
        let mut forms: Vec<(_, Vec<u8>)> =
            vec![("raw", bytes.to_vec()), ("hex", hex.to_uppercase().into()), ("hex", hex.into())];
        forms.push(("numbers", numbers.trim_matches(['[', ']']).into()));
        for text in [some, most] {
            forms.push((
                "percent-encoded",
                text.replace("%2F", "%2f").replace("%3D", "%3d").replace("%2B", "%2b").into(),
            ));
            forms.push(("percent-encoded", text.into()));
        }
        // In the middle of something longer it begins at any of three places in a group of four.
        for before in 0..3 {
            let padded = [&vec![0; before][..], bytes].concat();
            let whole = padded.len() / 3 * 4;
            let skip = [0, 2, 3][before];
            for engine in [&STANDARD, &URL_SAFE] {
                forms.push(("base64", engine.encode(&padded)[skip..whole].into()));
            }
        }
        let forms = forms.into_iter().map(|(name, form)| (name, Finder::new(&form).into_owned())).collect();
        Self { value: String::from_utf8_lossy(&value).into_owned(), since: log().len(), forms }
    }

    /// The canaries of a private key in PEM: its bytes, and every line of the text but the last, which can be short.
    pub(crate) fn of_key(pem: &str) -> Vec<Self> {
        let mut lines: Vec<_> = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let key = STANDARD.decode(lines.concat()).unwrap();
        lines.pop();
        lines.into_iter().map(Self::of).chain([Self::of(key)]).collect()
    }

    /// A secret that has been there as long as another place of the logs.
    pub(crate) fn since(self, since: usize) -> Self {
        Self { since, ..self }
    }

    /// The form in which it is in some bytes.
    pub(crate) fn form_in(&self, bytes: &[u8]) -> Option<&'static str> {
        self.forms.iter().find(|(_, form)| form.find(bytes).is_some()).map(|(name, _)| *name)
    }

    pub(crate) fn is_not_in(&self, place: &str, bytes: &[u8]) {
        if let Some(form) = self.form_in(bytes) {
            panic!("a secret is in {place}, {form}");
        }
    }
}

/// Searches what was logged, what panics have said, and every file below a folder, as it is and decompressed.
pub(crate) fn search(canaries: &[&Canary], shown: &[String], folders: &[&Path]) {
    let log = log().bytes();
    assert!(!canaries.is_empty() && !shown.is_empty(), "there is something to search");
    for canary in canaries {
        assert!(log.len() > canary.since, "there are logs to search");
        canary.is_not_in("the logs", &log[canary.since..]);
        shown.iter().for_each(|text| canary.is_not_in("what is shown", text.as_bytes()));
        folders.iter().for_each(|folder| files(folder, &mut |name, bytes| canary.is_not_in(name, bytes)));
    }
}

/// Goes through all files, as they are and decompressed.
pub(crate) fn files(folder: &Path, see: &mut impl FnMut(&str, &[u8])) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, see);
        } else {
            content(&path.display().to_string(), &std::fs::read(&path).unwrap(), see);
        }
    }
}

/// Some bytes by their name, as they are and decompressed.
pub(crate) fn content(name: &str, bytes: &[u8], see: &mut impl FnMut(&str, &[u8])) {
    see(name, bytes);
    see("a name", name.as_bytes());
    let compression = match bytes {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        [0x1f, 0x8b, ..] => Compression::Gzip,
        _ => return,
    };
    let plain = compression.decompress(&bytes.to_vec().into(), Expansion::default()).unwrap();
    see(name, &plain);
}

/// Both ways in which a thing can be printed.
pub(crate) fn both(thing: &(impl Debug + ToString)) -> String {
    format!("{} {thing:?} {thing:#?}", thing.to_string())
}

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).len()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Everything that is logged by anybody at TRACE, as a worker's logs let it through, and what panics say.
pub(crate) fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(log.clone());
        let subscriber =
            tracing_subscriber::registry().with(filter_fn(datalake_host::may_be_logged)).with(layer);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let (said, before) = (log.clone(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            said.0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .extend(panic.to_string().bytes());
            before(panic);
        }));
        log
    })
}
