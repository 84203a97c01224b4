//! What a round of the loop has come to.

use std::fmt::Write as _;

use evaluation::compare::{Comparison, render_comparisons};
use evaluation::{Align, Summary, Table};

/// A set of adapters with what it was measured to do.
pub(super) struct Measured {
    /// Its name, such as `base` or `retrieval + coding`.
    pub(super) name: String,
    pub(super) summaries: Vec<Summary>,
}

/// The report of a round, as Markdown.
pub(super) fn markdown(
    round: u32,
    base_model: &str,
    measured: &[Measured],
    comparisons: &[Comparison],
    kept: &[String],
) -> String {
    let mut text = format!("# Round {round} on {base_model}\n\n");
    let _ = writeln!(text, "Kept: {}.\n", list(kept));
    let _ = writeln!(
        text,
        "```text\n{}\n```\n",
        table(measured).to_string().trim_end()
    );
    if !comparisons.is_empty() {
        let _ = writeln!(
            text,
            "```text\n{}\n```",
            render_comparisons(comparisons).trim_end()
        );
    }
    text
}

/// Names with commas, or that there is none.
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => "none of the adapters".to_string(),
        names => names.join(", "),
    }
}

/// Every set of adapters on every data set.
pub(super) fn table(measured: &[Measured]) -> Table {
    let mut table = Table::new([
        ("adapters", Align::Left),
        ("data", Align::Left),
        ("solved", Align::Right),
        ("of", Align::Right),
        ("pass@1", Align::Right),
        ("95 % interval", Align::Left),
        ("out of form", Align::Right),
    ]);
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    for one in measured {
        for summary in &one.summaries {
            let (n_replies, n_failures) = summary.formats.iter().fold((0, 0), |sums, format| {
                (sums.0 + format.n_replies, sums.1 + format.n_failures)
            });
            let [solved, decided, share, interval] = summary.score_cells();
            table.row([
                one.name.clone(),
                summary.header.data.clone(),
                solved,
                decided,
                share,
                interval,
                match n_replies {
                    0 => String::new(),
                    n => percent(n_failures as f64 / n as f64),
                },
            ]);
        }
    }
    table
}
