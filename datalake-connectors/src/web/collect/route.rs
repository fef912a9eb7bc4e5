//! The paths of the protocols, and what comes at each.

use std::collections::HashMap;

/// What comes at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// A body of Snowplow events.
    SnowplowPost,
    /// One Snowplow event in a query string.
    SnowplowPixel,
    /// A body of Segment events.
    SegmentBatch,
    /// One Segment event, of a type.
    SegmentEvent(&'static str),
}

/// Where Snowplow's trackers send to unless told otherwise.
pub(super) const SNOWPLOW_POST: &str = "/com.snowplowanalytics.snowplow/tp2";
/// Where Snowplow's pixel is.
pub(super) const SNOWPLOW_PIXEL: &str = "/i";

/// Where the libraries of Segment send to: those of servers by the whole word, those of browsers by its first letter.
pub(super) const SEGMENT: [(&str, Route); 14] = [
    ("/v1/batch", Route::SegmentBatch),
    ("/v1/b", Route::SegmentBatch),
    ("/v1/track", Route::SegmentEvent("track")),
    ("/v1/t", Route::SegmentEvent("track")),
    ("/v1/identify", Route::SegmentEvent("identify")),
    ("/v1/i", Route::SegmentEvent("identify")),
    ("/v1/page", Route::SegmentEvent("page")),
    ("/v1/p", Route::SegmentEvent("page")),
    ("/v1/screen", Route::SegmentEvent("screen")),
    ("/v1/s", Route::SegmentEvent("screen")),
    ("/v1/group", Route::SegmentEvent("group")),
    ("/v1/g", Route::SegmentEvent("group")),
    ("/v1/alias", Route::SegmentEvent("alias")),
    ("/v1/a", Route::SegmentEvent("alias")),
];

/// All paths of a collector.
pub(super) type Routes = HashMap<String, Route>;

impl Route {
    /// The methods that are taken, as the header `Allow` lists them.
    pub(super) fn allow(self) -> &'static str {
        match self {
            Self::SnowplowPixel => "GET, OPTIONS",
            _ => "POST, OPTIONS",
        }
    }

    /// Whether it is a path of Segment.
    pub(super) fn is_segment(self) -> bool {
        matches!(self, Self::SegmentBatch | Self::SegmentEvent(_))
    }
}
