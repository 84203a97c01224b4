use anyhow::Context as _;
use model::{ChatTemplate, Source};
use trainer::{Document, Encoding};

use super::{Bench, Bounds, Plan, Row, rates};
use crate::commands::bench::quiet::Samples;

/// Examples that are packed.
const N_EXAMPLES: usize = 16;

/// The most tokens of an example, as settings have it by default.
const LONGEST: usize = 2048;

/// Some rows of a file of examples, spread over it evenly; none where no file is named.
///
/// # Errors
/// When the examples or the model's template cannot be used.
pub(super) fn read(plan: &Plan<'_>, source: &dyn Source) -> anyhow::Result<Option<Vec<Document>>> {
    let Some(data) = plan.data else {
        return Ok(None);
    };
    let encoding = Encoding {
        template: &ChatTemplate::load(source)?,
        tokenizer: &source.tokenizer()?,
        sequence_len: LONGEST,
        invocation: &[],
        agent: None,
    };
    let (examples, tally) = encoding.read(&[data.to_path_buf()])?;
    anyhow::ensure!(!examples.is_empty(), "{}: {tally}", data.display());
    let n = N_EXAMPLES.min(examples.len());
    let chosen = (0..n).map(|i| examples[i * examples.len() / n].document.clone());
    Ok(Some(chosen.collect()))
}

/// Examples one after the other, beside the same ones padded.
///
/// # Errors
/// When a sample cannot be taken.
pub(super) fn row(bench: &mut Bench<'_, '_>, examples: Option<&[Document]>) -> anyhow::Result<Row> {
    let row = |name: String, figure| Row {
        name,
        figure,
        unit: "tokens/s",
        bounds: Bounds::AtLeast(1.5, 2.0),
    };
    let Some(packed) = examples else {
        let reason = "no rows of examples; name some with `--data`".to_string();
        return Ok(row("packed".to_string(), Err(reason)));
    };
    let padded: Vec<Document> = packed.chunks(bench.plan.n_examples).flat_map(pad).collect();
    let lengths = packed.iter().map(|one| one.tokens.len());
    let (least, most) = (lengths.clone().min(), lengths.clone().max());
    let range = least.zip(most).context("there are examples")?;
    let [mut ours, mut theirs] = [Samples::default(), Samples::default()];
    (bench.step)(&packed[..1]);
    for _ in 0..bench.plan.n_rounds {
        bench.time(&mut ours, packed)?;
        bench.time(&mut theirs, &padded)?;
    }
    let name = format!(
        "packed, {} real rows of {} to {} tokens",
        packed.len(),
        range.0,
        range.1
    );
    Ok(row(name, rates(lengths.sum(), &ours, Some(&theirs))))
}

/// A batch with every example as long as its longest.
fn pad(batch: &[Document]) -> Vec<Document> {
    let longest = batch.iter().map(|one| one.tokens.len()).max().unwrap_or(0);
    let pad = |one: &Document| {
        let mut one = one.clone();
        one.tokens.resize(longest, 0);
        one.trained.resize(longest, false);
        one
    };
    batch.iter().map(pad).collect()
}
