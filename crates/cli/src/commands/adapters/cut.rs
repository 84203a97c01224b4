use std::fs;
use std::io::ErrorKind;

use trainer::Precision;

use crate::adapters::{CONFIG, WEIGHTS};
use crate::args::CutArgs;
use crate::assets::io_error;
use crate::draft::Draft;
use crate::exit::Exit;
use crate::settings::Settings;
use crate::ui::{Ui, megabytes};

/// The model card of an adapter.
const CARD: &str = "README.md";

/// Writes a smaller adapter, and says how far its corrections are from those of the whole one.
///
/// # Errors
/// When the adapter is none for the model, or the place is taken.
pub(super) fn run(args: &CutArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let opened = super::open(&args.adapter, &args.base, settings)?;
    let config = opened.source.config()?;
    let precision = if args.half {
        Precision::F16
    } else {
        Precision::F32
    };
    let rank = args
        .rank
        .map_or(opened.stored.shape.rank, |rank| rank as usize);
    let small = opened.stored.cut(rank, precision, &config);
    let (text, weights) = small.to_peft(precision, &opened.base, &config);
    let draft = Draft::begin(&args.output)?;
    draft.write(CONFIG, text.as_bytes())?;
    draft.write(WEIGHTS, &weights)?;
    let card = args.adapter.join(CARD);
    match fs::read(&card) {
        Ok(card) => draft.write(CARD, &card)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(io_error("read", &card)(error).into()),
    }
    draft.finish()?;
    ui.note(&format!(
        "rank {} of {}, {}: {:.3} % away from the whole adapter",
        small.shape.rank,
        opened.stored.shape.rank,
        megabytes(weights.len() as u64),
        100.0 * opened.stored.distance(&small, &config),
    ));
    ui.line(&args.output.display().to_string())?;
    Ok(Exit::Success)
}
