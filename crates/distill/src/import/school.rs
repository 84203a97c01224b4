use std::collections::{BTreeMap, BTreeSet};

use agents::assemble;
use agents::contract::{Wanted, code};
use datasets::AnswerIndex;
use domain::{Digest, Language, Program};
use futures_util::stream::{self, StreamExt as _};

use super::log::{LogRow, Stage, Try};
use super::reply::{self, Verdict};
use super::{Import, ImportError, Pupil, Pupils, bugs, explain};
use crate::words::words;
use crate::{Evidence, Referee, Source, Tally, identity};

/// The language of everything that is imported.
pub(super) const LANGUAGE: Language = Language::Python;

/// Words at the beginning of a statement by which a try finds its problem.
const KEY_WORDS: usize = 40;
/// Fewer say too little.
const FEWEST_KEY_WORDS: usize = 8;

/// What was said and written about one problem in one try of the log.
pub(super) struct Draft {
    pub(super) pupil: usize,
    pub(super) source: Source,
    /// From the knowledge base.
    pub(super) algorithm: Option<Said<String>>,
    pub(super) plan: Option<Said<String>>,
    pub(super) verdict: Option<Said<Verdict>>,
    pub(super) programs: Vec<Said<String>>,
}

/// Something that was said, with the digest of the exchange that it comes from.
#[derive(Clone)]
pub(super) struct Said<T> {
    pub(super) value: T,
    pub(super) exchange: Digest,
}

/// A program that was published for a problem.
pub(super) struct Published {
    pub(super) pupil: usize,
    pub(super) source: Source,
    pub(super) program: Said<String>,
    /// The data set's own solution.
    pub(super) is_reference: bool,
}

/// Everything that is known about the problems to train on.
pub(super) struct School<'a> {
    pub(super) what: &'a Import<'a>,
    pub(super) pupils: Vec<Pupil<'a>>,
    pub(super) drafts: Vec<Draft>,
    pub(super) published: Vec<Published>,
    /// By problem and source as it was said.
    evidence: BTreeMap<(usize, String), Evidence>,
    index: Index,
}

