//! Real input: some seventy data sets of many shapes in JSON and CSV.

use super::{Peer, npm};

const VERSION: &str = "3.2.1";
const SHA512: &str = "9534b0640eb2abaa925366199bee9ba882e222f4cf3f19f88ad8abee33c61661\
                      c874fbd47d0f690b3cdcae4958cb030980b51b68879291941d88977ac01c4fba";

pub(crate) const PEER: Peer = Peer {
    name: "vega-datasets",
    version: VERSION,
    variable: "DATALAKE_VEGA_DATASETS",
    fetch: || Ok(npm::fetch("vega-datasets", VERSION, SHA512)?.join("data")),
};
