use std::any::Any;
use std::fmt::Display;
use std::sync::Arc;

use domain::{Agent, Ask, Digest, Judging, Reply, Submission};
use rusqlite::{Connection, OptionalExtension as _};

use crate::attempts::{self, OpenAttempt};
use crate::columns::signed;
use crate::flight::SharedError;
use crate::question::{AskQuestion, JudgeQuestion, Question, Totals};
use crate::stored::{self, QuestionRow};
use crate::{CallError, Ledger, RunId};

/// An answer as the ledger holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded<T> {
    /// The answer; whoever asks gets the same.
    pub value: T,
    /// The content key of the question.
    pub key: Digest,
    /// True when the call was made now, false when the answer was there or another caller made the call.
    pub fresh: bool,
}

impl Ledger {
    /// The recorded reply to a question, or `call` and record.
    ///
    /// The attempt is committed before `call` runs and its reply before this returns.
    /// Equal questions of one process at the same time share one call, and its error when it fails;
    /// dropping the future records the attempt as cancelled, and the next in line calls.
    ///
    /// # Errors
    /// What `call` failed with, or what the ledger did.
    pub async fn ask<F, Fut, E>(
        &self,
        run: &RunId,
        problem: &str,
        ask: &Ask,
        call: F,
    ) -> Result<Recorded<Reply>, CallError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Reply, E>>,
        E: Display + Clone + Send + Sync + 'static,
    {
        let share = |error: &E| Some(Arc::new(error.clone()) as SharedError);
        let shared = |error: &(dyn Any + Send + Sync)| error.downcast_ref::<E>().cloned();
        self.memoised(run, problem, AskQuestion(ask), call, share, shared)
            .await
    }

    /// The recorded judging of a submission under a toolchain, or `call` and record; like [`Ledger::ask`],
    /// except that an error is not shared: each who waited calls in turn.
    ///
    /// # Errors
    /// What `call` failed with, or what the ledger did.
    pub async fn judge<F, Fut, E>(
        &self,
        run: &RunId,
        problem: &str,
        submission: &Submission,
        toolchain: &str,
        call: F,
    ) -> Result<Recorded<Judging>, CallError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Judging, E>>,
        E: Display,
    {
        let question = JudgeQuestion {
            submission,
            toolchain,
        };
        self.memoised(run, problem, question, call, |_| None, |_| None)
            .await
    }

    async fn memoised<Q, F, Fut, E>(
        &self,
        run: &RunId,
        problem: &str,
        question: Q,
        call: F,
        share: impl Fn(&E) -> Option<SharedError>,
        shared: impl Fn(&(dyn Any + Send + Sync)) -> Option<E>,
    ) -> Result<Recorded<Q::Answer>, CallError<E>>
    where
        Q: Question,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Q::Answer, E>>,
        E: Display,
    {
        let key = question.key();
        let place = Place {
            run: self.run_row(run)?,
            problem: problem.to_string(),
            agent: question.agent(),
        };
        let recorded = |value, fresh| Recorded {
            value,
            key: key.clone(),
            fresh,
        };

        let flight = self.flights().join(&key);
        let mut turn = flight.seat.lock().await;
        if let Some(error) = turn.as_deref().and_then(&shared) {
            return Err(CallError::Call(error));
        }
        let row = match self
            .readers()
            .with(|it| look_up(it, &question, &key, &place))?
        {
            Found::Answer {
                value,
                linked: true,
                ..
            } => return Ok(recorded(value, false)),
            Found::Answer { value, id, .. } => {
                let totals = Q::totals(&value);
                self.writer()
                    .submit(move |it| place.link(it, id, &totals, false))
                    .await?;
                return Ok(recorded(value, false));
            }
            Found::Nothing(row) => row,
        };

        let (writer, process) = (self.writer().clone(), self.process().clone());
        let begin = move |it: &Connection| {
            let id = row.store(it)?;
            // Another process may have been faster.
            if let Some(value) = Q::load(it, id)? {
                place.link(it, id, &Q::totals(&value), false)?;
                return Ok(Begun::Answered(value));
            }
            let attempt = attempts::begin(it, id, place.run, &place.problem, &process)?;
            Ok(Begun::Attempt { id, attempt, place })
        };
        let watched = move |begun| match begun {
            Begun::Answered(value) => Begun::Answered(value),
            Begun::Attempt { id, attempt, place } => Begun::Attempt {
                id,
                attempt: OpenAttempt::new(attempt, writer),
                place,
            },
        };
        let (id, attempt, place) = match self.writer().submit_then(begin, watched).await? {
            Begun::Answered(value) => return Ok(recorded(value, false)),
            Begun::Attempt { id, attempt, place } => (id, attempt, place),
        };

        match call().await {
            Ok(value) => {
                let row = self.readers().with(|it| Q::row(it, &value))?;
                let totals = Q::totals(&value);
                let attempt = attempt.defuse();
                let earlier = self.writer().submit(move |it| {
                    let first = Q::store(it, id, &row)?;
                    place.link(it, id, &totals, first)?;
                    attempts::end(it, attempt, if first { "ok" } else { "late" }, None)?;
                    if first { Ok(None) } else { Q::load(it, id) }
                });
                Ok(recorded(earlier.await?.unwrap_or(value), true))
            }
            Err(error) => {
                let (attempt, detail) = (attempt.defuse(), attempts::detail(&error));
                let ended = self
                    .writer()
                    .submit(move |it| attempts::end(it, attempt, "error", Some(&detail)));
                // The call's own error says more than one of the ledger; an attempt without an end stays open.
                drop(ended.await);
                if let Some(error) = share(&error) {
                    *turn = Some(error);
                    flight.retire();
                }
                Err(CallError::Call(error))
            }
        }
    }
}

