//! Holds an export against its card and its data, and judges its programs again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use agents::contract::{Wanted, analogy, blocks, code, reasoned, repair};
use agents::{Contract, Format, assemble};
use datasets::DataSet;
use domain::{Agent, Digest, Language, Message, Role, Task};
use judge::{Judge, JudgeError};
use serde::{Deserialize, Serialize};

use crate::export::{CARD, messages_file};
use crate::{Card, referee};

/// Why an export cannot be verified at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A file cannot be read.
    #[error("read {}: {what}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A program cannot be judged.
    #[error(transparent)]
    Judge(#[from] JudgeError),
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verified {
    /// Rows that were read.
    pub n_rows: usize,
    /// Rows with a program that was judged.
    pub n_judged: usize,
    /// Rows with a program whose problem is in none of the data sets.
    pub n_unknown: usize,
    /// Everything that is not as the card says; empty when all is well.
    pub faults: Vec<String>,
}

/// A row of an export, as far as it is verified.
#[derive(Debug, Clone, Deserialize)]
struct Row {
    id: Digest,
    contract: Contract,
    problem: String,
    language: Language,
    messages: Vec<Message>,
}

/// An export as it was read.
#[derive(Debug)]
pub struct Export {
    /// Its card.
    pub card: Card,
    rows: Vec<Row>,
    faults: Vec<String>,
}

impl Export {
    /// Reads an export. A file that is not as the card says is a fault, not an error.
    ///
    /// # Errors
    /// When the card or a file that it names cannot be read.
    pub fn read(folder: &Path) -> Result<Export, VerifyError> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).map_err(|error| VerifyError::Read {
                path,
                what: error.to_string(),
            })
        };
        let card: Card =
            serde_json::from_slice(&read(CARD)?).map_err(|error| VerifyError::Read {
                path: folder.join(CARD),
                what: error.to_string(),
            })?;
        let mut faults = Vec::new();
        for (name, digest) in &card.files {
            if Digest::of(read(name)?) != *digest {
                faults.push(format!("{name} is not the file that the card speaks of"));
            }
        }
        let mut rows = Vec::new();
        for agent in Agent::ALL {
            let name = messages_file(agent);
            if !card.files.contains_key(&name) {
                continue;
            }
            let text = String::from_utf8_lossy(&read(&name)?).into_owned();
            for (line, text) in (1..).zip(text.lines()) {
                match serde_json::from_str::<Row>(text) {
                    Ok(row) => rows.push(row),
                    Err(error) => faults.push(format!("{name}, line {line}: {error}")),
                }
            }
        }
        Ok(Export { card, rows, faults })
    }

    /// Verifies:
    ///
    /// 1. Every file has the digest that the card says.
    /// 2. Every row has the id that follows from its messages, and its reply keeps its contract strictly.
    /// 3. Of the rows with a program, the first `n_judged` in the order of a seeded draw pass all tests of their problem, and a
    ///    repair starts from a program that does not.
    ///
    /// `sets` are the data sets that the examples were made of. No record is looked at.
    ///
    /// # Errors
    /// When the judge's own machinery fails.
    pub async fn verify(
        self,
        sets: &[DataSet],
        judge: &Judge,
        n_judged: usize,
        seed: u64,
    ) -> Result<Verified, VerifyError> {
        let mut found = Verified {
            n_rows: self.rows.len(),
            faults: self.faults,
            ..Verified::default()
        };
        let mut tasks: BTreeMap<&str, (&DataSet, &Task)> = BTreeMap::new();
        for set in sets {
            for task in &set.tasks {
                tasks.entry(&task.problem.id).or_insert((set, task));
            }
        }
        let mut programs = Vec::new();
        for row in &self.rows {
            let Some((reply, asked)) = row.parts() else {
                found
                    .faults
                    .push(format!("row {}: no reply", row.id.short()));
                continue;
            };
            if Digest::of_json(&("example/1", asked, reply)) != row.id {
                let fault = format!("row {}: its id belongs to another text", row.id.short());
                found.faults.push(fault);
            }
            let task = tasks.get(row.problem.as_str());
            if !row.is_strict(reply, task.map(|(_, task)| *task)) {
                let fault = format!("row {}: the reply breaks its contract", row.id.short());
                found.faults.push(fault);
            }
            if matches!(row.contract.agent(), Agent::Coding | Agent::Debugging) {
                let draw = Digest::of_json(&("verify/1", seed, &row.id));
                programs.push((draw, row, reply, task));
            }
        }
        programs.sort_by(|a, b| a.0.cmp(&b.0));
        for (_, row, reply, task) in programs.into_iter().take(n_judged) {
            let Some((set, task)) = task else {
                found.n_unknown += 1;
                continue;
            };
            found.n_judged += 1;
            let broken = match row.contract {
                Contract::Repair => row.asked_program(),
                _ => None,
            };
            let written = row.program(reply, task).unwrap_or_default();
            for (source, expect) in [(Some(written), true), (broken, false)] {
                let Some(source) = source else { continue };
                let program = assemble(&task.problem, row.language, &source);
                let checker = set.format.checker();
                let again = async |submission| judge.judge(&submission).await;
                let evidence = referee::evidence(task, program, &checker, again).await?;
                if evidence.solves != Some(expect) {
                    let what = if expect { "fails" } else { "passes" };
                    let fault = format!("row {}: its program {what}", row.id.short());
                    found.faults.push(fault);
                }
            }
        }
        Ok(found)
    }
}

impl Row {
    /// The reply and the question.
    fn parts(&self) -> Option<(&str, &[Message])> {
        let (reply, asked) = self.messages.split_last()?;
        (reply.role == Role::Assistant).then_some((reply.content.as_str(), asked))
    }

    fn is_strict(&self, reply: &str, task: Option<&Task>) -> bool {
        let k = reply.matches("<example>").count();
        let form = domain::Form::Stdio;
        let wanted = Wanted {
            language: self.language,
            form: task.map_or(&form, |task| &task.problem.form),
        };
        self.contract.format(reply, k, wanted) == Format::Strict
    }

    fn program(&self, reply: &str, task: &Task) -> Option<String> {
        let wanted = Wanted {
            language: self.language,
            form: &task.problem.form,
        };
        let k = reply.matches("<example>").count();
        match self.contract {
            Contract::Code => code(reply, wanted).value,
            Contract::Reasoned => reasoned(reply, wanted).value,
            Contract::Analogy => analogy(reply, k, wanted).value,
            Contract::Repair => repair(reply, wanted).value,
            _ => None,
        }
    }

    /// The program that a question shows: the last whole block but the one of the reply's form.
    fn asked_program(&self) -> Option<String> {
        let (_, asked) = self.parts()?;
        let text = &asked.last()?.content;
        let (_, after) = text.rsplit_once("# The program\n")?;
        let shown = blocks(after);
        shown.first().map(|block| block.body.to_string())
    }
}
