//! Feeds into JSON.

use serde_json::Value;

use super::item::{Feed, Kind, json};
use super::text::Text;
use super::tree::{Element, Tree};
use datalake_core::split::{Decoder, Piece};
use datalake_core::{Content, Document, RecordError};

/// Makes JSON of the items of feeds: `web.feed`. The [module](super) says which. It has no settings.
#[derive(Debug, Clone, Copy)]
pub struct FeedDecoder;

impl Decoder for FeedDecoder {
    fn name(&self) -> &str {
        "web.feed"
    }

    fn decode(&self, document: &Document, _: &Value, piece: &mut dyn FnMut(Piece)) {
        let bytes = document.bytes();
        let all = 0..bytes.len();
        let refused = |reason: &'static str, why: &str| RecordError::new(reason, why);
        let Some(read) = Text::read(bytes) else {
            let why = "the feed is neither in UTF-8 nor in an encoding of one byte a character that it names";
            return piece(Piece::error(all, refused("encoding", why)));
        };
        let text = &*read.text;
        let tree =
            Tree::read(text, |path| Kind::of(path.first()?).filter(|kind| kind.has_items_at(path)).map(drop));
        let Some(kind) = tree.root.as_ref().and_then(|root| Kind::of(&root.name)) else {
            let why = match &tree.broken {
                Some(why) => format!("it is neither RSS nor Atom: {why}"),
                None => "it is neither RSS nor Atom".to_owned(),
            };
            return piece(Piece::error(all, refused("feed", &why)));
        };
        let feed = Feed::of(kind, tree.root.as_ref());
        let mut end = 0;
        for (range, item) in &tree.items {
            let bytes = read.bytes(range);
            end = bytes.end;
            piece(Piece::new(bytes, json(&feed, item, text), Content::Json));
        }
        if let Some(why) = &tree.broken {
            piece(Piece::error(end..bytes.len(), refused("xml", why)));
        }
    }
}

impl Kind {
    /// The kind of a feed by the name of its root.
    pub(super) fn of(root: &str) -> Option<Self> {
        match Element::local(root) {
            "rss" => Some(Self::Rss),
            "RDF" => Some(Self::Rdf),
            "feed" => Some(Self::Atom),
            _ => None,
        }
    }

