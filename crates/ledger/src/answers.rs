//! How answers lie in the database.

use std::time::Duration;

use domain::{Finish, Judging, Reply, Usage};
use rusqlite::{Connection, OptionalExtension as _};

use crate::columns::{from_name, nanoseconds, signed, unsigned};
use crate::error::corrupt;
use crate::texts::{self, Text};

/// A reply on its way into the database.
pub(crate) struct ReplyRow {
    text: Text,
    finish: Finish,
    usage: Usage,
    wall: Duration,
    cost: Option<f64>,
}

impl ReplyRow {
    pub(crate) fn of(connection: &Connection, reply: &Reply) -> rusqlite::Result<ReplyRow> {
        Ok(ReplyRow {
            text: texts::prepare(connection, &reply.text)?,
            finish: reply.finish,
            usage: reply.usage,
            wall: reply.wall,
            cost: reply.cost,
        })
    }

    /// Stores the reply unless the question has one; true when this one was stored.
    pub(crate) fn store(&self, connection: &Connection, question: i64) -> rusqlite::Result<bool> {
        let text = texts::store(connection, &self.text)?;
        let finish = match self.finish {
            Finish::Stop => "stop",
            Finish::Length => "length",
            Finish::Other => "other",
        };
        let n_rows = connection
            .prepare_cached("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?
            .execute((
                question,
                text,
                finish,
                signed(self.usage.prompt_tokens),
                signed(self.usage.cached_tokens),
                signed(self.usage.completion_tokens),
                nanoseconds(self.wall),
                self.cost,
            ))?;
        Ok(n_rows == 1)
    }
}

pub(crate) fn load_reply(
    connection: &Connection,
    question: i64,
) -> rusqlite::Result<Option<Reply>> {
    let row = connection
        .prepare_cached(
            "SELECT text, finish, prompt_tokens, cached_tokens, completion_tokens, wall, cost
             FROM replies WHERE question = ?",
        )?
        .query_row([question], |row| {
            let reply = Reply {
                text: String::new(),
                finish: from_name(row.get_ref(1)?.as_str()?)?,
                usage: Usage {
                    prompt_tokens: unsigned(row.get(2)?),
                    cached_tokens: unsigned(row.get(3)?),
                    completion_tokens: unsigned(row.get(4)?),
                },
                wall: Duration::from_nanos(unsigned(row.get(5)?)),
                cost: row.get(6)?,
            };
            Ok((row.get::<_, i64>(0)?, reply))
        })
        .optional()?;
    let Some((text, mut reply)) = row else {
        return Ok(None);
    };
    reply.text = texts::load(connection, text)?;
    Ok(Some(reply))
}

/// A judging on its way into the database.
pub(crate) struct JudgingRow {
    verdict: &'static str,
    n_cases: usize,
    n_passed: usize,
    wall: Duration,
    body: Text,
}

impl JudgingRow {
    pub(crate) fn of(connection: &Connection, judging: &Judging) -> rusqlite::Result<JudgingRow> {
        let body = serde_json::to_string(judging).map_err(corrupt)?;
        Ok(JudgingRow {
            verdict: judging.verdict.name(),
            n_cases: judging.cases.len(),
            n_passed: judging.n_passed(),
            wall: judging.cases.iter().map(|case| case.wall).sum(),
            body: texts::prepare(connection, &body)?,
        })
    }

    /// Stores the judging unless the question has one; true when this one was stored.
    pub(crate) fn store(&self, connection: &Connection, question: i64) -> rusqlite::Result<bool> {
        let body = texts::store(connection, &self.body)?;
        let n_rows = connection
            .prepare_cached("INSERT OR IGNORE INTO judgings VALUES (?, ?, ?, ?, ?, ?)")?
            .execute((
                question,
                self.verdict,
                signed(self.n_cases as u64),
                signed(self.n_passed as u64),
                nanoseconds(self.wall),
                body,
            ))?;
        Ok(n_rows == 1)
    }
}

pub(crate) fn load_judging(
    connection: &Connection,
    question: i64,
) -> rusqlite::Result<Option<Judging>> {
    let body = connection
        .prepare_cached("SELECT body FROM judgings WHERE question = ?")?
        .query_row([question], |row| row.get(0))
        .optional()?;
    let Some(body) = body else {
        return Ok(None);
    };
    let json = texts::load(connection, body)?;
    serde_json::from_str(&json).map_err(corrupt).map(Some)
}
