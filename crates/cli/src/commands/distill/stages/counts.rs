//! What every stage has come to, for the data card.

use distill::{BlameCounts, End, Tally};
use evaluation::Ending;

use super::{Corrected, Trajectory};
use crate::commands::distill::problems::Selection;

/// Counts problems, trajectories, what the pass filter made of them, and corrections.
pub(super) fn count(
    selection: &Selection,
    trajectories: &[Trajectory<'_>],
    corrections: &[Option<Corrected>],
) -> Tally {
    let mut tally = Tally::default();
    tally.add("problems selected", selection.n_problems());
    let n_held_out = selection.sets.iter().map(|one| one.n_held_out).sum();
    tally.add("problems left out: held out", n_held_out);
    for (trajectory, corrected) in trajectories.iter().zip(corrections) {
        let who = trajectory.speaker;
        let stage = format!("stage 1, trajectories of the {who}");
        let n_runs = trajectory.results.len();
        let n_left = trajectory.selected.set.tasks.len() - n_runs;
        tally.add(&format!("{stage}: runs"), n_runs);
        tally.add(&format!("{stage}: left by a fault"), n_left);
        for result in trajectory.results.values() {
            let came = match result.ending {
                Ending::Solved => "pass all tests",
                Ending::FormatFailure => "no program",
                _ => "fail a test",
            };
            tally.count(&format!("stage 2, pass filter of the {who}: {came}"));
        }
        let accounts = corrected.iter().flat_map(|all| all.accounts.values());
        let blame = BlameCounts::of(accounts);
        let stage = format!("stage 3, corrections of the {who}");
        tally.add(&format!("{stage}: runs"), blame.n_runs);
        tally.add(&format!("{stage}: reviews"), blame.n_reviews);
        let n_failures = blame.n_format_failures;
        tally.add(&format!("{stage}: reviews out of form"), n_failures);
        for (agent, blamed) in &blame.agents {
            tally.add(&format!("{stage}: reviews that blame {agent}"), blamed.n);
        }
        for end in End::ALL {
            let name = format!("{stage}: end, {}", end.title());
            tally.add(&name, blame.n_ended(end));
        }
    }
    tally
}
