use std::collections::BTreeMap;

use domain::Harness;
use serde::Serialize;

use super::Rejudged;
use crate::stats::{Interval, wilson};
use crate::{Align, Table};

/// How many answers are right, by each rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Answers that were judged.
    pub n: usize,
    /// Of these, answers that were recorded as right; absent where nothing is recorded.
    pub recorded: Option<usize>,
    /// Right by our rules.
    pub strict: usize,
    /// Wilson's interval of that share at 95 %.
    pub interval: Interval,
    /// Right by the rules of each harness. Functions have no output that a harness could compare otherwise: what we say
    /// of them counts.
    pub compat: Vec<(Harness, usize)>,
    /// Answers on which our word differs from the record.
    pub n_different: usize,
}

/// The scores of one published file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileScore {
    /// The file.
    pub origin: String,
    /// Over all its answers.
    pub all: Score,
    /// Over the answers to problems whose tests the recording judge could not use; absent where there are none.
    pub errata: Option<Score>,
    /// Why answers differ from the record, and how many do for that reason; the most frequent reason first.
    pub reasons: Vec<(String, usize)>,
    /// Answers in languages that nothing here runs; they are in no score.
    pub n_unjudged: usize,
}

/// The scores of every file, in the order in which the files come.
pub fn file_scores(rejudged: &[Rejudged]) -> Vec<FileScore> {
    let mut origins: Vec<&str> = Vec::new();
    for one in rejudged {
        if !origins.contains(&one.origin.as_str()) {
            origins.push(&one.origin);
        }
    }
    let score = |origin: &str| {
        let own: Vec<&Rejudged> = rejudged.iter().filter(|one| one.origin == origin).collect();
        let known: Vec<&Rejudged> = own
            .iter()
            .copied()
            .filter(|one| one.strict.is_known())
            .collect();
        let errata: Vec<&Rejudged> = known
            .iter()
            .copied()
            .filter(|one| !one.errata.is_empty())
            .collect();
        FileScore {
            origin: origin.to_string(),
            n_unjudged: own.len() - known.len(),
            errata: (!errata.is_empty()).then(|| Score::of(&errata)),
            all: Score::of(&known),
            reasons: reasons(&known),
        }
    };
    origins.into_iter().map(score).collect()
}

fn reasons(answers: &[&Rejudged]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for reason in answers.iter().filter_map(|answer| answer.reason.as_ref()) {
        *counts.entry(reason.kind()).or_default() += 1;
    }
    let mut reasons: Vec<(String, usize)> = counts.into_iter().collect();
    reasons.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    reasons
}

impl Score {
    fn of(answers: &[&Rejudged]) -> Score {
        let count = |wanted: &dyn Fn(&Rejudged) -> bool| {
            answers.iter().filter(|answer| wanted(answer)).count()
        };
        let mut harnesses: Vec<Harness> = Vec::new();
        for (harness, _) in answers.iter().flat_map(|answer| &answer.compat) {
            if !harnesses.contains(harness) {
                harnesses.push(*harness);
            }
        }
        let strict = count(&|answer| answer.strict.is_accepted());
        Score {
            n: answers.len(),
            recorded: answers
                .iter()
                .any(|answer| answer.recorded.is_some())
                .then(|| count(&|answer| answer.recorded == Some(true))),
            strict,
            interval: wilson(strict, answers.len()),
            compat: harnesses
                .into_iter()
                .map(|harness| {
                    let accepted = count(&|answer| {
                        let said = answer.compat.iter().find(|(other, _)| *other == harness);
                        said.map_or(&answer.strict, |(_, said)| said).is_accepted()
                    });
                    (harness, accepted)
                })
                .collect(),
            n_different: count(&|answer| answer.differs()),
        }
    }

    fn cells(&self, origin: String, harnesses: &[(Harness, usize)]) -> Vec<String> {
        let percent = |share: f64| format!("{:.1}", share * 100.0);
        let recorded = self.recorded.map_or("–".to_string(), |n| n.to_string());
        let mut cells = vec![
            origin,
            self.n.to_string(),
            recorded,
            self.strict.to_string(),
        ];
        cells.push(if self.n == 0 {
            String::new()
        } else {
            format!(
                "{} % ({} to {})",
                percent(self.strict as f64 / self.n as f64),
                percent(self.interval.low),
                percent(self.interval.high)
            )
        });
        cells.extend(harnesses.iter().map(|(harness, _)| {
            let own = self.compat.iter().find(|(other, _)| other == harness);
            own.map_or("–".to_string(), |(_, n)| n.to_string())
        }));
        cells.push(self.n_different.to_string());
        cells
    }
}

/// The scores as a table: a row for each file, and below it one for its answers to problems with errata.
pub fn render_scores(scores: &[FileScore]) -> String {
    let harnesses: &[(Harness, usize)] = scores
        .iter()
        .map(|score| &score.all.compat[..])
        .max_by_key(|compat| compat.len())
        .unwrap_or_default();
    let mut columns = vec![
        ("file", Align::Left),
        ("answers", Align::Right),
        ("recorded", Align::Right),
        ("strict", Align::Right),
        ("95 % interval", Align::Left),
    ];
    columns.extend(
        harnesses
            .iter()
            .map(|(harness, _)| (harness.name(), Align::Right)),
    );
    columns.push(("different", Align::Right));
    let mut table = Table::new(columns);
    for score in scores {
        table.row(score.all.cells(score.origin.clone(), harnesses));
        if let Some(errata) = &score.errata {
            table.row(errata.cells("  with errata".to_string(), harnesses));
        }
    }
    table.to_string()
}

/// Why answers differ from the record, as a table: a row for each file and reason. Empty where none differs.
pub fn render_reasons(scores: &[FileScore]) -> String {
    let mut table = Table::new(vec![
        ("file", Align::Left),
        ("different", Align::Right),
        ("why", Align::Left),
    ]);
    let mut is_empty = true;
    for score in scores {
        for (why, n) in &score.reasons {
            table.row([score.origin.clone(), n.to_string(), why.clone()]);
            is_empty = false;
        }
    }
    if is_empty {
        String::new()
    } else {
        table.to_string()
    }
}
