use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::LedgerError;

/// Marks the file as ours: the bytes `mapc`.
const APPLICATION_ID: i64 = 0x6d61_7063;

/// Pages that a connection keeps in memory, in KiB: keys are spread evenly, so a large ledger touches many pages.
const WRITER_CACHE_KIB: i64 = 32 << 10;
const READER_CACHE_KIB: i64 = 8 << 10;

/// How long a process waits for the write lock of another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// One step per schema version; step `n` leads from version `n` to `n + 1`. Steps are never edited, only added.
const MIGRATIONS: [&str; 1] = [include_str!("schema_1.sql")];

/// The newest schema that this version knows.
pub(crate) const SCHEMA: i64 = MIGRATIONS.len() as i64;

/// Opens the connection that writes, creating folders, file and tables as needed.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, LedgerError> {
    let refuse = |reason: String| LedgerError::Open {
        path: path.to_path_buf(),
        reason,
    };
    if path.is_dir() {
        return Err(refuse("it is a folder".into()));
    }
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)
            .map_err(|error| refuse(format!("create the folder {}: {error}", folder.display())))?;
    }
    let classify = |error: rusqlite::Error| LedgerError::of(path, &error);
    let mut connection = Connection::open(path).map_err(classify)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(classify)?;
    connection.set_prepared_statement_cache_capacity(64);
    if connection.is_readonly("main").map_err(classify)? {
        return Err(LedgerError::ReadOnly(path.to_path_buf()));
    }
    if version(&connection, path)? != SCHEMA {
        enter_wal(&connection, path)?;
        migrate(&mut connection, path)?;
    }
    connection
        .pragma_update(None, "cache_size", -WRITER_CACHE_KIB)
        .map_err(classify)?;
    // Every commit waits for the disk: neither a killed process nor a power cut loses what was acknowledged.
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(classify)?;
    Ok(connection)
}

/// Opens one more connection that only reads.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.pragma_update(None, "query_only", "ON")?;
    Ok(connection)
}

/// The schema version of the file: 0 for an empty one.
fn version(connection: &Connection, path: &Path) -> Result<i64, LedgerError> {
    let classify = |error: rusqlite::Error| LedgerError::of(path, &error);
    let number = |sql: &str| {
        connection
            .query_row(sql, (), |row| row.get::<_, i64>(0))
            .map_err(classify)
    };
    // All three are read from one state of the file: another process may be making it right now.
    connection
        .execute_batch("SAVEPOINT version")
        .map_err(classify)?;
    let numbers = [
        "PRAGMA application_id",
        "PRAGMA user_version",
        "SELECT count(*) FROM sqlite_schema",
    ]
    .map(number);
    connection
        .execute_batch("RELEASE version")
        .map_err(classify)?;
    let [owner, found, n_tables] = numbers;
    let (owner, found) = (owner?, found?);
    if owner != APPLICATION_ID && (owner != 0 || n_tables? > 0) {
        return Err(LedgerError::NotALedger(path.to_path_buf()));
    }
    if found > SCHEMA {
        return Err(LedgerError::NewerSchema {
            path: path.to_path_buf(),
            found,
            known: SCHEMA,
        });
    }
    Ok(found)
}

/// Switches the file to a write-ahead log. SQLite does not wait for locks in this one step, so this does.
fn enter_wal(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let started = Instant::now();
    loop {
        let mode = connection
            .query_row("PRAGMA journal_mode = WAL", (), |row| {
                row.get::<_, String>(0)
            })
            .map_err(|error| LedgerError::of(path, &error));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(LedgerError::Open {
                    path: path.to_path_buf(),
                    reason: format!(
                        "its file system allows no write-ahead log, only journal mode `{mode}`"
                    ),
                });
            }
            Err(LedgerError::Busy(_)) if started.elapsed() < BUSY_TIMEOUT => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error),
        }
    }
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let classify = |error: rusqlite::Error| LedgerError::of(path, &error);
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(classify)?;
    // Another process may have been faster: what counts is the version under the lock.
    let found = version(&transaction, path)?;
    for step in &MIGRATIONS[usize::try_from(found).unwrap_or_default()..] {
        transaction.execute_batch(step).map_err(classify)?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION_ID)
        .map_err(classify)?;
    transaction
        .pragma_update(None, "user_version", SCHEMA)
        .map_err(classify)?;
    transaction.commit().map_err(classify)
}
