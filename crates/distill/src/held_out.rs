use std::collections::BTreeSet;

use datasets::{DataSet, LoadError};
use domain::{Digest, Task};

/// Problems that no example may come from, however they are written.
#[derive(Debug, Clone, Default)]
pub struct HeldOut {
    identities: BTreeSet<String>,
    statements: BTreeSet<Digest>,
}

/// Sets that are for evaluation only, whatever a user says.
const NEVER: [&str; 1] = ["humaneval/"];

impl HeldOut {
    /// Holds out the problems of a data set.
    pub fn add(&mut self, set: &DataSet) {
        for task in &set.tasks {
            self.add_id(&task.problem.id);
            self.statements.insert(statement_key(task));
        }
    }

    /// Holds out a problem by its id.
    pub fn add_id(&mut self, id: &str) {
        self.identities.insert(identity(id));
    }

    /// True when the problem is held out: by its id in any form, by its statement, or as one of `HumanEval`'s.
    pub fn holds(&self, task: &Task) -> bool {
        self.holds_id(&task.problem.id) || self.statements.contains(&statement_key(task))
    }

    /// The same by an id alone.
    pub fn holds_id(&self, id: &str) -> bool {
        let identity = identity(id);
        NEVER.iter().any(|family| identity.starts_with(family))
            || self.identities.contains(&identity)
    }
}

/// The same for one problem in its several forms: `MBPP/12` and `mbpp_12_sort_matrix` are `mbpp/12`.
pub fn identity(id: &str) -> String {
    let lower = id.trim().to_lowercase();
    let family_end = lower
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(lower.len());
    let (family, rest) = lower.split_at(family_end);
    let rest = rest.strip_prefix(['_', '/']).unwrap_or(rest);
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let tail = &rest[number.len()..];
    match (family.is_empty(), number.is_empty()) {
        (false, false) if tail.is_empty() || tail.starts_with('_') => {
            format!("{family}/{}", number.trim_start_matches('0'))
        }
        _ => lower,
    }
}

/// The rows of a file of JSON lines that may be held out for evaluation, as they were written and in their order: none
/// whose problem is one of `taken`. Where more than `most` are left, the seed chooses.
///
/// # Errors
/// When the file is of no known format.
pub fn hold_out<'a>(
    file: &str,
    text: &str,
    taken: impl IntoIterator<Item = &'a str>,
    most: usize,
    seed: u64,
) -> Result<Vec<String>, LoadError> {
    let taken: BTreeSet<String> = taken.into_iter().map(identity).collect();
    let mut rows = Vec::new();
    for (at, row) in text.lines().enumerate() {
        if row.trim().is_empty() {
            continue;
        }
        let set = datasets::read(file, row.as_bytes())?;
        let ids = set.tasks.iter().map(|task| identity(&task.problem.id));
        if let Some(id) = ids.into_iter().find(|id| !taken.contains(id)) {
            rows.push((Digest::of_json(&("held out/1", seed, id)), at, row));
        }
    }
    rows.sort();
    rows.truncate(most);
    rows.sort_by_key(|(_, at, _)| *at);
    Ok(rows
        .into_iter()
        .map(|(_, _, row)| row.to_string())
        .collect())
}

/// Equal for problems that are stated in the same words.
fn statement_key(task: &Task) -> Digest {
    Digest::of(crate::words::words(&task.problem.statement).join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_problem_in_its_several_forms() {
        for (id, expect) in [
            ("MBPP/12", "mbpp/12"),
            ("mbpp_12_sort_matrix", "mbpp/12"),
            ("mbpp_120_max_product", "mbpp/120"),
            ("HumanEval/7", "humaneval/7"),
            ("HumanEval_7_x", "humaneval/7"),
            ("APPS-150/3", "apps-150/3"),
            ("LiveCode/abc361_f", "livecode/abc361_f"),
            ("LiveCode/3455", "livecode/3455"),
            ("9ce37bc2d361", "9ce37bc2d361"),
            ("", ""),
        ] {
            assert_eq!(identity(id), expect);
        }
        let mut held_out = HeldOut::default();
        held_out.add_id("mbpp_12_sort_matrix");
        assert!(held_out.holds_id("MBPP/12") && held_out.holds_id("HumanEval/3"));
        assert!(!held_out.holds_id("MBPP/1"));
    }
}
