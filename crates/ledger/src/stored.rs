//! How questions and answers lie in the database.

use std::time::Duration;

use domain::{
    Agent, Ask, Checker, Digest, Exchange, Finish, Judging, Language, Limits, Message, Program,
    Reply, Role, Sampling, Submission, Test, Usage,
};
use rusqlite::{Connection, OptionalExtension as _};
use serde::de::IntoDeserializer as _;
use serde::{Deserialize, Serialize};

use crate::error::corrupt;
use crate::texts::{self, Text};

/// An [`Ask`] whose long texts are ids of the table `texts`.
#[derive(Serialize, Deserialize)]
struct StoredAsk {
    agent: Agent,
    model: String,
    messages: Vec<(Role, i64)>,
    sampling: Sampling,
    sample_idx: u32,
}

/// A [`Submission`] whose long texts are ids of the table `texts`; `tests` is their JSON.
#[derive(Serialize, Deserialize)]
struct StoredSubmission {
    language: Language,
    source: i64,
    tests: i64,
    checker: Checker,
    limits: Limits,
    stop_on_first_failure: bool,
    toolchain: String,
}

enum Body {
    Ask(StoredAsk),
    Judge(StoredSubmission),
}

/// A question on its way into the database: its texts are stored first, then their ids fill `body`.
pub(crate) struct QuestionRow {
    key: Digest,
    body: Body,
    texts: Vec<Text>,
}

impl QuestionRow {
    pub(crate) fn of_ask(
        connection: &Connection,
        key: &Digest,
        ask: &Ask,
    ) -> rusqlite::Result<Self> {
        let texts = ask
            .messages
            .iter()
            .map(|message| texts::prepare(connection, &message.content))
            .collect::<rusqlite::Result<_>>()?;
        Ok(QuestionRow {
            key: key.clone(),
            body: Body::Ask(StoredAsk {
                agent: ask.agent,
                model: ask.model.clone(),
                messages: ask
                    .messages
                    .iter()
                    .map(|message| (message.role, 0))
                    .collect(),
                sampling: ask.sampling.clone(),
                sample_idx: ask.sample_idx,
            }),
            texts,
        })
    }

    pub(crate) fn of_submission(
        connection: &Connection,
        key: &Digest,
        submission: &Submission,
        toolchain: &str,
    ) -> rusqlite::Result<Self> {
        let tests = serde_json::to_string(&submission.tests).map_err(corrupt)?;
        Ok(QuestionRow {
            key: key.clone(),
            body: Body::Judge(StoredSubmission {
                language: submission.program.language,
                source: 0,
                tests: 0,
                checker: submission.checker,
                limits: submission.limits,
                stop_on_first_failure: submission.stop_on_first_failure,
                toolchain: toolchain.to_string(),
            }),
            texts: vec![
                texts::prepare(connection, &submission.program.source)?,
                texts::prepare(connection, &tests)?,
            ],
        })
    }

    /// Stores the question if it is not there, and returns its id.
    pub(crate) fn store(mut self, connection: &Connection) -> rusqlite::Result<i64> {
        if let Some(id) = find_question(connection, &self.key)? {
            return Ok(id);
        }
        let mut ids = Vec::with_capacity(self.texts.len());
        for text in &self.texts {
            ids.push(texts::store(connection, text)?);
        }
        let (kind, json) = match &mut self.body {
            Body::Ask(ask) => {
                for (message, id) in ask.messages.iter_mut().zip(ids) {
                    message.1 = id;
                }
                ("ask", serde_json::to_string(ask))
            }
            Body::Judge(judge) => {
                (judge.source, judge.tests) = (ids[0], ids[1]);
                ("judge", serde_json::to_string(judge))
            }
        };
        connection
            .prepare_cached("INSERT INTO questions (key, kind, body) VALUES (?, ?, ?)")?
            .insert((self.key.as_str(), kind, json.map_err(corrupt)?))
    }
}

pub(crate) fn find_question(
    connection: &Connection,
    key: &Digest,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM questions WHERE key = ?")?
        .query_row([key.as_str()], |row| row.get(0))
        .optional()
}

fn question_body<T: for<'de> Deserialize<'de>>(
    connection: &Connection,
    question: i64,
) -> rusqlite::Result<T> {
    let body: String = connection
        .prepare_cached("SELECT body FROM questions WHERE id = ?")?
        .query_row([question], |row| row.get(0))?;
    serde_json::from_str(&body).map_err(corrupt)
}

/// A whole exchange; absent when the question has no answer or is not an ask.
pub(crate) fn load_exchange(
    connection: &Connection,
    question: i64,
) -> rusqlite::Result<Option<Exchange>> {
    let Some(reply) = load_reply(connection, question)? else {
        return Ok(None);
    };
    let stored: StoredAsk = question_body(connection, question)?;
    let messages = stored
        .messages
        .into_iter()
        .map(|(role, id)| {
            Ok(Message {
                role,
                content: texts::load(connection, id)?,
            })
        })
        .collect::<rusqlite::Result<_>>()?;
    let ask = Ask {
        agent: stored.agent,
        model: stored.model,
        messages,
        sampling: stored.sampling,
        sample_idx: stored.sample_idx,
    };
    Ok(Some(Exchange { ask, reply }))
}

/// A submission, the toolchain it was judged under, and the answer; absent when there is no answer.
pub(crate) fn load_judged(
    connection: &Connection,
    question: i64,
) -> rusqlite::Result<Option<(Submission, String, Judging)>> {
    let Some(judging) = load_judging(connection, question)? else {
        return Ok(None);
    };
    let stored: StoredSubmission = question_body(connection, question)?;
    let tests: Vec<Test> =
        serde_json::from_str(&texts::load(connection, stored.tests)?).map_err(corrupt)?;
    let submission = Submission {
        program: Program {
            language: stored.language,
            source: texts::load(connection, stored.source)?,
        },
        tests,
        checker: stored.checker,
        limits: stored.limits,
        stop_on_first_failure: stored.stop_on_first_failure,
    };
    Ok(Some((submission, stored.toolchain, judging)))
}

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

/// A value whose JSON form is a bare string: an enum's name, a digest.
pub(crate) fn from_name<'a, T: Deserialize<'a>>(name: &'a str) -> rusqlite::Result<T> {
    let name: serde::de::value::BorrowedStrDeserializer<'a, serde::de::value::Error> =
        serde::de::value::BorrowedStrDeserializer::new(name);
    T::deserialize(name.into_deserializer()).map_err(corrupt)
}

pub(crate) fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// SQLite's integers are signed.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The reverse of [`signed`].
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