impl<'a> School<'a> {
    pub(super) fn new(what: &'a Import<'a>, pupils: Pupils<'a>) -> School<'a> {
        School {
            what,
            index: Index::new(&pupils),
            pupils: pupils.pupils,
            drafts: Vec::new(),
            published: Vec::new(),
            evidence: BTreeMap::new(),
        }
    }

    /// How a source fares; absent until all are judged.
    pub(super) fn evidence(&self, pupil: usize, source: &str) -> Option<&Evidence> {
        self.evidence.get(&(pupil, source.to_string()))
    }

    /// True when a source passes everything.
    pub(super) fn solves(&self, pupil: usize, source: &str) -> bool {
        self.evidence(pupil, source)
            .is_some_and(|evidence| evidence.solves == Some(true))
    }

    /// True when one of a draft's programs passes everything.
    pub(super) fn is_solved(&self, draft: &Draft) -> bool {
        let mut programs = draft.programs.iter();
        programs.any(|program| self.solves(draft.pupil, &program.value))
    }

    pub(super) fn read_logs(&mut self, tally: &mut Tally) {
        for log in self.what.logs {
            tally.extend(&log.tally);
            for one in log.tries() {
                let pupil = match self.index.find(self.what, &one) {
                    Ok(pupil) => pupil,
                    Err(reason) => {
                        tally.add(&format!("exchange left out: {reason}"), one.rows.len());
                        continue;
                    }
                };
                let source = Source::Log {
                    file: log.file.clone(),
                    digest: log.digest.clone(),
                    run: one.run.to_string(),
                };
                let draft = self.draft(pupil, source, &one, tally);
                self.drafts.push(draft);
            }
        }
        tally.add("tries of a problem to train on", self.drafts.len());
    }

    fn draft(&self, pupil: usize, source: Source, one: &Try, tally: &mut Tally) -> Draft {
        let mut left_out = |reason: &str| tally.count(&format!("exchange left out: {reason}"));
        let algorithm = one.of(Stage::Retrieval).and_then(|row| {
            let algorithm = reply::algorithm(&row.reply);
            if algorithm.is_none() {
                left_out("no knowledge base in the reply");
            }
            Some(said(algorithm?, row))
        });
        let plan = one
            .of(Stage::Planning)
            .and_then(|row| match reply::plan(&row.reply) {
                Ok(plan) => Some(said(plan, row)),
                Err(reason) => {
                    left_out(reason);
                    None
                }
            });
        let verdict = one.of(Stage::PlanVerification).and_then(|row| {
            let verdict = reply::verdict(&row.reply);
            if verdict.is_none() {
                left_out("no verdict in the check of a plan");
            }
            Some(said(verdict?, row))
        });
        let wanted = Wanted {
            language: LANGUAGE,
            form: &self.pupils[pupil].task.problem.form,
        };
        let mut programs: Vec<Said<String>> = Vec::new();
        for row in one.programs() {
            match code(&row.reply, wanted).value {
                None => left_out("no program in the reply"),
                Some(source) => {
                    let source = explain::tidy(&source);
                    if programs.last().is_some_and(|last| last.value == source) {
                        left_out("the program is the one before");
                    } else {
                        programs.push(said(source, row));
                    }
                }
            }
        }
        Draft {
            pupil,
            source,
            algorithm,
            plan,
            verdict,
            programs,
        }
    }

    pub(super) fn read_published(&mut self, tally: &mut Tally) {
        let mut by_identity: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, pupil) in self.pupils.iter().enumerate() {
            by_identity.entry(&pupil.identity).or_default().push(at);
        }
        let mut published = Vec::new();
        for lesson in self.what.lessons {
            tally.add("published solutions", lesson.references.len());
            for reference in &lesson.references {
                let source = explain::tidy(&reference.source);
                // The same solution serves every form of its problem.
                for &pupil in by_identity
                    .get(identity(&reference.id).as_str())
                    .into_iter()
                    .flatten()
                {
                    published.push(Published {
                        pupil,
                        source: Source::Published {
                            file: lesson.set.name.clone(),
                            digest: lesson.set.digest.clone(),
                        },
                        program: Said {
                            exchange: Digest::of(&source),
                            value: source.clone(),
                        },
                        is_reference: true,
                    });
                }
            }
            let index = AnswerIndex::new(&lesson.set);
            for (file, digest, answers) in &lesson.answers {
                tally.add("published answers", answers.answers.len());
                tally.add(
                    "published answer left out: it cannot be read",
                    answers.skipped.len(),
                );
                for answer in &answers.answers {
                    let task = index.find(&answer.problem);
                    let pupil = task.and_then(|task| {
                        let mut pupils = self.pupils.iter();
                        pupils.position(|pupil| std::ptr::eq(pupil.task, task))
                    });
                    let reason = match pupil {
                        None => "its problem is left out",
                        Some(_) if answer.language != LANGUAGE => "not in Python",
                        Some(_) if answer.is_continuation => "no whole program",
                        Some(pupil) => {
                            let source = explain::tidy(&answer.code);
                            published.push(Published {
                                pupil,
                                source: Source::Published {
                                    file: file.clone(),
                                    digest: digest.clone(),
                                },
                                program: Said {
                                    exchange: Digest::of(&source),
                                    value: source,
                                },
                                is_reference: false,
                            });
                            continue;
                        }
                    };
                    tally.count(&format!("published answer left out: {reason}"));
                }
            }
        }
        self.published = published;
    }

    /// Judges every program once: those of the log and the data sets' own first, then answers to problems that the
    /// teacher solved, as no others can be of use.
    pub(super) async fn judge_all(
        &mut self,
        referee: &Referee,
        on_judged: &mut dyn FnMut(usize, usize),
        tally: &mut Tally,
    ) -> Result<(), ImportError> {
        let of_drafts = self.drafts.iter().flat_map(|draft| {
            let sources = draft.programs.iter();
            sources.map(|program| (draft.pupil, program.value.clone()))
        });
        let key = |one: &Published| (one.pupil, one.program.value.clone());
        let references = self.published.iter().filter(|one| one.is_reference);
        let first = of_drafts.chain(references.map(key)).collect();
        self.judge(first, referee, on_judged, tally).await?;
        let solved = self.solved();
        let answers = self.published.iter().filter(|one| {
            !one.is_reference && solved.contains_key(self.pupils[one.pupil].identity.as_str())
        });
        let broken = solved.values().flat_map(|(draft, program)| {
            let copies = self.broken(program).into_iter();
            copies.map(|copy| (draft.pupil, copy))
        });
        let second = answers.map(key).chain(broken).collect();
        self.judge(second, referee, on_judged, tally).await
    }

