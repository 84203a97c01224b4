//! MBPP in the typed Python form of MultiPL-E (Cassano et al., 2022), with MapCoder's `sample_io`.

use domain::{Form, HiddenTests, Limits, Problem, Task, Test};
use serde::Deserialize;

use crate::humaneval::{statement, visible_samples};
use crate::rows::{Entry, parse};

#[derive(Deserialize)]
struct Row {
    name: String,
    language: String,
    prompt: String,
    entry_point: String,
    test: String,
    #[serde(default)]
    sample_io: Vec<String>,
}

pub(crate) fn entry(row: &str) -> Result<Entry, String> {
    let row: Row = parse(row)?;
    if row.language != "py" {
        return Err(format!(
            "its language is `{}`, only `py` is read",
            row.language
        ));
    }
    let (samples, dropped) =
        visible_samples(&row.name, &row.prompt, &row.entry_point, &row.sample_io);
    Ok(Entry {
        task: Task {
            problem: Problem {
                statement: statement(&row.prompt, &row.entry_point),
                id: row.name,
                form: Form::Function {
                    entry_point: row.entry_point,
                    prompt: row.prompt,
                },
                samples,
                limits: Limits::default(),
                difficulty: None,
                tags: Vec::new(),
            },
            hidden: HiddenTests::new(vec![Test::Python { code: row.test }]),
        },
        dropped,
        errata: Vec::new(),
        reference: None,
    })
}
