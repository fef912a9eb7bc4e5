//! What a table or query has: its columns, and what names a row.

use super::super::catalog;
use super::super::connection::{Connection, identifier, literal};
use super::super::error;
use super::builder::From;
use super::copy::Column;
use super::same::Same;
use super::source::Plan;
use datalake_core::{Error, ErrorKind, Result};

/// The type `xid8`.
const XID8: u32 = 5069;

/// A table or query as it is now.
#[derive(Debug)]
pub(super) struct Table {
    /// What stands after FROM.
    pub(super) from: String,
    pub(super) columns: Vec<Column>,
    /// The columns of its primary key, in order.
    primary: Vec<String>,
    /// Sets of columns of which no two rows have the same values.
    unique: Vec<Vec<String>>,
    /// Its size in bytes, if samples of it can be taken.
    pub(super) size: u64,
    /// Its object id and its class in the catalogue, if it is in there.
    entry: Option<(String, String)>,
    /// Whether there is no more than Redshift has.
    plain: bool,
    /// Whether the server takes a backslash in a text for more than itself.
    escapes: bool,
}

/// A column that rows are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: String,
    /// Its type, as SQL names it.
    pub(super) of: String,
    pub(super) oid: u32,
    /// Its place among the columns.
    pub(super) at: usize,
    pub(super) filled: bool,
    /// When two values of it are equal.
    pub(super) same: Same,
    /// Whether the server takes a backslash in a text for more than itself.
    pub(super) escapes: bool,
}

impl Key {
    /// A value of it, as SQL takes it.
    pub(super) fn value(&self, text: &str) -> String {
        let escaped = self.escapes.then(|| text.replace('\\', "\\\\"));
        format!("CAST({} AS {})", literal(escaped.as_deref().unwrap_or(text)), self.of)
    }
}

impl Table {
    /// Looks at a table or query.
    pub(super) async fn look(connection: &Connection, plan: &Plan) -> Result<Self> {
        let mut table = match &plan.from {
            From::Table(name) => Self::of_table(connection, name, plan.redshift).await?,
            From::Query(query) => Self::of_query(connection, query).await?,
        };
        table.plain = plan.redshift;
        if plan.redshift {
            let plain = connection.value("SHOW standard_conforming_strings").await;
            table.escapes = plain?.is_some_and(|plain| plain != "on");
        }
        for (n, column) in table.columns.iter().enumerate() {
            if table.columns[..n].iter().any(|other| other.name == column.name) {
                return Err(Error::config("two columns have one name").with("column", &column.name));
            }
        }
        if !plan.columns.is_empty() {
            let needed = table.needed(plan)?;
            table
                .columns
                .retain(|column| plan.columns.contains(&column.name) || needed.contains(&column.name));
            for name in &plan.columns {
                table.key(name)?;
            }
        }
        Ok(table)
    }

    async fn of_table(connection: &Connection, name: &str, redshift: bool) -> Result<Self> {
        let (size, heirs) = match redshift {
            true => ("0", "false"),
            false => (
                "pg_relation_size(c.oid)",
                "c.relkind = 'r' AND EXISTS (SELECT 1 FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid)",
            ),
        };
        let found = connection
            .rows(&format!(
                "SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind, {size}, {heirs} \
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.oid = {}::regclass",
                literal(name)
            ))
            .await?;
        let Some([Some(oid), Some(from), Some(class), size, heirs]) = found.first().map(|row| &row[..])
        else {
            return Err(Error::new(ErrorKind::NotFound, "there is no such table"));
        };
        let rows = connection
            .rows(&format!(
                "SELECT attname, atttypid, format_type(atttypid, atttypmod), attnotnull \
                 FROM pg_catalog.pg_attribute WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped \
                 ORDER BY attnum"
            ))
            .await?;
        let mut columns = Vec::with_capacity(rows.len());
        for row in rows {
            let [Some(name), Some(oid), Some(of), Some(filled)] = &row[..] else { return Err(odd()) };
            let oid = oid.parse().map_err(|_| odd())?;
            columns.push((name.clone(), of.clone(), oid, filled == "t"));
        }
        let (mut primary, mut unique) = (Vec::new(), Vec::new());
        if !redshift {
            (primary, unique) = keys(connection, oid).await?;
        }
        // The keys of a table say nothing of the rows that others inherit to it.
        if heirs.as_deref() == Some("t") {
            unique.clear();
        }
        let entry = Some((oid.clone(), class.clone()));
        let sampled = matches!(class.as_str(), "r" | "m" | "p");
        let size = size.as_deref().and_then(|size| size.parse().ok()).filter(|_| sampled).unwrap_or(0);
        let (from, columns) = (from.clone(), typed(connection, columns).await?);
        Ok(Self { from, columns, primary, unique, size, entry, plain: false, escapes: false })
    }

