//! What a component must be allowed to do.

use std::fmt;

/// One action on one resource that a component needs: what the policy of a worker's role is made of. A component asks for
/// no more than it uses.
///
/// ```
/// use datalake_aws::permission::Permission;
///
/// let put = Permission::new("kinesis:PutRecords", "arn:aws:kinesis:*:*:stream/orders");
/// assert_eq!(put.to_string(), "kinesis:PutRecords on arn:aws:kinesis:*:*:stream/orders");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The action, for instance `kinesis:PutRecords`.
    pub action: &'static str,
    /// The ARN of the resource, with `*` where region and account are not known.
    pub resource: String,
}

impl Permission {
    /// An action on a resource.
    pub fn new(action: &'static str, resource: impl Into<String>) -> Self {
        Self { action, resource: resource.into() }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.action, self.resource)
    }
}
