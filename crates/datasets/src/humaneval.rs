//! HumanEval (Chen et al., 2021), MapCoder's variant of it with visible samples, and HumanEval-ET (Dong et al., 2023).

use domain::{Form, HiddenTests, Limits, Problem, Task, Test};
use serde::Deserialize;

use crate::errata;
use crate::rows::{Entry, parse};
use crate::samples::{READINGS, fault, from_docstring, repair};
use crate::{DroppedSample, Format};

#[derive(Deserialize)]
struct Row {
    task_id: String,
    prompt: String,
    entry_point: String,
    #[serde(default)]
    canonical_solution: String,
    #[serde(default)]
    test: String,
    #[serde(default)]
    sample_io: Vec<String>,
    #[serde(default)]
    test_case_list: Vec<String>,
}

pub(crate) fn entry(row: &str) -> Result<Entry, String> {
    let row: Row = parse(row)?;
    let code = format!("{}\n\ncheck({})\n", row.test, row.entry_point);
    Ok(row.into_entry(code))
}

pub(crate) fn et_entry(row: &str) -> Result<Entry, String> {
    let row: Row = parse(row)?;
    if row.test_case_list.is_empty() {
        return Err("`test_case_list` is empty".to_string());
    }
    let code = row.test_case_list.join("\n");
    Ok(Entry {
        errata: errata::of(Format::HumanEvalEt, &[&row.task_id]),
        ..row.into_entry(code)
    })
}

impl Row {
    fn into_entry(self, hidden: String) -> Entry {
        let reference = format!("{}{}", self.prompt, self.canonical_solution);
        let function = Function {
            id: self.task_id,
            prompt: self.prompt,
            entry_point: self.entry_point,
        };
        function.entry(
            &self.sample_io,
            vec![Test::Python { code: hidden }],
            Some(reference),
        )
    }
}

/// A problem that is given as the beginning of a Python function.
pub(crate) struct Function {
    pub(crate) id: String,
    pub(crate) prompt: String,
    pub(crate) entry_point: String,
}

impl Function {
    /// The problem with its tests: `published` are its samples, as they were published.
    pub(crate) fn entry(
        self,
        published: &[String],
        hidden: Vec<Test>,
        reference: Option<String>,
    ) -> Entry {
        let (samples, dropped) =
            visible_samples(&self.id, &self.prompt, &self.entry_point, published);
        Entry {
            task: Task {
                problem: Problem {
                    id: self.id,
                    statement: statement(&self.prompt, &self.entry_point),
                    form: Form::Function {
                        entry_point: self.entry_point,
                        prompt: self.prompt,
                    },
                    samples,
                    limits: Limits::default(),
                    difficulty: None,
                    tags: Vec::new(),
                },
                hidden: HiddenTests::new(hidden),
            },
            dropped,
            errata: Vec::new(),
            reference,
        }
    }
}

/// The statement of a problem that is given as the beginning of a function.
fn statement(prompt: &str, entry_point: &str) -> String {
    format!(
        "Write the Python function `{entry_point}`. It begins like this, and its documentation says what it must do:\n\n```python\n{}\n```\n",
        prompt.trim()
    )
}

/// The published samples, mended; without any, the examples in the documentation string.
fn visible_samples(
    id: &str,
    prompt: &str,
    entry_point: &str,
    published: &[String],
) -> (Vec<Test>, Vec<DroppedSample>) {
    let mut dropped = Vec::new();
    let mut drop_sample = |sample: &str, reason: &str| {
        dropped.push(DroppedSample {
            id: id.to_string(),
            sample: sample.to_string(),
            reason: reason.to_string(),
        });
    };
    let mut samples = Vec::new();
    for sample in published {
        match repair(sample, entry_point) {
            Ok(sample) => samples.push(sample),
            Err(reason) => drop_sample(sample, reason),
        }
    }
    if samples.is_empty() {
        samples = from_docstring(prompt, entry_point);
    }
    if samples.is_empty()
        && let Some((_, readings)) = READINGS.iter().find(|(task_id, _)| *task_id == id)
    {
        samples = readings.iter().map(|sample| sample.to_string()).collect();
    }
    samples.retain(|sample| match fault(id, sample) {
        Some(reason) => {
            drop_sample(sample, reason);
            false
        }
        None => true,
    });
    let samples = samples.into_iter().map(|code| Test::Python { code });
    (samples.collect(), dropped)
}
