//! Streams that are made where they lack.

use std::time::Duration;

use aws_sdk_firehose::types::{DeliveryStreamStatus, DeliveryStreamType, ExtendedS3DestinationConfiguration};
use aws_sdk_kinesis::types::StreamStatus;
use datalake_aws::SdkConfig;
use datalake_aws::error::{classify, code};
use datalake_core::{Error, ErrorKind, Result};

/// How often a stream is looked at until it can be written to, and how long between.
const LOOKS: u32 = 150;
const BETWEEN: Duration = Duration::from_secs(1);

/// Makes a stream of Kinesis if there is none, and waits until it can be written to.
pub(super) async fn stream(config: &SdkConfig, stream: &str, shards: i32) -> Result<()> {
    let client = aws_sdk_kinesis::Client::new(config);
    let arn = stream.starts_with("arn:");
    for _ in 0..LOOKS {
        let look = client.describe_stream_summary();
        let look = if arn { look.stream_arn(stream) } else { look.stream_name(stream) };
        match look.send().await {
            Ok(found) => {
                let status = found.stream_description_summary().map(|summary| summary.stream_status());
                if matches!(status, Some(StreamStatus::Active | StreamStatus::Updating)) {
                    return Ok(());
                }
            }
            Err(refused) if !arn && code(&refused) == Some("ResourceNotFoundException") => {
                let made = client.create_stream().stream_name(stream).shard_count(shards).send().await;
                match made {
                    Err(refused) if code(&refused) != Some("ResourceInUseException") => {
                        return Err(classify("the stream was not made", &refused).with("stream", stream));
                    }
                    _ => continue,
                }
            }
            Err(refused) => return Err(classify("the stream was not found", &refused).with("stream", stream)),
        }
        tokio::time::sleep(BETWEEN).await;
    }
    Err(late(stream))
}

/// Makes a delivery stream of Firehose to a bucket if there is none, and waits until it can be written to.
pub(super) async fn delivery_stream(
    config: &SdkConfig,
    stream: &str,
    bucket: Option<&str>,
    role: Option<&str>,
) -> Result<()> {
    let client = aws_sdk_firehose::Client::new(config);
    for _ in 0..LOOKS {
        match client.describe_delivery_stream().delivery_stream_name(stream).send().await {
            Ok(found) => {
                let status = found.delivery_stream_description().map(|found| found.delivery_stream_status());
                if status == Some(&DeliveryStreamStatus::Active) {
                    return Ok(());
                }
            }
            Err(refused) if code(&refused) == Some("ResourceNotFoundException") => {
                let (Some(bucket), Some(role)) = (bucket, role) else {
                    return Err(Error::new(
                        ErrorKind::NotFound,
                        "there is no such delivery stream; with --bucket and --role it is made",
                    )
                    .with("stream", stream));
                };
                let destination = ExtendedS3DestinationConfiguration::builder()
                    .bucket_arn(format!("arn:aws:s3:::{bucket}"))
                    .role_arn(role)
                    .build()
                    .map_err(|cause| Error::config("no destination").caused_by(cause))?;
                let made = client
                    .create_delivery_stream()
                    .delivery_stream_name(stream)
                    .delivery_stream_type(DeliveryStreamType::DirectPut)
                    .extended_s3_destination_configuration(destination)
                    .send()
                    .await;
                match made {
                    Err(refused) if code(&refused) != Some("ResourceInUseException") => {
                        return Err(
                            classify("the delivery stream was not made", &refused).with("stream", stream)
                        );
                    }
                    _ => continue,
                }
            }
            Err(refused) => {
                return Err(classify("the delivery stream was not found", &refused).with("stream", stream));
            }
        }
        tokio::time::sleep(BETWEEN).await;
    }
    Err(late(stream))
}

fn late(stream: &str) -> Error {
    Error::new(ErrorKind::Unavailable, "the stream is not ready").with("stream", stream)
}
