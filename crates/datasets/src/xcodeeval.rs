//! xCodeEval's program synthesis (Khan et al., 2023): problems from Codeforces.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::time::Duration;

use domain::{Form, HiddenTests, Limits, Problem, Task, Test};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::errata;
use crate::rows::{Entry, parse};

/// A row of `problem_descriptions.jsonl`, or of the joined form, which puts `prob_desc_` before the names of most fields.
#[derive(Deserialize)]
struct Row {
    src_uid: String,
    #[serde(alias = "prob_desc_description")]
    description: String,
    #[serde(default, alias = "prob_desc_input_from")]
    input_from: Option<String>,
    #[serde(default, alias = "prob_desc_output_to")]
    output_to: Option<String>,
    #[serde(alias = "prob_desc_time_limit")]
    time_limit: Option<String>,
    #[serde(alias = "prob_desc_memory_limit")]
    memory_limit: Option<String>,
    #[serde(alias = "prob_desc_input_spec")]
    input_spec: Option<String>,
    #[serde(alias = "prob_desc_output_spec")]
    output_spec: Option<String>,
    #[serde(alias = "prob_desc_notes")]
    notes: Option<String>,
    #[serde(alias = "prob_desc_sample_inputs")]
    sample_inputs: Value,
    #[serde(alias = "prob_desc_sample_outputs")]
    sample_outputs: Value,
    #[serde(default)]
    tags: Value,
    #[serde(default)]
    difficulty: Value,
    /// In the joined form only: the tests as JSON text.
    hidden_unit_tests: Option<String>,
}

#[derive(Deserialize)]
struct UnitTest {
    input: String,
    output: Vec<String>,
}

impl UnitTest {
    fn into_test(self) -> Test {
        Test::Stdio {
            input: unix(&self.input),
            expected: self.output.iter().map(|output| unix(output)).collect(),
        }
    }
}

pub(crate) fn entry(row: &str) -> Result<Entry, String> {
    let row: Row = parse(row)?;
    for (name, channel, usual) in [
        ("input_from", &row.input_from, "standard input"),
        ("output_to", &row.output_to, "standard output"),
    ] {
        if let Some(channel) = channel
            && channel.trim() != usual
        {
            return Err(format!("`{name}` is `{channel}`: only {usual} is judged"));
        }
    }
    let inputs = strings(&row.sample_inputs).ok_or("`sample_inputs` is no list of strings")?;
    let outputs = strings(&row.sample_outputs).ok_or("`sample_outputs` is no list of strings")?;
    if inputs.len() != outputs.len() {
        return Err(format!(
            "{} sample inputs, {} sample outputs",
            inputs.len(),
            outputs.len()
        ));
    }
    let samples = inputs
        .iter()
        .zip(&outputs)
        .map(|(input, output)| Test::Stdio {
            input: unix(input),
            expected: vec![unix(output)],
        });
    let hidden: Vec<UnitTest> = match &row.hidden_unit_tests {
        None => Vec::new(),
        Some(text) => parse(text).map_err(|what| format!("`hidden_unit_tests`: {what}"))?,
    };
    let mut statement = format!("{}\n", row.description.trim());
    for (title, text) in [
        ("Input", &row.input_spec),
        ("Output", &row.output_spec),
        ("Notes", &row.notes),
    ] {
        if let Some(text) = text
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            statement += &format!("\n## {title}\n\n{text}\n");
        }
    }
    let errata = errata::of_statement(&statement).into_iter().collect();
    Ok(Entry {
        task: Task {
            problem: Problem {
                id: row.src_uid,
                statement,
                form: Form::Stdio,
                samples: samples.collect(),
                limits: limits(row.time_limit.as_deref(), row.memory_limit.as_deref())?,
                difficulty: match row.difficulty {
                    Value::Number(number) => Some(number.to_string()),
                    Value::String(word) if !word.is_empty() => Some(word),
                    _ => None,
                },
                tags: strings(&row.tags).unwrap_or_default(),
            },
            hidden: HiddenTests::new(hidden.into_iter().map(UnitTest::into_test).collect()),
        },
        dropped: Vec::new(),
        errata,
        reference: None,
    })
}

/// Gives the tasks their hidden tests from the text of `unittest_db.json`: an object with a list of tests for each
/// problem. It is read once through; only the tests of these tasks are kept.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn add_hidden(tasks: &mut [Task], database: impl Read) -> Result<(), String> {
    let ids: HashMap<String, usize> = (0..)
        .zip(tasks.iter())
        .map(|(at, task)| (task.problem.id.clone(), at))
        .collect();
    let mut reader = serde_json::Deserializer::from_reader(database);
    let found = Wanted(&ids)
        .deserialize(&mut reader)
        .map_err(|error| error.to_string())?;
    for (at, tests) in found {
        let tests = tests.into_iter().map(UnitTest::into_test).collect();
        tasks[at].hidden = HiddenTests::new(tests);
    }
    Ok(())
}

/// Reads the lists of the ids that it knows, and skips the others without keeping them.
struct Wanted<'a>(&'a HashMap<String, usize>);

type Found = Vec<(usize, Vec<UnitTest>)>;

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of tests for each problem")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut found = Vec::new();
        while let Some(id) = map.next_key::<String>()? {
            match self.0.get(&id) {
                Some(&at) => found.push((at, map.next_value()?)),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// A list of strings, or the JSON text of one.
fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::String(text) => serde_json::from_str(text).ok(),
        list => serde_json::from_value(list.clone()).ok(),
    }
}

/// The texts of Codeforces end their lines with CR LF.
fn unix(text: &str) -> String {
    text.replace('\r', "")
}

/// The limits from texts such as `1.5 seconds` and `256 megabytes`.
fn limits(time: Option<&str>, memory: Option<&str>) -> Result<Limits, String> {
    let number = |text: &str, units: [&str; 2]| {
        let (number, unit) = text.trim().split_once(' ')?;
        let number: f64 = number.parse().ok()?;
        (units.contains(&unit.trim()) && number > 0.0 && number <= 100_000.0).then_some(number)
    };
    let mut limits = Limits::default();
    if let Some(text) = time {
        let seconds = number(text, ["second", "seconds"])
            .ok_or_else(|| format!("`time_limit` is `{text}`, not a number of seconds"))?;
        limits = Limits::with_cpu(Duration::from_secs_f64(seconds));
    }
    if let Some(text) = memory {
        let megabytes = number(text, ["megabyte", "megabytes"])
            .ok_or_else(|| format!("`memory_limit` is `{text}`, not a number of megabytes"))?;
        limits.memory_bytes = (megabytes * f64::from(1 << 20)) as u64;
    }
    Ok(limits)
}
