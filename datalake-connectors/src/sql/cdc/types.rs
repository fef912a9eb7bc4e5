//! Types that a database has of its own.

use datalake_core::Result;

use super::relation::Types;
use crate::sql::catalog::kinds;
use crate::sql::connection::{SESSION, Server};
use crate::sql::value::Kind;

/// Looks up what the values of some types mean, over a connection of its own. Those that every database has are known.
pub(super) async fn look_up(server: &Server, oids: impl IntoIterator<Item = u32>) -> Result<Types> {
    let own: Vec<u32> = oids.into_iter().filter(|oid| Kind::built_in(*oid).is_none()).collect();
    if own.is_empty() {
        return Ok(Types::default());
    }
    let session: Vec<(&str, String)> =
        SESSION.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let connection = server.connect("datalake", &session).await?;
    Ok(Types(kinds(&connection, own).await?.into_iter().collect()))
}
