//! LocalStack. The last version of its image that needs no account is 4.14.0; the packages run where no engine does.

use super::{Emulator, Image};
use crate::peers::npm;

const SERVICES: &str = "s3,kinesis,firehose,kms,ssm,secretsmanager,iam,sts,dynamodb,cloudformation,lambda,sqs,sns,logs,\
                        cloudwatch,scheduler,events";

pub(crate) const EMULATOR: Emulator = Emulator {
    name: "localstack",
    version: "4.9.2",
    variable: "DATALAKE_LOCALSTACK",
    list: "localstack",
    projects: &["localstack_process"],
    module: "localstack_process",
    health: "/_localstack/health",
    image: Some(Image {
        name: "localstack/localstack:4.14.0",
        port: 4566,
        settings: &[("LAMBDA_SYNCHRONOUS_CREATE", "1"), ("DISABLE_EVENTS", "1")],
    }),
    settings: |port, folder| {
        vec![
            ("GATEWAY_LISTEN", format!("127.0.0.1:{port}")),
            ("GATEWAY_SERVER", "loopback".into()),
            ("FILESYSTEM_ROOT", folder.into()),
            ("OVERRIDE_IN_DOCKER", "0".into()),
            ("LAMBDA_RUNTIME_EXECUTOR", "process".into()),
            ("LAMBDA_SYNCHRONOUS_CREATE", "1".into()),
            ("EAGER_SERVICE_LOADING", "1".into()),
            ("SERVICES", SERVICES.into()),
            ("KINESIS_PERSISTENCE", "0".into()),
            ("DNS_ADDRESS", "0".into()),
            ("DISABLE_EVENTS", "1".into()),
            ("SKIP_SSL_CERT_DOWNLOAD", "1".into()),
        ]
    },
    prepare: npm::ensure,
};
