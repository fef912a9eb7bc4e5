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
    oid: u32,
    /// Which of its rows, if not all.
    filter: String,
    partitioned: bool,
}

impl Table {
    /// Reads `schema.table`, or a table of `public`, as SQL does: what is not between quotes is in small letters. `None` if it
    /// is none.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (first, rest) = part(name)?;
        let (schema, table) = match rest.strip_prefix('.') {
            Some(rest) => match part(rest)? {
                (table, "") => (first, table),
                _ => return None,
            },
            None if rest.is_empty() => ("public".into(), first),
            None => return None,
        };
        Some(Self { schema, table })
    }

    fn sql(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.table))
    }
}

/// One part of a name, and what follows it.
fn part(text: &str) -> Option<(String, &str)> {
    let (part, rest) = match text.strip_prefix('"') {
        Some(mut rest) => {
            let mut part = String::new();
            loop {
                let (before, after) = rest.split_once('"')?;
                part.push_str(before);
                match after.strip_prefix('"') {
                    Some(after) => {
                        part.push('"');
                        rest = after;
                    }
                    None => break (part, after),
                }
            }
        }
        None => {
            let (part, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
            (part.to_lowercase(), rest)
        }
    };
    (!part.is_empty() && !part.contains('\0')).then_some((part, rest))
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

    /// A query that gives a row if the table is not what it was when the transaction began. What rewrites a table, or removes
    /// what is in it, hides its rows from every state of before, and tells nobody.
    pub(super) fn is_another(&self) -> String {
        let Relation { schema, table, .. } = &self.relation;
        let (oid, name) = (self.oid, literal(&format!("{}.{}", identifier(schema), identifier(table))));
        let partitions = match self.partitioned {
            true => "UNION ALL SELECT i.inhrelid FROM pg_inherits i JOIN part ON i.inhparent = part.oid",
            false => "",
        };
        // The catalogue is read as it was, and what the functions say is so now.
        format!(
            "WITH RECURSIVE part (oid) AS (SELECT {oid}::oid {partitions}) \
             SELECT c.relname FROM part JOIN pg_class c ON c.oid = part.oid WHERE c.relkind IN ('r', 'm') \
             AND c.relfilenode IS DISTINCT FROM pg_relation_filenode(c.oid) \
             UNION ALL SELECT {name} WHERE to_regclass({name}) IS DISTINCT FROM {oid}::oid"
        )
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
        |table: &Table| rows.iter().any(|row| row.text(0) == table.schema && row.text(1) == table.table);
    for table in tables {
        if !published(table) && !by_partitions(wire, name, table).await? {
            return Err(Error::config("the publication has not all the tables that are asked for")
                .component(SYSTEM)
                .with("publication", name)
                .with("table", format_args!("{}.{}", table.schema, table.table)));
        }
    }
    Ok(())
}

/// Whether a table is published by its partitions, every one of them.
async fn by_partitions(wire: &mut Wire, name: &str, table: &Table) -> Result<bool> {
    let sql = format!(
        "WITH RECURSIVE part (oid) AS (SELECT c.oid FROM pg_class c WHERE c.oid = to_regclass({}) AND c.relkind = 'p' \
         UNION ALL SELECT i.inhrelid FROM pg_inherits i JOIN part ON i.inhparent = part.oid) \
         SELECT coalesce(bool_and(p.pubname IS NOT NULL) FILTER (WHERE c.relkind <> 'p'), \
         bool_or(r.prrelid IS NOT NULL), false) \
         FROM part JOIN pg_class c ON c.oid = part.oid JOIN pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_publication_tables p ON p.pubname = {name} AND p.schemaname = n.nspname AND p.tablename = c.relname \
         LEFT JOIN (pg_publication_rel r JOIN pg_publication o ON o.oid = r.prpubid AND o.pubname = {name}) \
         ON r.prrelid = c.oid",
        literal(&table.sql()),
        name = literal(name)
    );
    Ok(wire.query(&sql).await?.first().is_some_and(|row| row.text(0) == "t"))
}

/// The tables of a publication, with the columns that are published.
pub(super) async fn published(wire: &mut Wire, server: &Server, name: &str) -> Result<Vec<Published>> {
    let sql = format!(
        "SELECT p.schemaname, p.tablename, c.relreplident, to_jsonb(p)->>'rowfilter', c.relkind = 'p', \
         a.attname, a.atttypid, coalesce(k.key, false) OR c.relreplident = 'f', c.oid \
         FROM pg_publication_tables p \
         JOIN pg_namespace n ON n.nspname = p.schemaname \
         JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         AND coalesce(to_jsonb(a)->>'attgenerated', '') = '' \
         LEFT JOIN pg_index i ON i.indexrelid = pg_get_replica_identity_index(c.oid) \
         LEFT JOIN LATERAL (SELECT true AS key FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, n) \
         WHERE k.attnum = a.attnum AND n <= coalesce((to_jsonb(i)->>'indnkeyatts')::int, i.indnatts)) k ON true \
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
                oid: row.parse(8).unwrap_or_default(),
                filter: row.text(3).into(),
                partitioned: row.text(4) == "t",
            }),
        }
    }
    Ok(tables)
}
