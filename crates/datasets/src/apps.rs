//! APPS (Hendrycks et al., 2021), as it was published, and the 150 rows that MapCoder chose, in its form.

use domain::{Form, HiddenTests, Limits, Problem, Task, Test};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::errata;
use crate::printed::{printed, shown};
use crate::rows::{Entry, parse};

/// What is said of rows whose expected outputs are not texts.
pub(crate) const TYPED: &str = "its expected outputs are values, not texts: the judge of the published numbers \
                                refused every answer to it";
/// What is said of rows with inputs beyond ASCII.
const NOT_ASCII: &str =
    "an input is not ASCII: the judge of the published numbers refused every answer to it";

#[derive(Deserialize)]
struct SubsetRow {
    description: String,
    difficulty: Option<String>,
    sample_io: Vec<SubsetTest>,
    test_list: Vec<SubsetTest>,
    #[serde(default)]
    starter_code: String,
}

#[derive(Deserialize)]
pub(crate) struct SubsetTest {
    input: String,
    /// Values of any type; any one suffices.
    output: Vec<Box<RawValue>>,
}

impl SubsetTest {
    fn is_typed(&self) -> bool {
        self.output
            .iter()
            .any(|value| !value.get().trim_start().starts_with('"'))
    }

    pub(crate) fn into_test(self) -> Test {
        Test::Stdio {
            input: self.input.replace('\r', ""),
            expected: self
                .output
                .iter()
                .flat_map(|value| printed(value))
                .collect(),
        }
    }
}

/// A row of MapCoder's subset. Rows repeat problems, so each is named by its place in the file, from 0 on,
/// as published answers name it.
pub(crate) fn subset_entry(row: &str, line: usize) -> Result<Entry, String> {
    let row: SubsetRow = parse(row)?;
    if row.test_list.is_empty() {
        return Err("`test_list` is empty".to_string());
    }
    let mut errata = Vec::new();
    if row.test_list.iter().any(SubsetTest::is_typed) {
        errata.push(TYPED);
    }
    if row.test_list.iter().any(|test| !test.input.is_ascii()) {
        errata.push(NOT_ASCII);
    }
    errata.extend(errata::of_statement(&row.description));
    let tests = |tests: Vec<SubsetTest>| tests.into_iter().map(SubsetTest::into_test).collect();
    Ok(Entry {
        task: Task {
            problem: Problem {
                id: format!("APPS-150/{}", line - 1),
                statement: with_head(&row.description, &row.starter_code),
                form: Form::Stdio,
                samples: tests(row.sample_io),
                limits: Limits::default(),
                difficulty: row.difficulty,
                tags: Vec::new(),
            },
            hidden: HiddenTests::new(tests(row.test_list)),
        },
        dropped: Vec::new(),
        errata,
        reference: None,
    })
}

/// The statement of a problem that was posed for a function and is tested as a whole program.
fn with_head(description: &str, starter_code: &str) -> String {
    let mut statement = format!("{}\n", description.trim());
    if !starter_code.trim().is_empty() {
        statement += &format!(
            "\nThe problem was posed for this function:\n\n```python\n{}\n```\n\nThe program reads its arguments from \
             standard input, one a line, and prints what it returns.\n",
            starter_code.trim()
        );
    }
    statement
}

#[derive(Deserialize)]
struct Row {
    #[serde(alias = "id")]
    problem_id: u64,
    question: String,
    #[serde(default)]
    solutions: String,
    input_output: String,
    difficulty: Option<String>,
    #[serde(default)]
    starter_code: String,
}

#[derive(Deserialize)]
struct InputOutput {
    inputs: Vec<Box<RawValue>>,
    outputs: Vec<Box<RawValue>>,
    fn_name: Option<String>,
}

/// A row as it was published. Tests that stand in the statement, word for word, are its samples.
pub(crate) fn entry(row: &str) -> Result<Entry, String> {
    let row: Row = parse(row)?;
    if row.input_output.trim().is_empty() {
        return Err("it has no tests".to_string());
    }
    let io: InputOutput =
        parse(&row.input_output).map_err(|what| format!("`input_output`: {what}"))?;
    if io.inputs.len() != io.outputs.len() {
        return Err(format!(
            "`input_output` has {} inputs and {} outputs",
            io.inputs.len(),
            io.outputs.len()
        ));
    }
    if io.inputs.is_empty() {
        return Err("it has no tests".to_string());
    }
    let tests: Vec<Test> = io
        .inputs
        .iter()
        .zip(&io.outputs)
        .map(|(input, output)| match &io.fn_name {
            Some(function) => call(function, input, output),
            None => Ok(Test::Stdio {
                input: lines(input),
                expected: vec![lines(output)],
            }),
        })
        .collect::<Result<_, String>>()?;
    let stands_in = |text: &str| !text.trim().is_empty() && row.question.contains(text.trim());
    let samples = tests
        .iter()
        .filter(|test| match test {
            Test::Stdio { input, expected } => stands_in(input) && stands_in(&expected[0]),
            _ => false,
        })
        .cloned()
        .collect();
    let mut statement = format!("{}\n", row.question.trim());
    let form = match io.fn_name {
        None => Form::Stdio,
        Some(entry_point) => {
            statement += &format!(
                "\nThe function is called `{entry_point}`. It begins like this:\n\n```python\n{}\n```\n",
                row.starter_code.trim()
            );
            Form::Function {
                entry_point,
                prompt: row.starter_code,
            }
        }
    };
    let errata = errata::of_statement(&row.question).into_iter().collect();
    let solutions: Vec<String> = serde_json::from_str(&row.solutions).unwrap_or_default();
    Ok(Entry {
        task: Task {
            problem: Problem {
                id: format!("APPS/{}", row.problem_id),
                statement,
                form,
                samples,
                limits: Limits::default(),
                difficulty: row.difficulty,
                tags: Vec::new(),
            },
            hidden: HiddenTests::new(tests),
        },
        dropped: Vec::new(),
        errata,
        reference: solutions.into_iter().next(),
    })
}

/// A test that calls a function. What it returns stands in a list of one, but not in every row.
fn call(function: &str, input: &RawValue, output: &RawValue) -> Result<Test, String> {
    if !input.get().trim_start().starts_with('[') {
        return Err("the arguments of a call are no list".to_string());
    }
    let inner: Option<Vec<&RawValue>> = serde_json::from_str(output.get()).ok();
    let expected = match inner.as_deref() {
        Some([only]) => vec![only.get().to_string(), output.get().to_string()],
        _ => vec![output.get().to_string()],
    };
    Ok(Test::Call {
        function: function.to_string(),
        arguments: input.get().to_string(),
        expected,
    })
}

/// A text, or a list of lines.
fn lines(value: &RawValue) -> String {
    let text = match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
        Ok(lines) => lines
            .iter()
            .map(|line| shown(line) + "\n")
            .collect::<String>(),
        Err(_) => shown(value),
    };
    text.replace('\r', "")
}
