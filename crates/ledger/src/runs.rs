use std::fmt;
use std::time::SystemTime;

use domain::{Digest, Usage};
use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::attempts::{now, serialize_time, time};
use crate::columns::{signed, unsigned};
use crate::error::corrupt;
use crate::{Ledger, LedgerError};

/// What a run is: equal specs are the same run, continued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    /// What was started, such as `eval humaneval`.
    pub command: String,
    /// Every setting that the results depend on, and nothing else.
    pub settings: Value,
}

impl RunSpec {
    /// The name of the run: twelve digits of the digest of the spec. The order of keys in the settings plays no part.
    pub fn id(&self) -> RunId {
        let digest = Digest::of_json(&("run/1", &self.command, sorted(&self.settings)));
        RunId(digest.short().to_string())
    }
}

/// The name of a run in a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub(crate) String);

impl RunId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A run in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// Its name.
    pub id: RunId,
    /// What it is.
    pub spec: RunSpec,
    /// When it was started for the first time; microseconds since 1970 in JSON.
    #[serde(rename = "created_at_us", serialize_with = "serialize_time")]
    pub created_at: SystemTime,
    /// When it was started for the last time; microseconds since 1970 in JSON.
    #[serde(rename = "last_started_at_us", serialize_with = "serialize_time")]
    pub last_started_at: SystemTime,
    /// How often it was started.
    pub n_starts: u64,
    /// Replies that it rests on.
    pub n_asks: u64,
    /// Judgings that it rests on.
    pub n_judgings: u64,
    /// Of both, those that were recorded by another run.
    pub n_reused: u64,
    /// Problems with an outcome.
    pub n_outcomes: u64,
    /// Tokens of all replies that it rests on.
    pub usage: Usage,
    /// What its own calls cost; absent without prices.
    pub cost: Option<f64>,
}

const COLUMNS: &str =
    "name, command, settings, created_at, last_started_at, n_starts, n_asks, n_judgings,
    n_reused, n_outcomes, prompt_tokens, cached_tokens, completion_tokens, cost";

impl Ledger {
    /// Starts a run, or continues the one with the same spec.
    ///
    /// # Errors
    /// When the database fails.
    pub fn begin_run(&self, spec: &RunSpec) -> Result<RunId, LedgerError> {
        let run = spec.id();
        let (name, command) = (run.0.clone(), spec.command.clone());
        let settings = sorted(&spec.settings).to_string();
        self.writer().submit_blocking(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO runs (name, command, settings, created_at, last_started_at)
                     VALUES (?1, ?2, ?3, ?4, ?4)
                     ON CONFLICT (name) DO UPDATE SET n_starts = n_starts + 1, last_started_at = ?4",
                )?
                .execute((name, command, settings, now()))
                .map(drop)
        })?;
        Ok(run)
    }

    /// All runs, the last started first. Reads one row per run.
    ///
    /// # Errors
    /// When the database fails.
    pub fn runs(&self) -> Result<Vec<RunSummary>, LedgerError> {
        self.readers().with(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM runs ORDER BY last_started_at DESC, id DESC");
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_map((), summary)?.collect()
        })
    }

    /// One run by its name or the first digits of it.
    ///
    /// # Errors
    /// When no run or several runs begin so, or the database fails.
    pub fn run(&self, name: &str) -> Result<RunSummary, LedgerError> {
        let mut found = self.readers().with(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM runs WHERE substr(name, 1, length(?1)) = ?1 LIMIT 2"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            statement
                .query_map([name], summary)?
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        match found.pop() {
            Some(_) if !found.is_empty() => Err(LedgerError::SeveralRuns(name.to_string())),
            Some(run) => Ok(run),
            None => Err(LedgerError::UnknownRun(name.to_string())),
        }
    }
}

/// Adds a run that was started elsewhere, unless there is one with the same spec. Times are microseconds since 1970:
/// when it was started for the first and for the last time.
pub(crate) fn insert(
    connection: &Connection,
    spec: &RunSpec,
    started_us: (i64, i64),
    n_starts: u64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO runs (name, command, settings, created_at, last_started_at, n_starts)
             VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute((
            spec.id().0,
            &spec.command,
            sorted(&spec.settings).to_string(),
            started_us.0,
            started_us.1,
            signed(n_starts),
        ))
        .map(drop)
}

/// The row of a run.
pub(crate) fn find_row(connection: &Connection, run: &RunId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM runs WHERE name = ?")?
        .query_row([run.as_str()], |row| row.get(0))
        .optional()
}

fn summary(row: &rusqlite::Row<'_>) -> rusqlite::Result<RunSummary> {
    Ok(RunSummary {
        id: RunId(row.get(0)?),
        spec: RunSpec {
            command: row.get(1)?,
            settings: serde_json::from_str(row.get_ref(2)?.as_str()?).map_err(corrupt)?,
        },
        created_at: time(row.get(3)?),
        last_started_at: time(row.get(4)?),
        n_starts: unsigned(row.get(5)?),
        n_asks: unsigned(row.get(6)?),
        n_judgings: unsigned(row.get(7)?),
        n_reused: unsigned(row.get(8)?),
        n_outcomes: unsigned(row.get(9)?),
        usage: Usage {
            prompt_tokens: unsigned(row.get(10)?),
            cached_tokens: unsigned(row.get(11)?),
            completion_tokens: unsigned(row.get(12)?),
        },
        cost: row.get(13)?,
    })
}

/// The same value with the keys of every object in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            Value::Object(
                fields
                    .into_iter()
                    .map(|(name, value)| (name.clone(), sorted(value)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}
