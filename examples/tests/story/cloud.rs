//! The account in which the story happens: plain requests to an emulator, without a client of ours in between.

use bytes::Bytes;
use datalake_simulators::emulator::{CREDENTIALS, Emulator, REGION};
use http_body_util::{BodyExt, Full};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// An account at an emulator.
pub(crate) struct Cloud {
    authority: String,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Cloud {
    pub(crate) fn new(emulator: &Emulator) -> Self {
        Self { authority: emulator.endpoint().trim_start_matches("http://").to_owned() }
    }

    /// Calls an operation of a service that speaks JSON.
    pub(crate) async fn json(&self, service: &str, version: &str, target: &str, input: Value) -> Value {
        let headers = [
            ("content-type", format!("application/x-amz-json-{version}")),
            ("x-amz-target", target.to_owned()),
        ];
        let answer = self.send(service, "POST", "/", &headers, input.to_string()).await;
        assert!(answer.status.is_success(), "{target}: {} {:?}", answer.status, answer.body);
        serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
    }

    /// Makes the pipeline's key, and gives its ARN.
    pub(crate) async fn key(&self) -> String {
        let made = self.json("kms", "1.1", "TrentService.CreateKey", json!({})).await;
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    /// Keeps a secret in the Parameter Store, under the key.
    pub(crate) async fn secret(&self, name: &str, value: &str, key: &str) {
        let input =
            json!({"Name": name, "Value": value, "Type": "SecureString", "KeyId": key, "Overwrite": true});
        self.json("ssm", "1.1", "AmazonSSM.PutParameter", input).await;
    }

    /// Makes a bucket that encrypts with the key whatever is put without saying how.
    pub(crate) async fn bucket(&self, name: &str, key: &str) {
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        self.s3("PUT", &format!("/{name}"), place).await;
        let encryption = format!(
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
             <SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>{key}</KMSMasterKeyID>\
             </ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled></Rule>\
             </ServerSideEncryptionConfiguration>"
        );
        self.s3("PUT", &format!("/{name}?encryption"), encryption).await;
    }

    /// Makes a stream of one shard, and gives its ARN.
    pub(crate) async fn stream(&self, name: &str) -> String {
        let input = json!({"StreamName": name, "ShardCount": 1});
        self.json("kinesis", "1.1", "Kinesis_20131202.CreateStream", input).await;
        let input = json!({"StreamName": name});
        let found = self.json("kinesis", "1.1", "Kinesis_20131202.DescribeStreamSummary", input).await;
        found["StreamDescriptionSummary"]["StreamARN"].as_str().unwrap().to_owned()
    }

    /// How many records a stream of one shard holds.
    pub(crate) async fn records(&self, name: &str) -> usize {
        let shard = "shardId-000000000000";
        let input = json!({"StreamName": name, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
        let found = self.json("kinesis", "1.1", "Kinesis_20131202.GetShardIterator", input).await;
        let input = json!({"ShardIterator": found["ShardIterator"]});
        let found = self.json("kinesis", "1.1", "Kinesis_20131202.GetRecords", input).await;
        found["Records"].as_array().unwrap().len()
    }

    /// Makes a function of an archive, which a bucket holds, and gives its ARN.
    pub(crate) async fn function(&self, name: &str, archive: (&str, &str), variables: Value) -> String {
        let input = json!({
            "FunctionName": name, "Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": 60,
            "Role": ROLE, "Code": {"S3Bucket": archive.0, "S3Key": archive.1},
            "Environment": {"Variables": variables},
        });
        let answer = self.send("lambda", "POST", "/2015-03-31/functions", &[], input.to_string()).await;
        assert!(answer.status.is_success(), "{} {:?}", answer.status, answer.body);
        let made: Value = serde_json::from_slice(&answer.body).unwrap();
        made["FunctionArn"].as_str().unwrap().to_owned()
    }

    /// Gives a function an event, and takes its answer.
    pub(crate) async fn invoke(&self, name: &str, event: Value) -> Value {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let answer = self.send("lambda", "POST", &path, &[], event.to_string()).await;
        let failed = answer.headers.get("x-amz-function-error");
        assert!(answer.status.is_success() && failed.is_none(), "{failed:?} {:?}", answer.body);
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Carries a stream through a function into a bucket.
    pub(crate) async fn delivery(&self, name: &str, stream: &str, function: &str, bucket: &str, key: &str) {
        let input = json!({
            "DeliveryStreamName": name,
            "DeliveryStreamType": "KinesisStreamAsSource",
            "KinesisStreamSourceConfiguration": {"KinesisStreamARN": stream, "RoleARN": ROLE},
            "ExtendedS3DestinationConfiguration": {
                "RoleARN": ROLE,
                "BucketARN": format!("arn:aws:s3:::{bucket}"),
                "Prefix": "transformed/",
                "ErrorOutputPrefix": "failed/!{firehose:error-output-type}/",
                "EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": key}},
                "ProcessingConfiguration": {"Enabled": true, "Processors": [{
                    "Type": "Lambda",
                    "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": function}],
                }]},
            },
        });
        self.json("firehose", "1.1", "Firehose_20150804.CreateDeliveryStream", input).await;
    }

    /// Takes a delivery away.
    pub(crate) async fn no_delivery(&self, name: &str) {
        let input = json!({"DeliveryStreamName": name});
        self.json("firehose", "1.1", "Firehose_20150804.DeleteDeliveryStream", input).await;
    }

    /// Takes a function away, and with it the processes that serve it.
    pub(crate) async fn no_function(&self, name: &str) {
        let path = format!("/2015-03-31/functions/{name}");
        let answer = self.send("lambda", "DELETE", &path, &[], "").await;
        assert!(answer.status.is_success(), "{} {:?}", answer.status, answer.body);
    }

    /// The keys of the objects under a prefix.
    pub(crate) async fn list(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let listed = self.s3("GET", &format!("/{bucket}?list-type=2&prefix={prefix}"), "").await;
        let text = String::from_utf8(listed.body.to_vec()).unwrap();
        let keys = text.split("<Key>").skip(1);
        keys.map(|rest| rest.split_once("</Key>").unwrap().0.to_owned()).collect()
    }

    /// Calls S3 by path.
    pub(crate) async fn s3(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        let answer = self.send("s3", method, path, &[], body).await;
        assert!(answer.status.is_success(), "{method} {path}: {} {:?}", answer.status, answer.body);
        answer
    }

    async fn send(
        &self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: impl Into<Bytes>,
    ) -> Answer {
        // Region and service are taken from the scope; the signature itself is not checked.
        let scope = format!("{}/20260101/{REGION}/{service}/aws4_request", CREDENTIALS.0);
        let mut request = Request::builder().method(method).uri(path).header("host", &self.authority).header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
        );
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let stream = TcpStream::connect(&self.authority).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driven = tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        driven.abort();
        Answer { status: head.status, headers: head.headers, body }
    }
}

const ROLE: &str = "arn:aws:iam::000000000000:role/pipeline";
