//! MiniStack, which starts in seconds and runs compiled functions itself.

use super::{CLIENT, Emulator};

pub(crate) const EMULATOR: Emulator = Emulator {
    name: "ministack",
    version: "1.5.33",
    variable: "DATALAKE_MINISTACK",
    list: "ministack",
    projects: &[],
    module: "ministack",
    health: "/_ministack/health",
    image: None,
    settings: |port, _| {
        let mut settings = vec![
            ("GATEWAY_PORT", port.to_string()),
            ("BIND_HOST", "127.0.0.1".into()),
            ("IOT_MTLS_PORT", "0".into()),
            ("MINISTACK_REGION", "eu-central-1".into()),
        ];
        settings.extend(CLIENT.map(|(name, value)| (name, value.into())));
        settings
    },
    prepare: || Ok(()),
};
