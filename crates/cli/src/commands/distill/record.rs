//! What the ledger holds of a plan, read without loading a model.

use distill::Account;
use distill::plan::Plan;
use evaluation::ProblemResult;
use ledger::{Ledger, RunSummary};
use serde::de::DeserializeOwned;

use crate::settings::Settings;

/// The runs of a plan.
pub(super) struct Record {
    /// In the order in which they were first started.
    pub(super) runs: Vec<(RunSummary, Outcomes)>,
}

/// What was recorded as done in a run.
pub(super) enum Outcomes {
    /// Problems that the team worked on.
    Results(Vec<ProblemResult>),
    /// Runs that a supervisor read.
    Accounts(Vec<Account>),
}

impl Record {
    /// Reads all runs of a plan.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(super) fn read(plan: &Plan, settings: &Settings) -> anyhow::Result<Record> {
        let digest = plan.digest();
        let mut runs = Vec::new();
        if settings.ledger.exists() {
            let ledger = Ledger::open(&settings.ledger)?;
            let mut found = ledger.runs()?;
            found.retain(|run| {
                run.spec.command.starts_with("distill ")
                    && run.spec.settings["plan"] == digest.as_str()
            });
            found.sort_by_key(|run| (run.created_at, run.id.clone()));
            for run in found {
                let outcomes = match run.spec.command.as_str() {
                    "distill reviews" => Outcomes::Accounts(outcomes(&ledger, &run)?),
                    _ => Outcomes::Results(outcomes(&ledger, &run)?),
                };
                runs.push((run, outcomes));
            }
        }
        Ok(Record { runs })
    }

    /// What came of a speaker's own runs.
    pub(super) fn results(&self, speaker: &str) -> Vec<ProblemResult> {
        let of = |(run, outcomes): &(RunSummary, Outcomes)| match outcomes {
            Outcomes::Results(results)
                if run.spec.command == "distill trajectories"
                    && run.spec.settings["speaker"] == speaker =>
            {
                results.clone()
            }
            _ => Vec::new(),
        };
        self.runs.iter().flat_map(of).collect()
    }

    /// What supervisors made of failed runs.
    pub(super) fn accounts(&self) -> Vec<Account> {
        ["teacher", "student"]
            .iter()
            .flat_map(|speaker| self.accounts_of(speaker))
            .collect()
    }

    /// What supervisors made of the failed runs of one speaker.
    pub(super) fn accounts_of(&self, speaker: &str) -> Vec<Account> {
        let of = |(run, outcomes): &(RunSummary, Outcomes)| match outcomes {
            Outcomes::Accounts(accounts) if run.spec.settings["speaker"] == speaker => {
                accounts.clone()
            }
            _ => Vec::new(),
        };
        self.runs.iter().flat_map(of).collect()
    }
}

/// The outcomes of a run that have the present form; others are made anew when the work goes on.
fn outcomes<T: DeserializeOwned>(ledger: &Ledger, run: &RunSummary) -> anyhow::Result<Vec<T>> {
    let outcomes = ledger.outcomes(&run.id, |_, value| serde_json::from_value(value))?;
    Ok(outcomes.into_iter().filter_map(Result::ok).collect())
}
