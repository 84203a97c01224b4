use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::{Comparison, PairedTest};
use crate::{Align, Table};

/// Comparisons as plain text: a table, and below it what it means and the problems on which each pair differs.
pub fn render_comparisons(comparisons: &[Comparison]) -> String {
    let right = |name| (name, Align::Right);
    let mut table = Table::new([
        ("first", Align::Left),
        ("second", Align::Left),
        right("problems"),
        right("first"),
        right("second"),
        right("difference"),
        ("95 % interval", Align::Left),
        right("won"),
        right("lost"),
        right("p"),
        right("adjusted"),
    ]);
    for one in comparisons {
        table.row([
            one.first.clone(),
            one.second.clone(),
            one.n.to_string(),
            percent(one.first_rate),
            percent(one.second_rate),
            signed(one.difference),
            one.interval.map_or(String::new(), |interval| {
                format!("{} to {}", signed(interval.low), signed(interval.high))
            }),
            one.n_won.to_string(),
            one.n_lost.to_string(),
            format!("{:.4}", one.p_value),
            format!("{:.4}", one.p_adjusted),
        ]);
    }
    let mut text = table.to_string();
    for one in comparisons {
        text.push('\n');
        // Writing to a string never fails.
        let _ = writeln!(text, "{}", sentence(one));
        if one.flips.is_empty() {
            continue;
        }
        let mut flips = Table::new([
            ("problem", Align::Left),
            (one.first.as_str(), Align::Left),
            (one.second.as_str(), Align::Left),
        ]);
        for flip in &one.flips {
            flips.row([&flip.id, &flip.first_ending, &flip.second_ending]);
        }
        let _ = write!(text, "\n{flips}");
    }
    text
}

fn sentence(one: &Comparison) -> String {
    let test = match one.test {
        PairedTest::McNemar => "exact McNemar test",
        PairedTest::Permutation => "permutation test",
    };
    let verdict = match (one.is_significant(), one.difference < 0.0) {
        (true, true) => format!("{} solves fewer problems than {}", one.second, one.first),
        (true, false) => format!("{} solves more problems than {}", one.second, one.first),
        (false, _) => format!(
            "no difference between {} and {} is shown",
            one.first, one.second
        ),
    };
    let mut text = format!("{verdict} ({test}, p = {:.4})", one.p_adjusted);
    if one.n_left_out > 0 {
        let _ = write!(text, "; {} problems are not in both", one.n_left_out);
    }
    match one.smallest_difference {
        Some(difference) => {
            let _ = write!(
                text,
                "; with {} problems and as many flips, {} points would be found in four cases of five",
                one.n,
                signed(difference).trim_start_matches('+')
            );
        }
        None => text.push_str("; too few problems differ to show any difference"),
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn signed(share: f64) -> String {
    format!("{:+.1}", share * 100.0)
}

/// Two programs side by side in columns of `width` characters: `<` and `>` stand between lines that are on one side
/// alone, `|` between lines that differ.
pub fn side_by_side(left: &str, right: &str, width: usize) -> String {
    let width = width.max(1);
    let diff = TextDiff::from_lines(left, right);
    let mut text = String::new();
    let mut removed: Vec<String> = Vec::new();
    let mut added: Vec<String> = Vec::new();
    let flush = |removed: &mut Vec<String>, added: &mut Vec<String>, text: &mut String| {
        for at in 0..removed.len().max(added.len()) {
            let (left, right) = (removed.get(at), added.get(at));
            let sign = match (left, right) {
                (Some(_), Some(_)) => '|',
                (Some(_), None) => '<',
                _ => '>',
            };
            row(
                text,
                left.map_or("", String::as_str),
                sign,
                right.map_or("", String::as_str),
                width,
            );
        }
        removed.clear();
        added.clear();
    };
    for change in diff.iter_all_changes() {
        let line = change.value().trim_end_matches(['\n', '\r']).to_string();
        match change.tag() {
            ChangeTag::Delete => removed.push(line),
            ChangeTag::Insert => added.push(line),
            ChangeTag::Equal => {
                flush(&mut removed, &mut added, &mut text);
                row(&mut text, &line, ' ', &line, width);
            }
        }
    }
    flush(&mut removed, &mut added, &mut text);
    text
}

fn row(text: &mut String, left: &str, sign: char, right: &str, width: usize) {
    let cut = |line: &str| -> String {
        let line: String = line
            .replace('\t', "    ")
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect();
        match line.chars().count() > width {
            true => line.chars().take(width - 1).chain(['…']).collect(),
            false => line,
        }
    };
    let line = format!("{:width$} {sign} {}", cut(left), cut(right));
    text.push_str(line.trim_end());
    text.push('\n');
}
