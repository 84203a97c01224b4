use std::time::{Duration, SystemTime};

use domain::Digest;
use rusqlite::Connection;

use crate::columns::{from_name, unsigned};
use crate::writer::Writer;
use crate::{Ledger, LedgerError, Process, RunId};

/// Errors are kept up to this many characters.
const MAX_DETAIL: usize = 500;

/// A call that may have been made, and paid for, without leaving an answer:
/// its process died in the middle of it, or it was cancelled and the question asked again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AmbiguousCall {
    /// The attempt, counted over the whole ledger.
    pub attempt: u64,
    /// The key of its question.
    pub key: Digest,
    /// Whether a model or the judge was called: `ask` or `judge`.
    pub kind: String,
    /// The problem it was made for.
    pub problem: String,
    /// When it began; microseconds since 1970 in JSON.
    #[serde(rename = "started_at_us", serialize_with = "serialize_time")]
    pub started_at: SystemTime,
    /// The process that made it.
    pub process: Process,
    /// The call was given up by its own program, which did not die.
    pub cancelled: bool,
    /// The question was asked again since: it was perhaps paid for twice.
    pub asked_again: bool,
}

/// A committed attempt whose call is in the air. Dropped without an end, it is recorded as cancelled.
pub(crate) struct OpenAttempt {
    id: i64,
    writer: Option<Writer>,
}

impl OpenAttempt {
    /// Watches over an attempt that [`begin`] recorded and that is on disk.
    pub(crate) fn new(id: i64, writer: Writer) -> OpenAttempt {
        OpenAttempt {
            id,
            writer: Some(writer),
        }
    }

    /// The id of the attempt, whose end is now the caller's to record; if the caller fails, it stays open.
    pub(crate) fn defuse(mut self) -> i64 {
        self.writer = None;
        self.id
    }
}

impl Drop for OpenAttempt {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            let id = self.id;
            // Nobody is left to hear of a failure; the attempt then stays open, which is the truth.
            drop(writer.post(
                move |connection| end(connection, id, "cancelled", None),
                drop,
            ));
        }
    }
}

/// Records the beginning of an attempt and returns its id.
pub(crate) fn begin(
    connection: &Connection,
    question: i64,
    run: i64,
    problem: &str,
    process: &Process,
) -> rusqlite::Result<i64> {
    let repeats = left_unsure(connection, question)?;
    connection
        .prepare_cached(
            "INSERT INTO attempts (question, run, problem, process, started_at, repeats)
             VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .insert((
            question,
            run,
            problem,
            process_row(connection, process)?,
            now(),
            repeats,
        ))
}

/// Records the end of an attempt.
pub(crate) fn end(
    connection: &Connection,
    attempt: i64,
    ended: &str,
    detail: Option<&str>,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE attempts SET ended = ?, ended_at = ?, detail = ? WHERE id = ?")?
        .execute((ended, now(), detail, attempt))
        .map(drop)
}

/// An error as it is kept: one line of limited length.
pub(crate) fn detail(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(MAX_DETAIL).collect()
}

/// The last attempt at a question that was cancelled, or that a dead process left open.
fn left_unsure(connection: &Connection, question: i64) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT attempts.id, ended IS NOT NULL, boot, pid_namespace, pid, start_ticks
         FROM attempts JOIN processes ON processes.id = attempts.process
         WHERE question = ? AND (ended IS NULL OR ended = 'cancelled') ORDER BY attempts.id DESC",
    )?;
    let mut rows = statement.query([question])?;
    while let Some(row) = rows.next()? {
        if row.get(1)? || !process(row, 2)?.is_alive() {
            return row.get(0).map(Some);
        }
    }
    Ok(None)
}

fn process_row(connection: &Connection, process: &Process) -> rusqlite::Result<i64> {
    let identity = (
        &process.boot,
        &process.pid_namespace,
        process.pid,
        process.start_ticks,
    );
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO processes (boot, pid_namespace, pid, start_ticks) VALUES (?, ?, ?, ?)",
        )?
        .execute(identity)?;
    connection
        .prepare_cached(
            "SELECT id FROM processes WHERE boot = ? AND pid_namespace = ? AND pid = ? AND start_ticks = ?",
        )?
        .query_row(identity, |row| row.get(0))
}

fn process(row: &rusqlite::Row<'_>, first_column: usize) -> rusqlite::Result<Process> {
    Ok(Process {
        boot: row.get(first_column)?,
        pid_namespace: row.get(first_column + 1)?,
        pid: row.get(first_column + 2)?,
        start_ticks: row.get(first_column + 3)?,
    })
}

/// Microseconds since 1970.
pub(crate) fn now() -> i64 {
    microseconds(SystemTime::now())
}

fn microseconds(time: SystemTime) -> i64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The reverse of [`now`].
pub(crate) fn time(microseconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(unsigned(microseconds))
}

/// A point in time as microseconds since 1970.
pub(crate) fn serialize_time<S: serde::Serializer>(
    time: &SystemTime,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(microseconds(*time))
}

impl Ledger {
    /// Calls of a run that were perhaps made and left no answer, oldest first.
    /// A call that is in the air in a living process is not among them.
    ///
    /// # Errors
    /// When the run is unknown or the database fails.
    pub fn ambiguous(&self, run: &RunId) -> Result<Vec<AmbiguousCall>, LedgerError> {
        let run = self.run_row(run)?;
        let unsure = self.readers().with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT attempts.id, key, kind, problem, started_at, boot, pid_namespace, pid, start_ticks,
                    ended IS NOT NULL,
                    EXISTS (SELECT 1 FROM attempts AS later WHERE later.repeats = attempts.id)
                    OR EXISTS (SELECT 1 FROM replies WHERE replies.question = attempts.question)
                    OR EXISTS (SELECT 1 FROM judgings WHERE judgings.question = attempts.question)
                 FROM attempts
                    JOIN questions ON questions.id = attempts.question
                    JOIN processes ON processes.id = attempts.process
                 WHERE +run = ? AND (ended IS NULL OR ended = 'cancelled') ORDER BY attempts.id",
            )?;
            let rows = statement.query_map([run], |row| {
                Ok(AmbiguousCall {
                    attempt: unsigned(row.get(0)?),
                    key: from_name(row.get_ref(1)?.as_str()?)?,
                    kind: row.get(2)?,
                    problem: row.get(3)?,
                    started_at: time(row.get(4)?),
                    process: process(row, 5)?,
                    cancelled: row.get(9)?,
                    asked_again: row.get(10)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let ambiguous = |call: &AmbiguousCall| match call.cancelled {
            true => call.asked_again,
            false => !call.process.is_alive(),
        };
        Ok(unsure.into_iter().filter(ambiguous).collect())
    }
}
