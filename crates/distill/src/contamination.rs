use std::collections::{BTreeMap, BTreeSet};

use agents::contract::blocks;
use datasets::{DataSet, Reference};
use serde::{Deserialize, Serialize};

use crate::words::{code_tokens, words};
use crate::{Example, HeldOut};

/// Words in a row that an example shares with a statement only when it was made from it.
pub const WORDS: usize = 13;
/// Statements with fewer words than this say nothing of their own.
const FEWEST_WORDS: usize = 6;
/// Tokens in a row that a program shares with a published solution only when it was copied.
pub const TOKENS: usize = 40;
/// Solutions with fewer tokens than this are written alike by anyone.
const FEWEST_TOKENS: usize = 30;

/// What evaluation sets say, to find it again in examples.
#[derive(Debug, Default)]
pub struct Decontamination {
    words: Runs,
    tokens: Runs,
    held_out: HeldOut,
}

/// Runs by their length, each with where it is from.
#[derive(Debug, Default)]
struct Runs(BTreeMap<usize, BTreeMap<String, String>>);

impl Runs {
    /// All runs of `n`; of a shorter text, the whole, if it has at least `fewest`.
    fn add(&mut self, text: &[String], n: usize, fewest: usize, from: &str) {
        if text.len() < fewest {
            return;
        }
        let n = n.min(text.len());
        let runs = self.0.entry(n).or_default();
        for run in text.windows(n) {
            runs.entry(run.join(" "))
                .or_insert_with(|| from.to_string());
        }
    }

    fn find(&self, text: &[String]) -> Option<(&str, String)> {
        self.0.iter().rev().find_map(|(&n, runs)| {
            text.windows(n.max(1)).find_map(|run| {
                let run = run.join(" ");
                runs.get(&run).map(|from| (from.as_str(), run))
            })
        })
    }
}

/// Why an example may not be trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The example's id.
    pub example: String,
    /// Its problem.
    pub problem: String,
    /// The problem of the evaluation set that it shares something with.
    pub evaluation: String,
    /// `problem`, `words` or `code`.
    pub kind: String,
    /// What is shared.
    pub shared: String,
}

impl Decontamination {
    /// Adds an evaluation set, with its published solutions where it has some.
    pub fn add(&mut self, set: &DataSet, references: &[Reference]) {
        self.held_out.add(set);
        for task in &set.tasks {
            let said = words(crate::import::essence(&task.problem));
            let id = &task.problem.id;
            self.words.add(&said, WORDS, FEWEST_WORDS, id);
        }
        for reference in references {
            let tokens = code_tokens(&reference.source);
            self.tokens
                .add(&tokens, TOKENS, FEWEST_TOKENS, &reference.id);
        }
    }

    /// What an example shares with an evaluation set: its problem, a run of words of a statement, or a run of tokens of
    /// a solution.
    pub fn find(&self, example: &Example) -> Option<Finding> {
        let finding = |evaluation: &str, kind: &str, shared: String| Finding {
            example: example.id().to_string(),
            problem: example.problem.clone(),
            evaluation: evaluation.to_string(),
            kind: kind.to_string(),
            shared,
        };
        if self.held_out.holds_id(&example.problem) {
            return Some(finding(&example.problem, "problem", String::new()));
        }
        let text = example.text();
        if let Some((from, run)) = self.words.find(&words(&text)) {
            return Some(finding(from, "words", run));
        }
        for block in blocks(&text) {
            if let Some((from, run)) = self.tokens.find(&code_tokens(block.body)) {
                return Some(finding(from, "code", run));
            }
        }
        None
    }

    /// The examples that share nothing, and what the others share.
    pub fn divide(&self, examples: Vec<Example>) -> (Vec<Example>, Vec<Finding>) {
        let mut findings = Vec::new();
        let mut clean = Vec::new();
        for example in examples {
            match self.find(&example) {
                None => clean.push(example),
                Some(finding) => findings.push(finding),
            }
        }
        (clean, findings)
    }

    /// The evaluation problems that were found again.
    pub fn problems(findings: &[Finding]) -> BTreeSet<&str> {
        findings
            .iter()
            .map(|finding| finding.evaluation.as_str())
            .collect()
    }
}