    /// By the identity of a problem, the first draft with a plan that led to a program that passes, and that program.
    pub(super) fn solved(&self) -> BTreeMap<&str, (&Draft, &str)> {
        let mut solved = BTreeMap::new();
        for draft in &self.drafts {
            let mut programs = draft.programs.iter();
            let passing = programs.find(|program| self.solves(draft.pupil, &program.value));
            if let (Some(_), Some(program)) = (&draft.plan, passing) {
                let identity = self.pupils[draft.pupil].identity.as_str();
                solved
                    .entry(identity)
                    .or_insert((draft, program.value.as_str()));
            }
        }
        solved
    }

    /// Copies of a program with a slip each. More than are wanted, as not every one fails.
    pub(super) fn broken(&self, program: &str) -> Vec<String> {
        bugs::broken(program, 3 * self.what.n_broken)
    }

    async fn judge(
        &mut self,
        mut wanted: BTreeSet<(usize, String)>,
        referee: &Referee,
        on_judged: &mut dyn FnMut(usize, usize),
        tally: &mut Tally,
    ) -> Result<(), ImportError> {
        wanted.retain(|key| !self.evidence.contains_key(key));
        let n_all = self.evidence.len() + wanted.len();
        let pupils = &self.pupils;
        let mut judging = stream::iter(wanted)
            .map(|(at, source)| async move {
                let pupil = &pupils[at];
                let program: Program = assemble(&pupil.task.problem, LANGUAGE, &source);
                let evidence = referee.evidence(pupil.task, program, &pupil.checker);
                evidence.await.map(|evidence| ((at, source), evidence))
            })
            .buffer_unordered(self.what.concurrency.max(1));
        while let Some(judged) = judging.next().await {
            let (key, evidence) = judged?;
            tally.count(match evidence.solves {
                Some(true) => "programs that pass all tests",
                Some(false) => "programs that fail",
                None => "programs that cannot be judged here",
            });
            self.evidence.insert(key, evidence);
            on_judged(self.evidence.len(), n_all);
        }
        Ok(())
    }
}

fn said<T>(value: T, row: &LogRow) -> Said<T> {
    Said {
        value,
        exchange: row.digest.clone(),
    }
}

/// Finds the problem that a try is about.
struct Index {
    by_id: BTreeMap<String, usize>,
    /// Statements in words: the beginning, the whole, and the problem or why it is left out.
    statements: Vec<(String, String, Result<usize, &'static str>)>,
}

impl Index {
    fn new(pupils: &Pupils) -> Index {
        let kept = pupils.pupils.iter().enumerate();
        let kept = kept.map(|(at, pupil)| (pupil.task, Ok(at)));
        let left_out = pupils.left_out.iter();
        let left_out = left_out.map(|(task, reason)| (*task, Err(*reason)));
        let mut index = Index {
            by_id: BTreeMap::new(),
            statements: Vec::new(),
        };
        for (task, place) in kept.chain(left_out) {
            if let Ok(at) = place {
                index.by_id.insert(task.problem.id.clone(), at);
            }
            let all = words(explain::essence(&task.problem));
            if all.len() >= FEWEST_KEY_WORDS {
                let key = all[..all.len().min(KEY_WORDS)].join(" ");
                index.statements.push((key, all.join(" "), place));
            }
        }
        index
    }

    fn find(&self, what: &Import, one: &Try) -> Result<usize, &'static str> {
        if what.held_out.holds_id(one.task_id) {
            return Err("held out");
        }
        if let Some(at) = self.by_id.get(one.task_id) {
            return Ok(*at);
        }
        let statement = words(one.statement()).join(" ");
        let mut found: Vec<_> = self
            .statements
            .iter()
            .filter(|(key, _, _)| statement.contains(key.as_str()))
            .collect();
        // Of several statements that begin alike, the one that is there as a whole, else the first.
        found.sort_by_key(|(_, whole, _)| !statement.contains(whole.as_str()));
        match found.first() {
            Some((_, _, place)) => *place,
            None => Err("no problem of the data sets has its statement"),
        }
    }
}
