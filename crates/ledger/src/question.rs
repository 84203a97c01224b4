use domain::{Agent, Ask, Digest, Judging, Reply, Submission, Usage};
use rusqlite::Connection;

use crate::answers::{self, JudgingRow, ReplyRow};
use crate::stored::QuestionRow;

/// What an answer adds to its run.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) usage: Usage,
    pub(crate) cost: Option<f64>,
}

/// What asking a model and judging a program have in common.
pub(crate) trait Question {
    type Answer: Send + 'static;
    type Row: Send + 'static;

    fn key(&self) -> Digest;
    fn agent(&self) -> Option<Agent>;
    fn prepare(&self, connection: &Connection, key: &Digest) -> rusqlite::Result<QuestionRow>;
    fn load(connection: &Connection, id: i64) -> rusqlite::Result<Option<Self::Answer>>;
    fn row(connection: &Connection, answer: &Self::Answer) -> rusqlite::Result<Self::Row>;
    fn store(connection: &Connection, id: i64, row: &Self::Row) -> rusqlite::Result<bool>;
    fn totals(answer: &Self::Answer) -> Totals;
    /// True when two answers say the same, whatever they took.
    fn is_same(one: &Self::Answer, other: &Self::Answer) -> bool;
}

pub(crate) struct AskQuestion<'a>(pub(crate) &'a Ask);

impl Question for AskQuestion<'_> {
    type Answer = Reply;
    type Row = ReplyRow;

    fn key(&self) -> Digest {
        self.0.key()
    }

    fn agent(&self) -> Option<Agent> {
        Some(self.0.agent)
    }

    fn prepare(&self, connection: &Connection, key: &Digest) -> rusqlite::Result<QuestionRow> {
        QuestionRow::of_ask(connection, key, self.0)
    }

    fn load(connection: &Connection, id: i64) -> rusqlite::Result<Option<Reply>> {
        answers::load_reply(connection, id)
    }

    fn row(connection: &Connection, answer: &Reply) -> rusqlite::Result<ReplyRow> {
        ReplyRow::of(connection, answer)
    }

    fn store(connection: &Connection, id: i64, row: &ReplyRow) -> rusqlite::Result<bool> {
        row.store(connection, id)
    }

    fn totals(answer: &Reply) -> Totals {
        Totals {
            usage: answer.usage,
            cost: answer.cost,
        }
    }

    fn is_same(one: &Reply, other: &Reply) -> bool {
        one.text == other.text
    }
}

pub(crate) struct JudgeQuestion<'a> {
    pub(crate) submission: &'a Submission,
    pub(crate) toolchain: &'a str,
}

impl Question for JudgeQuestion<'_> {
    type Answer = Judging;
    type Row = JudgingRow;

    fn key(&self) -> Digest {
        self.submission.key(self.toolchain)
    }

    fn agent(&self) -> Option<Agent> {
        None
    }

    fn prepare(&self, connection: &Connection, key: &Digest) -> rusqlite::Result<QuestionRow> {
        QuestionRow::of_submission(connection, key, self.submission, self.toolchain)
    }

    fn load(connection: &Connection, id: i64) -> rusqlite::Result<Option<Judging>> {
        answers::load_judging(connection, id)
    }

    fn row(connection: &Connection, answer: &Judging) -> rusqlite::Result<JudgingRow> {
        JudgingRow::of(connection, answer)
    }

    fn store(connection: &Connection, id: i64, row: &JudgingRow) -> rusqlite::Result<bool> {
        row.store(connection, id)
    }

    fn totals(_: &Judging) -> Totals {
        Totals::default()
    }

    fn is_same(one: &Judging, other: &Judging) -> bool {
        one.verdict == other.verdict
    }
}