    async fn of_query(connection: &Connection, query: &str) -> Result<Self> {
        let from = format!("({query}) AS datalake_query");
        let prepared = connection.client.prepare(&format!("SELECT * FROM {from}")).await;
        let prepared = prepared.map_err(|cause| error::of(&cause, "the query cannot be read"))?;
        let names: Vec<_> = prepared
            .columns()
            .iter()
            .map(|column| (column.name().to_owned(), column.type_().oid()))
            .collect();
        let asked: Vec<_> = names.iter().map(|(_, oid)| format!("format_type({oid}, -1)")).collect();
        let types = connection.rows(&format!("SELECT {}", asked.join(", "))).await?;
        let types = types.into_iter().next().unwrap_or_default();
        let typed_names = names.into_iter().zip(types);
        let columns =
            typed_names.map(|((name, oid), of)| (name, of.unwrap_or_default(), oid, false)).collect();
        let columns = typed(connection, columns).await?;
        let (primary, unique) = (Vec::new(), Vec::new());
        Ok(Self { from, columns, primary, unique, size: 0, entry: None, plain: false, escapes: false })
    }

    /// The columns without which the mode cannot be.
    fn needed(&self, plan: &Plan) -> Result<Vec<String>> {
        use super::mode::Of;
        let mut needed = match &plan.mode.0 {
            Of::Keyset { cursor, id, .. } => return Ok([std::slice::from_ref(cursor), id].concat()),
            Of::Xid { column } => vec![self.xid(column.as_deref())?.name],
            Of::Full { .. } => Vec::new(),
        };
        needed.extend(self.row_key(plan)?.into_iter().map(|key| key.name));
        Ok(needed)
    }

    /// A column by its name.
    pub(super) fn key(&self, name: &str) -> Result<Key> {
        let at = self.columns.iter().position(|column| column.name == name);
        let at = at.ok_or_else(|| Error::config("there is no such column").with("column", name))?;
        let Column { name, of, oid, filled, .. } = self.columns[at].clone();
        Ok(Key { name, of, oid, at, filled, same: Same::Text, escapes: self.escapes })
    }

    /// What names a row: the columns that were named, or those of the primary key.
    pub(super) fn row_key(&self, plan: &Plan) -> Result<Vec<Key>> {
        let names = if plan.key.is_empty() { &self.primary } else { &plan.key };
        if names.is_empty() {
            return Err(Error::config(
                "there is no primary key; say by which columns a row is known, with key",
            ));
        }
        names.iter().map(|name| self.key(name)).collect()
    }

    /// The column that says which transaction wrote a row.
    pub(super) fn xid(&self, name: Option<&str>) -> Result<Key> {
        let mut all = self.columns.iter().filter(|column| column.oid == XID8);
        let key = match (name, all.next(), all.next()) {
            (Some(name), ..) => self.key(name)?,
            (None, Some(column), None) => self.key(&column.name)?,
            (None, None, _) => return Err(Error::config("there is no column of the type xid8")),
            (None, Some(_), Some(_)) => {
                return Err(Error::config("there are several columns of the type xid8; name one of them"));
            }
        };
        if key.oid == XID8 {
            return Ok(key);
        }
        Err(Error::config("the column is not of the type xid8").with("column", key.name).with("type", key.of))
    }

