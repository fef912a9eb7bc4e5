//! What is published.

use datalake_core::{Error, ErrorKind, Result};

use super::SYSTEM;
use super::relation::{Column, Relation};
use super::types::look_up;
use super::wire::Wire;
use crate::sql::connection::{Server, identifier, literal};

/// A table by its schema and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) table: String,
}

/// A table that is published.
#[derive(Debug, Clone)]
pub(super) struct Published {
    pub(super) relation: Relation,
    /// Which of its rows, if not all.
    filter: String,
    partitioned: bool,
}

impl Table {
    /// Reads `schema.table`, or a table of `public`.
    pub(super) fn parse(name: &str) -> Self {
        let (schema, table) = name.split_once('.').unwrap_or(("public", name));
        Self { schema: schema.into(), table: table.into() }
    }

    fn sql(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.table))
    }
}

impl Published {
    /// The command that gives all its rows.
    pub(super) fn copy(&self) -> String {
        let Relation { schema, table, columns, .. } = &self.relation;
        let columns: Vec<String> = columns.iter().map(|column| identifier(&column.name)).collect();
        let only = if self.partitioned { "" } else { "ONLY " };
        let filter = match self.filter.as_str() {
            "" => String::new(),
            filter => format!(" WHERE {filter}"),
        };
        let (schema, table) = (identifier(schema), identifier(table));
        format!("COPY (SELECT {} FROM {only}{schema}.{table}{filter}) TO STDOUT", columns.join(", "))
    }
}

/// Makes the publication if there is none and we may, and checks that it has the tables that are asked for.
pub(super) async fn ensure(wire: &mut Wire, name: &str, tables: &[Table], create: bool) -> Result<()> {
    let sql = format!("SELECT 1 FROM pg_publication WHERE pubname = {}", literal(name));
    if wire.query(&sql).await?.is_empty() {
        if !create {
            let why = "there is no such publication";
            return Err(Error::new(ErrorKind::NotFound, why).component(SYSTEM).with("publication", name));
        }
        let tables: Vec<String> = tables.iter().map(Table::sql).collect();
        let sql = format!("CREATE PUBLICATION {} FOR TABLE {}", identifier(name), tables.join(", "));
        wire.query(&sql).await?;
        return Ok(());
    }
    let sql =
        format!("SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = {}", literal(name));
    let rows = wire.query(&sql).await?;
    let published =
        |table: &&Table| rows.iter().any(|row| row.text(0) == table.schema && row.text(1) == table.table);
    match tables.iter().find(|table| !published(table)) {
        Some(table) => Err(Error::config("the publication has not all the tables that are asked for")
            .component(SYSTEM)
            .with("publication", name)
            .with("table", format_args!("{}.{}", table.schema, table.table))),
        None => Ok(()),
    }
}

/// The tables of a publication, with the columns that are published.
pub(super) async fn published(wire: &mut Wire, server: &Server, name: &str) -> Result<Vec<Published>> {
    let sql = format!(
        "SELECT p.schemaname, p.tablename, c.relreplident, to_jsonb(p)->>'rowfilter', c.relkind = 'p', \
         a.attname, a.atttypid, coalesce(a.attnum = ANY(i.indkey), false) OR c.relreplident = 'f' \
         FROM pg_publication_tables p \
         JOIN pg_namespace n ON n.nspname = p.schemaname \
         JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         AND coalesce(to_jsonb(a)->>'attgenerated', '') = '' \
         LEFT JOIN pg_index i ON i.indexrelid = pg_get_replica_identity_index(c.oid) \
         WHERE p.pubname = {} AND coalesce((to_jsonb(p)->'attnames') ? a.attname::text, true) \
         ORDER BY p.schemaname, p.tablename, a.attnum",
        literal(name)
    );
    let rows = wire.query(&sql).await?;
    let types = look_up(server, rows.iter().filter_map(|row| row.parse(6))).await?;
    let mut tables: Vec<Published> = Vec::new();
    for row in rows {
        let column = Column {
            name: row.text(5).into(),
            kind: types.kind(row.parse(6).unwrap_or_default()),
            key: row.text(7) == "t",
        };
        match tables.last_mut().map(|last| &mut last.relation) {
            Some(last) if last.schema == row.text(0) && last.table == row.text(1) => {
                last.columns.push(column);
            }
            _ => tables.push(Published {
                relation: Relation {
                    schema: row.text(0).into(),
                    table: row.text(1).into(),
                    identity: row.text(2).chars().next().unwrap_or('n'),
                    columns: vec![column],
                },
                filter: row.text(3).into(),
                partitioned: row.text(4) == "t",
            }),
        }
    }
    Ok(tables)
}
