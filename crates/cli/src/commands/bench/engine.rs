//! What the local engine gives: rates of prompts and replies with and without adapters, memory, and the time to begin.

mod made_up;
mod passes;
mod peer;
mod whole;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use engine::{Device, Layout};
use model::{Adapter, Limits};

use self::made_up::MadeUp;
use self::passes::Passes;
use self::peer::Llama;
use self::whole::Whole;
use super::quiet::Samples;
use super::{Bounds, Figure, Peer, Row, figure};
use crate::assets::LocalModel;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::wiring;

/// The rows, as the help explains them.
pub(crate) const TABLE: &str = "\
What is measured, with random tokens and adapters of made-up numbers on every linear layer. Decode and prefill are
passes of the model alone: nothing is drawn from the logits, and no engine is around them.
  decode            tokens per second of so many replies at a time, all behind one prompt of 64 tokens
  prefill           tokens per second of 512 tokens of prompts, cut into so many of equal length
  with adapters     the same with 1 adapter, or with 4 in turn from row to row of prompts and replies;
                    the peer is our own rate without adapters
  memory limit      bytes per second that all threads read; and the share of it that decode 1 takes for weights
  arithmetic limit  32-bit multiplications and additions per second of all threads; and the share of it
                    that prefill takes (products of 8-bit integers may exceed it)
  first token       from the start of the engine to the first token of a short prompt, with the file in memory
  shared problem    25 calls of four activated adapters about one problem of 1,000 tokens, one after the other;
                    the peer asks about problems that differ in their first word; of its calls every fifth is
                    measured, and counted five times
  from the cache    of the prompt tokens of these 25 calls, the share that was found in the cache
  repeating reply   tokens per second of one reply, its prompt included, that writes a program of the prompt again;
  free reply        and of one that tells a story; the peer is our own rate without guesses from the prompt
  held reply        tokens per second of a story in the form of a plan, held to it by the grammar; the peer is a
                    free story of at most so many tokens
  memory            model, 4 adapters and 32 conversations of 2,048 tokens: all but the cache as measured, the
                    cache as full; compared with file, adapters and cache

`--llama` measures llama.cpp's `llama-batched-bench` in turn with ours, on the same file with as many threads;
build it with GGML_NATIVE=ON. Without it that peer is absent. A sample counts when others took at most 4 % of
all cores meanwhile; `busy` says how many did not count. If none counts, all are used.";

/// How much to measure.
pub(super) struct Plan {
    /// Quiet samples of each figure.
    pub(super) n_samples: usize,
    /// Rank of the adapters.
    pub(super) rank: usize,
    /// llama.cpp's program.
    pub(super) llama: Option<PathBuf>,
}

/// The longest time for one comparison.
const PATIENCE: Duration = Duration::from_secs(20);

/// Replies, or prompts, at a time.
const BATCHES: [usize; 4] = [1, 4, 8, 32];

/// Adapters in the table.
const N_ADAPTERS: usize = 4;

/// Measures the table.
///
/// # Errors
/// When another device than the processor is set, the model cannot be had or used, or the peer cannot be run.
pub(super) fn run(plan: &Plan, settings: &Settings, ui: &Ui) -> anyhow::Result<Vec<Row>> {
    if settings.device != Device::Cpu {
        // Half of the table is about memory and arithmetic of this machine's processor.
        let message = format!(
            "the processor is measured, not the device `{}`",
            settings.device
        );
        return Err(Failure::new(Exit::Usage, message)
            .help("set MAPCODER_DEVICE=cpu")
            .into());
    }
    let interrupt = Interrupt::listen(ui)?;
    let model = LocalModel::of(settings)?;
    let path = model.ensure(settings, ui, &interrupt)?;
    let setup = wiring::engine_settings(settings, &model, &path);
    let llama = plan
        .llama
        .clone()
        .filter(|_| settings.weights == Layout::Packed)
        .map(|program| Llama {
            program,
            path: path.clone(),
        });

    ui.note("measuring the whole engine");
    let whole = Whole::new(&path, &setup, plan)?;
    let mut rows = vec![whole.memory()?, whole.first_token()?];
    rows.extend(whole.shared_problem()?);
    rows.extend(whole.guesses()?);
    rows.push(whole.held_reply()?);

    let source = engine::open(&path)?;
    let n_threads = engine::plan(&*source, &setup)?.n_threads;
    ui.note("measuring the machine");
    let limits = Limits::measure(n_threads);
    let made_up = MadeUp::new(&source.config()?, plan.rank, &[])?;
    let adapters = made_up
        .paths()
        .map(|path| Adapter::load(&path, &source.config()?).context("a made-up adapter"))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let passes = Passes::new(&*source, &setup, n_threads, adapters)?;
    for n in BATCHES {
        ui.note(&format!("measuring {n} at a time"));
        rows.extend(passes.rows(n, plan.n_samples, llama.as_ref())?);
    }
    let rate = |name: &str| {
        let row = rows.iter().find(|row| row.name == name)?;
        row.figure.as_ref().ok().map(|figure| figure.ours)
    };
    let decode = rate("decode 1").context("decoding was measured")?;
    let prefill = rate("prefill 1").context("prompts were measured")?;
    let free = |name: &str, ours, unit| Row::once(name, unit, Bounds::Free, ours, None);
    let weights = passes.n_weights_bytes() as f64;
    rows.push(free("memory limit", limits.memory / 1e9, "GB/s"));
    rows.push(free(
        "decode 1, of the memory limit",
        decode * weights / limits.memory,
        "share",
    ));
    rows.push(free("arithmetic limit", limits.arithmetic / 1e9, "Gflop/s"));
    rows.push(free(
        "prefill 1, of the arithmetic limit",
        prefill * passes.flops_per_token() / limits.arithmetic,
        "share",
    ));
    Ok(rows)
}

/// A row of two things that were timed in turn, each so many tokens.
fn rates(
    name: String,
    n_tokens: usize,
    ours: &Samples,
    theirs: Option<&Samples>,
    bounds: Bounds,
) -> anyhow::Result<Row> {
    let rate = |samples: &Samples| {
        let median_ms = samples.median().context("no sample was taken")?;
        anyhow::Ok(n_tokens as f64 / median_ms * 1e3)
    };
    let own = rate(ours)?;
    let peer = match theirs {
        None => None,
        Some(theirs) => {
            let median = rate(theirs)?;
            Some(Peer {
                median,
                ratio: own / median,
            })
        }
    };
    Ok(Row {
        name,
        figure: Ok(Figure {
            peer,
            ..figure(ours, own)
        }),
        unit: "tokens/s",
        // Without its peer a figure has nothing to be compared with.
        bounds: if peer.is_some() { bounds } else { Bounds::Free },
    })
}
