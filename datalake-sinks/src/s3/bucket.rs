//! Making a bucket.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use datalake_aws::error::code;
use datalake_core::Result;

use super::S3Store;

impl S3Store {
    /// Makes the bucket in the region of the store unless it is there, for emulators and tests. A bucket for data is made
    /// with its policies, by the template that makes the rest.
    ///
    /// # Errors
    /// It cannot be made, or it is another account's.
    pub async fn create_bucket(&self) -> Result<()> {
        let inner = &self.inner;
        if inner.client.head_bucket().bucket(&inner.bucket).send().await.is_ok() {
            return Ok(());
        }
        let region = inner.client.config().region().map(ToString::to_string);
        let here = region.filter(|region| region != "us-east-1").map(|region| {
            let region = BucketLocationConstraint::from(region.as_str());
            CreateBucketConfiguration::builder().location_constraint(region).build()
        });
        let request = inner.client.create_bucket().bucket(&inner.bucket);
        match request.set_create_bucket_configuration(here).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some("BucketAlreadyOwnedByYou") => Ok(()),
            Err(error) => Err(inner.failed("a bucket was not made", "", &error)),
        }
    }
}