    /// Whether an element is an item, by the names from the root to it.
    fn has_items_at(self, path: &[&str]) -> bool {
        match (self, path) {
            (Self::Rss, [_, "channel", "item"]) | (Self::Rdf, [_, "item"]) => true,
            (Self::Atom, [root, entry]) => {
                Element::local(entry) == "entry" && Element::prefix(root) == Element::prefix(entry)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use datalake_core::Format;

    fn pieces(xml: impl Into<Vec<u8>>) -> Vec<Piece> {
        let document = Document::new(xml.into(), "https://news.example/feed", Format::Whole);
        let mut pieces = Vec::new();
        FeedDecoder.decode(&document, &Value::Null, &mut |piece| pieces.push(piece));
        pieces
    }

    fn items(xml: &str) -> Vec<Value> {
        pieces(xml)
            .iter()
            .map(|piece| {
                assert!(piece.error.is_none(), "{:?}", piece.error);
                serde_json::from_slice(&piece.body).unwrap()
            })
            .collect()
    }

    const RSS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel><title>News &amp; more</title><link>https://news.example/</link>
<item><title><![CDATA[A <b> title]]></title><link>https://news.example/1</link><guid isPermaLink="false">n-1</guid>
<pubDate>Wed, 03 Jan 2024 04:49:00 +0200</pubDate><dc:creator>Ann</dc:creator><author>b@news.example</author>
<description>one &lt;p&gt;&#228;&nbsp;</description><content:encoded>long</content:encoded><category>x</category>
<category domain="d">y</category><enclosure url="https://news.example/1.mp3" length="7" type="audio/mpeg"/></item>
<item><title>two</title><link> https://news.example/2 </link><pubDate>yesterday</pubDate></item>
</channel></rss>"#;

    #[test]
    fn items_of_rss_have_the_one_shape() {
        let feed =
            json!({ "format": "rss", "id": null, "title": "News & more", "link": "https://news.example/" });
        assert_eq!(
            items(RSS),
            [
                json!({
                    "id": "n-1", "title": "A <b> title", "link": "https://news.example/1",
                    "published": "2024-01-03T02:49:00Z", "updated": null, "authors": ["Ann", "b@news.example"],
                    "summary": "one <p>ä&nbsp;", "content": "long", "categories": ["x", "y"],
                    "enclosures": [{ "url": "https://news.example/1.mp3", "type": "audio/mpeg", "length": "7" }],
                    "other": {}, "feed": feed,
                }),
                json!({
                    "id": "https://news.example/2", "title": "two", "link": "https://news.example/2",
                    "published": "yesterday", "updated": null, "authors": [], "summary": null, "content": null,
                    "categories": [], "enclosures": [], "other": {}, "feed": feed,
                }),
            ]
        );
    }

    #[test]
    fn a_record_has_the_range_of_its_item() {
        let pieces = pieces(RSS);
        assert!(RSS[pieces[0].range.clone()].starts_with("<item><title><![CDATA["));
        assert!(RSS[pieces[1].range.clone()].ends_with("yesterday</pubDate></item>"));
    }

    #[test]
    fn entries_of_atom_have_the_one_shape() {
        let atom = r#"<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="m"><id>urn:f</id><title>F</title>
<entry><id>urn:1</id><title type="html">T</title><updated>2024-01-03T02:49:00+01:00</updated>
<link rel="self" href="s"/><link href="https://a.example/1"/><link rel="enclosure" href="https://a.example/1.png" type="image/png"/>
<author><name>Ann</name><uri>u</uri></author><category term="x"/>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">a <b>b</b></div></content>
<media:group><media:title>m</media:title><media:thumbnail url="t" height="9"/></media:group></entry></feed>"#;
        assert_eq!(
            items(atom),
            [json!({
                "id": "urn:1", "title": "T", "link": "https://a.example/1", "published": null,
                "updated": "2024-01-03T01:49:00Z", "authors": ["Ann"], "summary": null,
                "content": "<div xmlns=\"http://www.w3.org/1999/xhtml\">a <b>b</b></div>", "categories": ["x"],
                "enclosures": [{ "url": "https://a.example/1.png", "type": "image/png", "length": null }],
                "other": {
                    "link": [{ "attributes": { "rel": "self", "href": "s" } }],
                    "media:group": [{ "children": {
                        "media:title": [{ "text": "m" }],
                        "media:thumbnail": [{ "attributes": { "url": "t", "height": "9" } }],
                    } }],
                },
                "feed": { "format": "atom", "id": "urn:f", "title": "F", "link": null },
            })]
        );
        let prefixed = "<a:feed xmlns:a='x'><a:title>F</a:title><a:entry><a:id>1</a:id></a:entry></a:feed>";
        let found = items(prefixed);
        assert_eq!((&found[0]["id"], &found[0]["feed"]["title"]), (&json!("1"), &json!("F")));
    }

    #[test]
    fn items_of_rdf_lie_beside_the_channel() {
        let rdf = r#"<rdf:RDF xmlns:rdf="r" xmlns="p" xmlns:dc="d"><channel rdf:about="c"><title>C</title></channel>
<item rdf:about="https://r.example/1"><title>one</title><dc:date>2024-01-03</dc:date></item></rdf:RDF>"#;
        let found = items(rdf);
        assert_eq!(found[0]["id"], "https://r.example/1");
        assert_eq!((&found[0]["published"], &found[0]["feed"]["title"]), (&json!("2024-01-03"), &json!("C")));
    }

    #[test]
    fn a_feed_without_items_has_no_records() {
        assert!(pieces("\u{feff}<rss><channel><title>empty</title></channel></rss>").is_empty());
    }

    #[test]
    fn items_before_a_break_are_read_and_the_rest_is_one_error() {
        let whole = pieces(RSS);
        let second = whole[1].range.clone();
        for broken in
            [RSS[..second.start + 20].to_owned(), RSS.replacen("<title>two</title>", "<title>two</tilte>", 1)]
        {
            let found = pieces(broken.clone());
            assert_eq!(found.len(), 2, "{found:?}");
            assert_eq!((&found[0].body, found[0].range.clone()), (&whole[0].body, whole[0].range.clone()));
            let error = found[1].error.as_ref().unwrap();
            assert_eq!((&*error.reason, found[1].range.clone()), ("xml", whole[0].range.end..broken.len()));
        }
    }

    #[test]
    fn what_is_no_feed_is_one_error() {
        let deep = "<rss>".to_owned() + &"<x>".repeat(1000);
        for (body, reason) in [
            ("<!DOCTYPE html><html><body>Log in</body></html>".as_bytes().to_vec(), "feed"),
            (b"{\"title\":1}".to_vec(), "feed"),
            (b"".to_vec(), "feed"),
            (b"<rss><channel><title>\xe4</title></channel></rss>".to_vec(), "encoding"),
            (b"<?xml version='1.0' encoding='Shift_JIS'?><rss>\x83\x65</rss>".to_vec(), "encoding"),
            (deep.into_bytes(), "xml"),
        ] {
            let found = pieces(body.clone());
            let reasons: Vec<_> = found.iter().filter_map(|piece| piece.error.as_ref()).collect();
            assert_eq!(
                (reasons.len(), &*reasons[0].reason),
                (1, reason),
                "{}",
                String::from_utf8_lossy(&body)
            );
            assert_eq!(found[0].range, 0..body.len());
        }
    }

    #[test]
    fn an_encoding_of_one_byte_a_character_is_read_and_ranges_are_of_bytes() {
        let one = b"<item><title>\xe4\x80</title></item>";
        let mut xml =
            b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><rss><channel><title>\xdc</title>".to_vec();
        let start = xml.len();
        [&one[..], one, b"</channel></rss>"].iter().for_each(|part| xml.extend_from_slice(part));
        let found = pieces(xml);
        let ranges: Vec<_> = found.iter().map(|piece| piece.range.clone()).collect();
        assert_eq!(ranges, [start..start + one.len(), start + one.len()..start + 2 * one.len()]);
        let json: Value = serde_json::from_slice(&found[1].body).unwrap();
        assert_eq!((&json["title"], &json["feed"]["title"]), (&json!("\u{e4}\u{20ac}"), &json!("\u{dc}")));
    }

    #[test]
    fn entities_that_a_document_declares_are_not_expanded() {
        let bomb = "<!DOCTYPE rss [<!ENTITY a \"xxxxxxxxxx\">]><rss><channel><item><title>&a;&a;</title></item></channel></rss>";
        assert_eq!(items(bomb)[0]["title"], "&a;&a;");
    }

    #[test]
    fn whatever_is_cut_off_or_changed_no_piece_lies_outside_or_before_another() {
        let mut seed = 7_u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % below
        };
        for _ in 0..1_000 {
            let mut xml = RSS.as_bytes().to_vec();
            for _ in 0..random(4) {
                let at = random(xml.len());
                xml[at] = b"<>/&;\"x\0"[random(8)];
            }
            xml.truncate(xml.len() - random(xml.len()));
            let mut end = 0;
            for piece in pieces(xml.clone()) {
                assert!(piece.range.start >= end && piece.range.end <= xml.len(), "{:?}", piece.range);
                end = piece.range.end;
                let json = piece.error.is_some() || serde_json::from_slice::<Value>(&piece.body).is_ok();
                assert!(json, "{:?}", piece.body);
            }
        }
    }
}
