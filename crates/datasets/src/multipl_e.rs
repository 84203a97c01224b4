//! MBPP in the typed Python form of MultiPL-E (Cassano et al., 2022), with MapCoder's `sample_io`.

use domain::Test;
use serde::Deserialize;

use crate::humaneval::Function;
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
    let function = Function {
        id: row.name,
        prompt: row.prompt,
        entry_point: row.entry_point,
    };
    Ok(function.entry(&row.sample_io, vec![Test::Python { code: row.test }], None))
}