    /// Checks that a row that is written has a value in a column, or gets one.
    pub(super) async fn fills(&self, connection: &Connection, key: &Key) -> Result<()> {
        let Some((oid, class)) = &self.entry else { return Ok(()) };
        if key.filled || !matches!(class.as_str(), "r" | "p") {
            return Ok(());
        }
        // Before an insert, for each row: 1, 2 and 4.
        let asked = format!(
            "SELECT 1 FROM pg_catalog.pg_attribute a WHERE a.attrelid = {oid} AND a.attname = {} AND (a.atthasdef \
             OR EXISTS (SELECT 1 FROM pg_catalog.pg_trigger t WHERE t.tgrelid = {oid} AND NOT t.tgisinternal \
             AND t.tgenabled <> 'D' AND t.tgtype & 7 = 7))",
            literal(&key.name)
        );
        if connection.value(&asked).await?.is_some() {
            return Ok(());
        }
        let why = "rows are written without a transaction: the column has neither a default nor a trigger that sets it";
        Err(Error::config(why).with("column", &key.name))
    }

    /// When two values of a column of a key that is not known to be unique are equal to the server.
    pub(super) async fn same(&self, connection: &Connection, key: &Key) -> Result<Same> {
        let (oid, class) = catalog::base(connection, key.oid).await?;
        let same = Same::of(oid, &class, key.of.starts_with("character("));
        let loose = match &self.entry {
            Some((table, _)) if !self.plain && matches!(oid, 25 | 1042 | 1043) => {
                let asked = format!(
                    "SELECT 1 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation \
                     WHERE a.attrelid = {table} AND a.attname = {} AND to_jsonb(c)->>'collisdeterministic' = 'false'",
                    literal(&key.name)
                );
                connection.value(&asked).await?.is_some()
            }
            _ => false,
        };
        same.filter(|_| !loose).ok_or_else(|| {
            let why = "equal values of a column of the key can be written differently, and no unique index says that no two \
                       rows have the same: rows could be passed over";
            Error::config(why).with("column", &key.name).with("type", &key.of)
        })
    }

    /// Whether it is known that no two rows have the same values in these columns.
    pub(super) fn is_unique(&self, key: &[Key]) -> bool {
        let has = |name: &String| key.iter().any(|key| key.name == *name);
        self.unique.iter().any(|set| set.iter().all(has))
    }

    /// The columns as SQL lists them.
    pub(super) fn list(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|column| identifier(&column.name)).collect();
        names.join(", ")
    }
}

async fn typed(connection: &Connection, columns: Vec<(String, String, u32, bool)>) -> Result<Vec<Column>> {
    let kinds = catalog::kinds(connection, columns.iter().map(|(_, _, oid, _)| *oid)).await?;
    let columns = columns.into_iter();
    let columns = columns.map(|(name, of, oid, filled)| {
        let kind = kinds.get(&oid).cloned().ok_or_else(odd)?;
        Ok(Column { name, of, oid, kind, filled })
    });
    columns.collect()
}

/// The primary key of a table, and all sets of columns that are unique.
async fn keys(connection: &Connection, oid: &str) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    let rows = connection
        .rows(&format!(
            "SELECT i.indexrelid, i.indisprimary, a.attname FROM pg_catalog.pg_index i \
             CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, n) \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
             WHERE i.indrelid = {oid} AND i.indisunique AND i.indisvalid AND i.indimmediate \
             AND i.indpred IS NULL AND i.indexprs IS NULL AND k.n <= i.indnkeyatts ORDER BY i.indexrelid, k.n"
        ))
        .await?;
    let (mut primary, mut unique, mut last) = (Vec::new(), Vec::<Vec<String>>::new(), String::new());
    for row in rows {
        let [Some(index), Some(is_primary), Some(name)] = &row[..] else { return Err(odd()) };
        if *index != last {
            unique.push(Vec::new());
            last.clone_from(index);
        }
        if is_primary == "t" {
            primary.push(name.clone());
        }
        unique.last_mut().into_iter().for_each(|set| set.push(name.clone()));
    }
    Ok((primary, unique))
}

fn odd() -> Error {
    Error::unexpected("the catalogue of the database says nothing of a column")
}