enum Found<T> {
    Answer { value: T, id: i64, linked: bool },
    Nothing(QuestionRow),
}

enum Begun<T, A> {
    Answered(T),
    Attempt { id: i64, attempt: A, place: Place },
}

fn look_up<Q: Question>(
    connection: &Connection,
    question: &Q,
    key: &Digest,
    place: &Place,
) -> rusqlite::Result<Found<Q::Answer>> {
    if let Some(id) = stored::find_question(connection, key)?
        && let Some(value) = Q::load(connection, id)?
    {
        let linked = place.is_linked(connection, id)?;
        return Ok(Found::Answer { value, id, linked });
    }
    question.prepare(connection, key).map(Found::Nothing)
}

/// What a run rests on and for which problem.
pub(crate) struct Place {
    pub(crate) run: i64,
    pub(crate) problem: String,
    pub(crate) agent: Option<Agent>,
}

impl Place {
    fn is_linked(&self, connection: &Connection, question: i64) -> rusqlite::Result<bool> {
        connection
            .prepare_cached("SELECT 1 FROM uses WHERE run = ? AND problem = ? AND question = ?")?
            .query_row((self.run, &self.problem, question), |_| Ok(()))
            .optional()
            .map(|row| row.is_some())
    }

    /// Notes that the run rests on an answer, once, and adds it to the run's sums.
    pub(crate) fn link(
        &self,
        connection: &Connection,
        question: i64,
        totals: &Totals,
        fresh: bool,
    ) -> rusqlite::Result<()> {
        let n_rows = connection
            .prepare_cached(
                "INSERT OR IGNORE INTO uses (run, problem, question, agent, fresh) VALUES (?, ?, ?, ?, ?)",
            )?
            .execute((
                self.run,
                &self.problem,
                question,
                self.agent.map(Agent::name),
                fresh,
            ))?;
        if n_rows == 0 {
            return Ok(());
        }
        connection
            .prepare_cached(
                "UPDATE runs SET n_asks = n_asks + ?2, n_judgings = n_judgings + ?3, n_reused = n_reused + ?4,
                    prompt_tokens = prompt_tokens + ?5, cached_tokens = cached_tokens + ?6,
                    completion_tokens = completion_tokens + ?7,
                    cost = CASE WHEN ?8 IS NULL THEN cost ELSE ifnull(cost, 0) + ?8 END
                 WHERE id = ?1",
            )?
            .execute((
                self.run,
                self.agent.is_some(),
                self.agent.is_none(),
                !fresh,
                signed(totals.usage.prompt_tokens),
                signed(totals.usage.cached_tokens),
                signed(totals.usage.completion_tokens),
                totals.cost.filter(|_| fresh),
            ))
            .map(drop)
    }
}
