use model::Config;
use trainer::Document;

use super::peer::{Precision, Python};
use super::{Bench, Bounds, Figure, Peer, Row, made_up, rates};
use crate::commands::bench::quiet::{Samples, Watch};
use crate::ui::Ui;

/// Steps in which every token is trained, beside torch in some precisions.
///
/// # Errors
/// When a sample cannot be taken.
pub(super) fn rows(
    bench: &mut Bench<'_, '_>,
    config: &Config,
    precisions: &[Precision],
    ui: &Ui,
) -> anyhow::Result<Vec<Row>> {
    if precisions.is_empty() {
        return Ok(Vec::new());
    }
    let (n_examples, length) = (bench.plan.n_examples, bench.plan.length);
    let documents: Vec<Document> = (0..n_examples)
        .map(|i| Document {
            tokens: made_up(config.n_vocab, i, length),
            trained: vec![true; length + 1],
            n_prefix: 0,
        })
        .collect();
    // The first step makes room in memory.
    (bench.step)(&documents);
    let mut ours = Samples::default();
    let mut peers: Vec<(Precision, anyhow::Result<(Python, Samples)>)> = precisions
        .iter()
        .map(|&precision| {
            ui.note(&format!("starting torch, {precision:?}"));
            let peer = Python::start(bench.plan, config, precision);
            let peer = peer.map(|python| (python, Samples::default()));
            (precision, peer)
        })
        .collect();
    for _ in 0..bench.plan.n_rounds {
        bench.time(&mut ours, &documents)?;
        for (_, peer) in &mut peers {
            if let Ok((python, samples)) = peer {
                let id = python.id();
                let taken = samples.take(Watch::Other(id), || python.step());
                if let Err(error) = taken {
                    *peer = Err(error);
                }
            }
        }
    }
    let n_tokens = n_examples * length;
    let mut rows = Vec::new();
    for (precision, peer) in &peers {
        let (name, bounds) = match precision {
            Precision::F32 => ("f32", Bounds::AtLeast(1.1, 1.5)),
            Precision::Bf16 => ("bf16", Bounds::AtLeast(1.0, 1.6)),
        };
        let figure = match peer {
            Ok((_, samples)) => rates(n_tokens, &ours, Some(samples)),
            Err(reason) => {
                let own = rates(n_tokens, &ours, None).map_or(0.0, |figure| figure.ours);
                Err(format!("{reason:#}; ours {own:.0}"))
            }
        };
        rows.push(Row {
            name: format!("training, {n_examples} x {length}, beside torch in {name}"),
            figure,
            unit: "tokens/s",
            bounds,
        });
        if *precision == Precision::F32 {
            rows.push(memory(peer.as_ref().ok().map(|(python, _)| python)));
        }
    }
    Ok(rows)
}

/// The most memory that this process had so far, beside the peer's.
fn memory(peer: Option<&Python>) -> Row {
    let gibibytes = |bytes: f64| bytes / f64::from(1 << 30);
    let ours = crate::memory::peak().map(|bytes| gibibytes(bytes as f64));
    let figure = ours.ok_or_else(|| "the system does not tell".to_string());
    Row {
        name: "peak memory".to_string(),
        figure: figure.map(|ours| Figure {
            ours,
            peer: peer.map(|python| {
                let median = gibibytes(python.peak_bytes);
                Peer {
                    median,
                    ratio: ours / median,
                }
            }),
            n_samples: 1,
            n_discarded: 0,
        }),
        unit: "GiB",
        bounds: Bounds::Free,
    }
}
