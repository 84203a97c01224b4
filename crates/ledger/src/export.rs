use std::io::Write;

use domain::{Ask, Digest, Judging, Reply, Submission};
use rusqlite::Connection;
use serde::Serialize;
use serde_json::Value;

use crate::columns::{from_name, unsigned};
use crate::error::ExportError;
use crate::outcomes::decode;
use crate::stored;
use crate::{Ledger, RunId, RunSummary};

/// One line of an export. `schema` says which, so that a reader can skip what it does not know.
#[derive(Serialize)]
#[serde(tag = "schema")]
enum Line<'a> {
    #[serde(rename = "mapcoder.run/1")]
    Run {
        run: &'a str,
        summary: &'a RunSummary,
    },
    #[serde(rename = "mapcoder.exchange/1")]
    Exchange {
        run: &'a str,
        problem: String,
        key: Digest,
        fresh: bool,
        ask: Ask,
        reply: Reply,
    },
    #[serde(rename = "mapcoder.judging/1")]
    Judging {
        run: &'a str,
        problem: String,
        key: Digest,
        fresh: bool,
        toolchain: String,
        submission: Submission,
        judging: Judging,
    },
    #[serde(rename = "mapcoder.outcome/1")]
    Outcome {
        run: &'a str,
        problem: String,
        outcome: Value,
    },
    #[serde(rename = "mapcoder.attempt/1")]
    Attempt {
        run: &'a str,
        problem: String,
        attempt: u64,
        key: Digest,
        started_at_us: i64,
        ended_at_us: Option<i64>,
        ended: Option<String>,
        detail: Option<String>,
        repeats: Option<u64>,
    },
}

impl Ledger {
    /// Writes a run as JSON lines: the run, then its exchanges and judgings in order, its outcomes, and its attempts.
    /// It shows one moment, whatever is recorded meanwhile, and holds one line in memory.
    ///
    /// # Errors
    /// When the run is unknown, the database fails, or the output does.
    pub fn export(&self, run: &RunId, output: &mut impl Write) -> Result<(), ExportError> {
        let row = self.run_row(run)?;
        let summary = self.run(run.as_str())?;
        let mut failure = None;
        let mut emit = |line: &Line<'_>| {
            let written = serde_json::to_writer(&mut *output, line)
                .map_err(std::io::Error::from)
                .and_then(|()| output.write_all(b"\n"));
            written.map_err(|error| {
                failure = Some(error);
                // Only ends the reading; the caller sees `failure`.
                rusqlite::Error::InvalidQuery
            })
        };
        let read = self.readers().with(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            emit(&Line::Run {
                run: run.as_str(),
                summary: &summary,
            })?;
            answers(&snapshot, row, run, &mut emit)?;
            outcomes(&snapshot, row, run, &mut emit)?;
            attempts(&snapshot, row, run, &mut emit)
        });
        match failure {
            Some(error) => Err(ExportError::Output(error)),
            None => Ok(read?),
        }
    }
}

type Emit<'a> = dyn FnMut(&Line<'_>) -> rusqlite::Result<()> + 'a;

fn answers(
    connection: &Connection,
    row: i64,
    run: &RunId,
    emit: &mut Emit<'_>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT question, problem, key, fresh, agent
         FROM uses JOIN questions ON questions.id = uses.question WHERE run = ? ORDER BY uses.id",
    )?;
    let mut rows = statement.query([row])?;
    while let Some(row) = rows.next()? {
        let question = row.get(0)?;
        let problem = row.get(1)?;
        let key = from_name(row.get_ref(2)?.as_str()?)?;
        let fresh = row.get(3)?;
        if let Some(agent) = row.get_ref(4)?.as_str_or_null()? {
            let Some(exchange) = stored::load_exchange(connection, question)? else {
                continue;
            };
            emit(&Line::Exchange {
                run: run.as_str(),
                problem,
                key,
                fresh,
                ask: Ask {
                    agent: from_name(agent)?,
                    ..exchange.ask
                },
                reply: exchange.reply,
            })?;
        } else if let Some((submission, toolchain, judging)) =
            stored::load_judged(connection, question)?
        {
            emit(&Line::Judging {
                run: run.as_str(),
                problem,
                key,
                fresh,
                toolchain,
                submission,
                judging,
            })?;
        }
    }
    Ok(())
}

fn outcomes(
    connection: &Connection,
    row: i64,
    run: &RunId,
    emit: &mut Emit<'_>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT problem, codec, size, data FROM outcomes WHERE run = ? ORDER BY id",
    )?;
    let mut rows = statement.query([row])?;
    while let Some(row) = rows.next()? {
        emit(&Line::Outcome {
            run: run.as_str(),
            problem: row.get(0)?,
            outcome: decode(row, 1)?,
        })?;
    }
    Ok(())
}

fn attempts(
    connection: &Connection,
    row: i64,
    run: &RunId,
    emit: &mut Emit<'_>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT problem, attempts.id, key, started_at, ended_at, ended, detail, repeats
         FROM attempts JOIN questions ON questions.id = attempts.question WHERE run = ? ORDER BY attempts.id",
    )?;
    let mut rows = statement.query([row])?;
    while let Some(row) = rows.next()? {
        emit(&Line::Attempt {
            run: run.as_str(),
            problem: row.get(0)?,
            attempt: unsigned(row.get(1)?),
            key: from_name(row.get_ref(2)?.as_str()?)?,
            started_at_us: row.get(3)?,
            ended_at_us: row.get(4)?,
            ended: row.get(5)?,
            detail: row.get(6)?,
            repeats: row.get::<_, Option<i64>>(7)?.map(unsigned),
        })?;
    }
    Ok(())
}
