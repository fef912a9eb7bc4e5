//! Workers in AWS Lambda.

pub mod firehose;
