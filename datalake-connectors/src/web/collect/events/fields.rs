//! The names of Snowplow's tracker protocol, and what they are in Snowplow's tables.

/// What a value of the protocol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Flag,
    /// Milliseconds since 1970.
    Time,
    /// Two numbers with an `x` between them. The name of the field is what width and height follow.
    Size,
    /// A kind of event.
    Event,
    /// A self-describing event, in base64 or not.
    Described {
        encoded: bool,
    },
    /// A list of contexts, in base64 or not.
    Contexts {
        encoded: bool,
    },
}

use Kind::{Contexts, Described, Event, Flag, Number, Size, Text, Time};

/// The field of a table that a name of the protocol becomes.
pub(super) fn field(name: &str) -> Option<(&'static str, Kind)> {
    FIELDS.iter().find_map(|(short, field, kind)| (*short == name).then_some((*field, *kind)))
}

/// The kind of event that a short name says.
pub(super) fn event(short: &str) -> Option<&'static str> {
    Some(match short {
        "pv" => "page_view",
        "pp" => "page_ping",
        "se" => "struct",
        "ue" => "unstruct",
        "tr" => "transaction",
        "ti" => "transaction_item",
        _ => return None,
    })
}

pub(super) const FIELDS: &[(&str, &str, Kind)] = &[
    ("e", "event", Event),
    ("eid", "event_id", Text),
    ("aid", "app_id", Text),
    ("p", "platform", Text),
    ("tv", "v_tracker", Text),
    ("tna", "name_tracker", Text),
    ("tid", "txn_id", Number),
    ("dtm", "dvce_created_tstamp", Time),
    ("stm", "dvce_sent_tstamp", Time),
    ("ttm", "true_tstamp", Time),
    ("uid", "user_id", Text),
    ("duid", "domain_userid", Text),
    ("nuid", "network_userid", Text),
    ("tnuid", "network_userid", Text),
    ("sid", "domain_sessionid", Text),
    ("vid", "domain_sessionidx", Number),
    ("fp", "user_fingerprint", Text),
    ("ip", "user_ipaddress", Text),
    ("ua", "useragent", Text),
    ("url", "page_url", Text),
    ("page", "page_title", Text),
    ("refr", "page_referrer", Text),
    ("lang", "br_lang", Text),
    ("cookie", "br_cookies", Flag),
    ("cd", "br_colordepth", Number),
    ("vp", "br_view", Size),
    ("res", "dvce_screen", Size),
    ("ds", "doc_", Size),
    ("cs", "doc_charset", Text),
    ("tz", "os_timezone", Text),
    ("mac", "mac_address", Text),
    ("f_pdf", "br_features_pdf", Flag),
    ("f_fla", "br_features_flash", Flag),
    ("f_java", "br_features_java", Flag),
    ("f_dir", "br_features_director", Flag),
    ("f_qt", "br_features_quicktime", Flag),
    ("f_realp", "br_features_realplayer", Flag),
    ("f_wma", "br_features_windowsmedia", Flag),
    ("f_gears", "br_features_gears", Flag),
    ("f_ag", "br_features_silverlight", Flag),
    ("pp_mix", "pp_xoffset_min", Number),
    ("pp_max", "pp_xoffset_max", Number),
    ("pp_miy", "pp_yoffset_min", Number),
    ("pp_may", "pp_yoffset_max", Number),
    ("se_ca", "se_category", Text),
    ("se_ac", "se_action", Text),
    ("se_la", "se_label", Text),
    ("se_pr", "se_property", Text),
    ("se_va", "se_value", Number),
    ("tr_id", "tr_orderid", Text),
    ("tr_af", "tr_affiliation", Text),
    ("tr_tt", "tr_total", Number),
    ("tr_tx", "tr_tax", Number),
    ("tr_sh", "tr_shipping", Number),
    ("tr_ci", "tr_city", Text),
    ("tr_st", "tr_state", Text),
    ("tr_co", "tr_country", Text),
    ("tr_cu", "tr_currency", Text),
    ("ti_id", "ti_orderid", Text),
    ("ti_sk", "ti_sku", Text),
    ("ti_nm", "ti_name", Text),
    ("ti_na", "ti_name", Text),
    ("ti_ca", "ti_category", Text),
    ("ti_pr", "ti_price", Number),
    ("ti_qu", "ti_quantity", Number),
    ("ti_cu", "ti_currency", Text),
    ("ue_px", "unstruct_event", Described { encoded: true }),
    ("ue_pr", "unstruct_event", Described { encoded: false }),
    ("cx", "contexts", Contexts { encoded: true }),
    ("co", "contexts", Contexts { encoded: false }),
];
