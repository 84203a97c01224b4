//! Results in the forms of other tools.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::Digest;
use evaluation::export::{HubEntry, Solution, evalplus_results};
use evaluation::stats::Interval;

use crate::args::ExportsArgs;
use crate::exit::Failure;
use crate::files;
use crate::ui::Ui;

/// The score that is published.
pub(super) struct Share {
    pub(super) n_right: usize,
    pub(super) n: usize,
    pub(super) interval: Interval,
    /// What the score is of, for the notes; may be empty.
    pub(super) of: String,
}

/// Writes the files that the command line asks for; solutions and the score are made where they are needed.
/// Tells how many files there are.
///
/// # Errors
/// When a file cannot be written, or whatever `solutions` or `score` fails with.
pub(super) fn write(
    args: &ExportsArgs,
    data: &Digest,
    solutions: impl FnOnce() -> anyhow::Result<Vec<Solution>>,
    score: impl FnOnce() -> Result<Share, Failure>,
    ui: &Ui,
) -> anyhow::Result<usize> {
    let date = today();
    let mut n_files = 0;
    if let Some(place) = &args.evalplus {
        let results = evalplus_results(&solutions()?, data.as_str(), &date);
        files::write_text(place, &results.to_string())?;
        ui.note(&format!("EvalPlus' form is in {}", place.display()));
        n_files += 1;
    }
    if let (Some(place), Some((id, task))) = (&args.hub, &args.hub_dataset) {
        let Share {
            n_right,
            n,
            interval,
            of,
        } = score()?;
        let mut entry = HubEntry::new(id, task, &date, (n_right, n), &interval);
        if !of.is_empty() {
            entry.notes = format!("{of}: {}", entry.notes);
        }
        files::write_text(place, &entry.to_yaml())?;
        ui.note(&format!("the hub's entry is in {}", place.display()));
        n_files += 1;
    }
    Ok(n_files)
}

/// Today's date in UTC, such as `2026-01-31`.
fn today() -> String {
    // A clock before 1970 has no date worth telling.
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let days = since.map_or(0, |since| since.as_secs() / 86_400);
    date(days)
}

/// The date that many days after the first of January 1970 (Howard Hinnant's `civil_from_days`).
fn date(days: u64) -> String {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests;
