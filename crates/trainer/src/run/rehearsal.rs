//! Steps without a run, to measure what they take.

use model::Source;

use super::{TrainError, cut};
use crate::base::{Base, Residence};
use crate::data::Document;
use crate::lora::LoraShape;
use crate::optimiser::{AdamW, AdamWSettings, clip};
use crate::pass::{Keep, Passes};

/// Loads a base, begins an adapter, and hands `work` a function that takes a step over some documents
/// and gives their mean loss. Prefixes are remembered as far as `prefix_bytes` go.
///
/// # Errors
/// When the model cannot be used, or threads cannot be started.
pub fn rehearse<R: Send>(
    source: &dyn Source,
    shape: &LoraShape,
    keep: Keep,
    residence: Residence,
    prefix_bytes: usize,
    n_threads: usize,
    work: impl FnOnce(&mut dyn FnMut(&[Document]) -> f64) -> R + Send,
) -> Result<R, TrainError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .build()
        .map_err(|error| TrainError::Threads(error.to_string()))?;
    pool.install(|| {
        let base = Base::<f32>::load(source, residence)?;
        let mut passes = Passes::new(&base, shape, keep).remember(prefix_bytes);
        let mut numbers = passes.begin(1);
        let settings = AdamWSettings {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        };
        let mut optimiser = AdamW::new(settings, numbers.len());
        let mut gradient = vec![0.0; numbers.len()];
        Ok(work(&mut |documents: &[Document]| {
            let n_trained: usize = documents.iter().map(Document::n_trained).sum();
            let factor = 1.0 / n_trained.max(1) as f64;
            gradient.fill(0.0);
            let mut loss = 0.0;
            for documents in
                cut::passes(documents.iter().collect(), |document: &&Document| *document)
            {
                loss += passes.loss_and_gradient(&numbers, &documents, factor, &mut gradient, None);
            }
            clip(&mut gradient, Some(1.0));
            optimiser.step(&mut numbers, &gradient, 1e-4);
            loss * factor
        }))
    })
}
