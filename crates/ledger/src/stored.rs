//! How questions lie in the database.

use domain::{
    Agent, Ask, Checker, Digest, Exchange, Isolation, Judging, Language, Limits, Message, Program,
    Role, Sampling, Shape, Submission, Test,
};
use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};

use crate::answers::{load_judging, load_reply};
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shape: Option<Shape>,
}

/// A [`Submission`] whose long texts are ids of the table `texts`; `tests` is their JSON.
#[derive(Serialize, Deserialize)]
struct StoredSubmission {
    language: Language,
    source: i64,
    tests: i64,
    checker: Checker,
    limits: Limits,
    #[serde(default)]
    isolation: Isolation,
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
                shape: ask.shape.clone(),
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
                checker: submission.checker.clone(),
                limits: submission.limits,
                isolation: submission.isolation,
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
        shape: stored.shape,
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
        isolation: stored.isolation,
        stop_on_first_failure: stored.stop_on_first_failure,
    };
    Ok(Some((submission, stored.toolchain, judging)))
}
