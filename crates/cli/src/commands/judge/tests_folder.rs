//! Tests as pairs of files.

use std::path::Path;

use domain::Test;

use super::run::text;
use crate::exit::{Exit, Failure};

/// The pairs in a folder, with their names, in the order of the numbers in them.
///
/// # Errors
/// When the folder or a file cannot be read, an input has no answer, or there is no pair at all.
pub(super) fn read(folder: &Path) -> Result<Vec<(String, Test)>, Failure> {
    let wrong = |reason: String| {
        let message = format!("failed to read the tests in {}: {reason}", folder.display());
        Failure::new(Exit::Usage, message)
            .help("a test is a pair NAME.in and NAME.out or NAME.ans, or inputNAME.txt and outputNAME.txt")
    };
    let entries = folder
        .read_dir()
        .map_err(|error| wrong(error.to_string()))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| wrong(error.to_string()))?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    let mut tests = Vec::new();
    for input in &names {
        let Some((name, answers)) = answers(input) else {
            continue;
        };
        let answer = answers.into_iter().find(|answer| names.contains(answer));
        let Some(answer) = answer else {
            return Err(wrong(format!("{input} has no answer beside it")));
        };
        let test = Test::Stdio {
            input: text(&folder.join(input))?,
            expected: vec![text(&folder.join(answer))?],
        };
        tests.push((name, test));
    }
    if tests.is_empty() {
        return Err(wrong("there is no pair of files".into()));
    }
    tests.sort_by_cached_key(|(name, _)| by_number(name));
    Ok(tests)
}

/// The name of the test of an input file, and what its answer may be called.
fn answers(input: &str) -> Option<(String, Vec<String>)> {
    if let Some(name) = input.strip_suffix(".in") {
        let answers = vec![format!("{name}.out"), format!("{name}.ans")];
        return Some((name.to_string(), answers));
    }
    let name = input.strip_prefix("input")?.strip_suffix(".txt")?;
    Some((
        format!("input{name}"),
        vec![format!("output{name}.txt"), format!("answer{name}.txt")],
    ))
}

/// Sorts `2` before `10`: the first number in the name, then the name.
fn by_number(name: &str) -> (u64, String) {
    let digits: String = name
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    (digits.parse().unwrap_or(0), name.to_string())
}
