use std::path::Path;

use anyhow::Context as _;
use model::Folder;
use trainer::{MergeError, Parity};

use super::Opened;
use crate::draft::Draft;
use crate::exit::{Exit, Failure};
use crate::ui::Ui;

/// What the merged model is compared on: text and code, as it will see them.
const PROBE: &str = "Write a Python function that returns the sum of the even numbers in a list.\n\n\
    ```python\ndef sum_of_evens(numbers):\n    return sum(n for n in numbers if n % 2 == 0)\n```\n";

/// The most that the merged model's next-token distributions may differ from those of base and adapter,
/// in nats on average. Weights in 16 bits are rounded once more by the sum.
const MAX_DIVERGENCE: f64 = 0.01;

/// Adds an adapter to its model's weights, and writes the model as a folder of its own after it was compared.
///
/// # Errors
/// When the model is quantised, the adapter cannot be merged, or the merged model says something else.
pub(super) fn run(opened: &Opened, output: &Path, ui: &Ui) -> anyhow::Result<Exit> {
    let Opened {
        stored,
        source,
        base,
    } = opened;
    let config = source.config()?;
    let files = source.files();
    let is_weights = |name: &str| name.ends_with(".safetensors");
    if !files.iter().any(|(name, _)| is_weights(name)) {
        let message = format!(
            "{base} is no folder of safetensors, and only unquantised weights take an adapter"
        );
        return Err(Failure::new(Exit::Usage, message)
            .help("name the unquantised model with `--base`: a folder with `model.safetensors`")
            .into());
    }
    let draft = Draft::begin(output)?;
    let mut n_changed = 0;
    for (name, bytes) in files {
        if is_weights(name) {
            let (merged, n) = stored.merge(bytes, &config).map_err(|error| {
                let exit = match error {
                    MergeError::Activated => Exit::Usage,
                    _ => Exit::Failure,
                };
                Failure::new(exit, format!("failed to {error}"))
            })?;
            draft.write(name, &merged)?;
            n_changed += n;
        } else {
            draft.write(name, bytes)?;
        }
    }
    anyhow::ensure!(
        n_changed == stored.n_matrices(&config),
        "{n_changed} matrices of {} were found in {base}",
        stored.n_matrices(&config)
    );
    let merged = Folder::open(draft.path()).context("the merged model cannot be used")?;
    let tokens = source.tokenizer()?.encode_inside(PROBE)?;
    let parity = Parity::measure(&**source, stored, &merged, &tokens)?;
    ui.note(&format!("{n_changed} matrices changed; {parity}"));
    if parity.divergence.is_nan() || parity.divergence > MAX_DIVERGENCE {
        let message = format!("the merged model says something else: {parity}");
        return Err(Failure::new(Exit::Failure, message)
            .help("keep the adapter beside the model, or merge into weights of 32 bits")
            .into());
    }
    drop(merged);
    draft.finish()?;
    ui.line(&output.display().to_string())?;
    Ok(Exit::Success)
}
