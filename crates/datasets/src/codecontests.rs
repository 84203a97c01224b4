//! CodeContests (Li et al., 2022), as its proto messages look in JSON and Parquet, and MapCoder's form of it.

use std::time::Duration;

use domain::{Form, HiddenTests, Limits, Problem, Task, Test};
use serde::Deserialize;
use serde_json::Value;

use crate::apps::SubsetTest;
use crate::errata;
use crate::rows::{Entry, parse};

const WITH_FILES: &str =
    "it was posed with files; programs read standard input and write standard output";

/// The reference solution's language: Python 3.
const PYTHON3: u64 = 3;

#[derive(Deserialize)]
struct Row {
    name: String,
    description: String,
    public_tests: Option<Tests>,
    private_tests: Option<Tests>,
    generated_tests: Option<Tests>,
    #[serde(default)]
    difficulty: Value,
    #[serde(default)]
    cf_rating: Option<u64>,
    #[serde(default)]
    cf_tags: Option<Vec<String>>,
    #[serde(default)]
    time_limit: Option<TimeLimit>,
    #[serde(default)]
    memory_limit_bytes: Option<u64>,
    #[serde(default)]
    input_file: Option<String>,
    #[serde(default)]
    output_file: Option<String>,
    #[serde(default)]
    solutions: Option<Solutions>,
}

#[derive(Deserialize, Default)]
struct Tests {
    #[serde(default)]
    input: Vec<String>,
    #[serde(default)]
    output: Vec<String>,
}

#[derive(Deserialize)]
struct TimeLimit {
    #[serde(default)]
    seconds: u64,
    #[serde(default)]
    nanos: u32,
}

#[derive(Deserialize)]
struct Solutions {
    #[serde(default)]
    language: Vec<u64>,
    #[serde(default)]
    solution: Vec<String>,
}

impl Tests {
    /// None where the group is absent, as in some rows of Parquet.
    fn of(group: Option<Tests>, name: &str) -> Result<Vec<Test>, String> {
        group.unwrap_or_default().into_tests(name)
    }

    fn into_tests(self, name: &str) -> Result<Vec<Test>, String> {
        if self.input.len() != self.output.len() {
            return Err(format!(
                "`{name}` has {} inputs and {} outputs",
                self.input.len(),
                self.output.len()
            ));
        }
        let pairs = self.input.into_iter().zip(self.output);
        Ok(pairs
            .map(|(input, output)| Test::Stdio {
                input,
                expected: vec![output],
            })
            .collect())
    }
}

pub(crate) fn entry(row: &str) -> Result<Entry, String> {
    let row: Row = parse(row)?;
    let samples = Tests::of(row.public_tests, "public_tests")?;
    let mut hidden = samples.clone();
    hidden.extend(Tests::of(row.private_tests, "private_tests")?);
    hidden.extend(Tests::of(row.generated_tests, "generated_tests")?);
    if hidden.is_empty() {
        return Err("it has no tests".to_string());
    }
    let mut limits = Limits::default();
    if let Some(limit) = row.time_limit {
        let cpu = Duration::new(limit.seconds.min(3600), limit.nanos.min(999_999_999));
        if !cpu.is_zero() {
            limits = Limits::with_cpu(cpu);
        }
    }
    if let Some(bytes) = row.memory_limit_bytes.filter(|bytes| *bytes > 0) {
        limits.memory_bytes = bytes;
    }
    let mut statement = format!("{}\n", row.description.trim());
    let named = |file: &Option<String>| file.clone().filter(|name| !name.trim().is_empty());
    let files = [named(&row.input_file), named(&row.output_file)];
    let mut errata: Vec<&str> = errata::of_statement(&row.description).into_iter().collect();
    if let [Some(_), _] | [_, Some(_)] = &files {
        errata.push(WITH_FILES);
        statement += "\nRead standard input and write standard output, not the files that are named above.\n";
    }
    let reference = row.solutions.and_then(|solutions| {
        let at = solutions.language.iter().position(|one| *one == PYTHON3)?;
        solutions.solution.get(at).cloned()
    });
    Ok(Entry {
        task: Task {
            problem: Problem {
                id: row.name,
                statement,
                form: Form::Stdio,
                samples,
                limits,
                difficulty: match (row.cf_rating.filter(|rating| *rating > 0), row.difficulty) {
                    (Some(rating), _) => Some(rating.to_string()),
                    (None, Value::Number(number)) => Some(number.to_string()),
                    (None, Value::String(word)) => Some(word),
                    _ => None,
                },
                tags: row
                    .cf_tags
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|tag| !tag.is_empty())
                    .collect(),
            },
            hidden: HiddenTests::new(hidden),
        },
        dropped: Vec::new(),
        errata,
        reference,
    })
}

#[derive(Deserialize)]
struct MapcoderRow {
    name: String,
    description: String,
    #[serde(default)]
    difficulty: Value,
    #[serde(default)]
    tags: Value,
    sample_io: Vec<SubsetTest>,
    test_list: Vec<SubsetTest>,
}

/// A row of MapCoder's form: the private and generated tests in one list, without limits.
pub(crate) fn mapcoder_entry(row: &str) -> Result<Entry, String> {
    let row: MapcoderRow = parse(row)?;
    if row.test_list.is_empty() {
        return Err("`test_list` is empty".to_string());
    }
    let tests = |tests: Vec<SubsetTest>| tests.into_iter().map(SubsetTest::into_test).collect();
    let errata = errata::of_statement(&row.description).into_iter().collect();
    Ok(Entry {
        task: Task {
            problem: Problem {
                id: row.name,
                statement: format!("{}\n", row.description.trim()),
                form: Form::Stdio,
                samples: tests(row.sample_io),
                limits: Limits::default(),
                difficulty: match row.difficulty {
                    Value::Number(number) => Some(number.to_string()),
                    Value::String(word) => Some(word),
                    _ => None,
                },
                tags: serde_json::from_value(row.tags).unwrap_or_default(),
            },
            hidden: HiddenTests::new(tests(row.test_list)),
        },
        dropped: Vec::new(),
        errata,
        reference: None,
    })
}
