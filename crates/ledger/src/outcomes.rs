use rusqlite::{Connection, OptionalExtension as _};
use serde_json::Value;

use crate::attempts::now;
use crate::error::corrupt;
use crate::texts::{Packed, unpack};
use crate::{Ledger, LedgerError, RunId};

impl Ledger {
    /// Records the final result of a run on a problem; true when there was none.
    /// The first outcome of a problem stands, a later one is left out.
    ///
    /// # Errors
    /// When the run is unknown or the database fails.
    pub async fn record_outcome(
        &self,
        run: &RunId,
        problem: &str,
        outcome: &Value,
    ) -> Result<bool, LedgerError> {
        let run = self.run_row(run)?;
        let problem = problem.to_string();
        let packed = Packed::new(&outcome.to_string());
        self.writer()
            .submit(move |connection| store(connection, run, &problem, &packed))
            .await
    }

    /// The outcome of a run on a problem, if there is one.
    ///
    /// # Errors
    /// When the run is unknown or the database fails.
    pub fn outcome(&self, run: &RunId, problem: &str) -> Result<Option<Value>, LedgerError> {
        let run = self.run_row(run)?;
        self.readers().with(|connection| {
            connection
                .prepare_cached(
                    "SELECT codec, size, data FROM outcomes WHERE run = ? AND problem = ?",
                )?
                .query_row((run, problem), |row| decode(row, 0))
                .optional()
        })
    }

    /// What `read` makes of each outcome of a run and the id of its problem, in the order in which they were recorded.
    /// One outcome is in memory at a time: there may be many, and each holds all calls of its problem.
    ///
    /// # Errors
    /// When the run is unknown or the database fails.
    pub fn outcomes<T>(
        &self,
        run: &RunId,
        mut read: impl FnMut(String, Value) -> T,
    ) -> Result<Vec<T>, LedgerError> {
        let run = self.run_row(run)?;
        self.readers().with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT problem, codec, size, data FROM outcomes WHERE run = ? ORDER BY id",
            )?;
            statement
                .query_map([run], |row| Ok(read(row.get(0)?, decode(row, 1)?)))?
                .collect()
        })
    }
}

/// Stores an outcome unless the run has one of the problem; true when this one was stored.
pub(crate) fn store(
    connection: &Connection,
    run: i64,
    problem: &str,
    outcome: &Packed,
) -> rusqlite::Result<bool> {
    let n_rows = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO outcomes (run, problem, codec, size, data, recorded_at)
             VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute((
            run,
            problem,
            outcome.codec,
            outcome.size,
            &outcome.data,
            now(),
        ))?;
    if n_rows == 1 {
        connection
            .prepare_cached("UPDATE runs SET n_outcomes = n_outcomes + 1 WHERE id = ?")?
            .execute([run])?;
    }
    Ok(n_rows == 1)
}

/// An outcome from three neighbouring columns.
pub(crate) fn decode(row: &rusqlite::Row<'_>, first_column: usize) -> rusqlite::Result<Value> {
    let json = unpack(
        row.get(first_column)?,
        row.get(first_column + 1)?,
        row.get(first_column + 2)?,
    )?;
    serde_json::from_str(&json).map_err(corrupt)
}
