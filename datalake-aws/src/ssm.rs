//! Secrets in the Parameter Store of Systems Manager.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use datalake_core::{Error, ErrorKind, Result, Secret, SecretRef, SecretStore};

use crate::{config, error};

/// Parameters, decrypted: `ssm:/path/of/key`, `ssm:name`, with `:version` or `:label` after it for one of its versions.
///
/// A worker needs `ssm:GetParameter` on the parameter and, for a SecureString, `kms:Decrypt` on its key.
///
/// ```no_run
/// use datalake_aws::config::Settings;
/// use datalake_aws::ssm::SsmSecrets;
/// use datalake_core::Secrets;
///
/// # async fn example() -> datalake_core::Result<()> {
/// let secrets = Secrets::new().store(SsmSecrets::new(&Settings::new().load().await));
/// let key = secrets.credential("ssm:/shop/prod/api-key")?;
/// # let _ = key;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SsmSecrets {
    client: Client,
}

impl SsmSecrets {
    /// The Parameter Store of a configuration's account and region.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(&config::disciplined(config)) }
    }
}

#[async_trait]
impl SecretStore for SsmSecrets {
    fn scheme(&self) -> &'static str {
        "ssm"
    }

    async fn fetch(&self, name: &SecretRef) -> Result<Secret> {
        let got = self.client.get_parameter().name(name.id()).with_decryption(true).send().await;
        let got = got.map_err(|cause| error::classify("the parameter was not read", &cause))?;
        let value = got.parameter.and_then(|parameter| parameter.value);
        value.map(Secret::new).ok_or_else(|| Error::new(ErrorKind::NotFound, "the parameter has no value"))
    }
}
