//! Whether a merged model says what its base says with the adapter beside it.

use std::fmt;

use model::{ModelError, Source};

use crate::adapter::StoredAdapter;
use crate::base::{Base, Residence};
use crate::data::Document;
use crate::lora::LoraShape;
use crate::pass::{Keep, Passes};

/// How far two models are apart on some text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parity {
    /// Tokens that were compared.
    pub n_tokens: usize,
    /// Mean divergence (Kullback and Leibler) of the merged model's next tokens, in nats.
    pub divergence: f64,
    /// The largest difference of a logit.
    pub largest: f64,
}

impl Parity {
    /// Compares a base with an adapter and a merged model on some tokens, computed in 32 bits
    /// with one matrix decoded at a time.
    ///
    /// # Errors
    /// When a model cannot be used.
    ///
    /// # Panics
    /// When a token is not in the vocabulary.
    pub fn measure(
        source: &dyn Source,
        adapter: &StoredAdapter,
        merged: &dyn Source,
        tokens: &[u32],
    ) -> Result<Parity, ModelError> {
        let document = Document {
            tokens: tokens.to_vec(),
            trained: vec![true; tokens.len()],
            n_prefix: 0,
        };
        let logits = |source: &dyn Source, shape: &LoraShape, numbers: &[f32]| {
            let base = Base::<f32>::load(source, Residence::AsStored)?;
            let mut passes = Passes::new(&base, shape, Keep::BlockInputs);
            Ok::<_, ModelError>((passes.logits(numbers, &document), base.config.n_vocab))
        };
        let (beside, n_vocab) = logits(source, &adapter.shape, adapter.numbers())?;
        let (within, _) = logits(merged, &LoraShape::nothing(), &[])?;
        let mut parity = Parity {
            n_tokens: beside.len() / n_vocab,
            divergence: 0.0,
            largest: 0.0,
        };
        for (p, q) in beside
            .chunks_exact(n_vocab)
            .zip(within.chunks_exact(n_vocab))
        {
            let (log_p, log_q) = (log_sum(p), log_sum(q));
            for (&a, &b) in p.iter().zip(q) {
                let (a, b) = (f64::from(a), f64::from(b));
                parity.largest = parity.largest.max((a - b).abs());
                parity.divergence += (a - log_p).exp() * ((a - log_p) - (b - log_q));
            }
        }
        parity.divergence /= parity.n_tokens.max(1) as f64;
        Ok(parity)
    }
}

/// The logarithm of the sum of exponentials.
fn log_sum(logits: &[f32]) -> f64 {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let highest = f64::from(highest);
    let sum: f64 = logits.iter().map(|&x| (f64::from(x) - highest).exp()).sum();
    highest + sum.ln()
}

/// Shown in words.
impl fmt::Display for Parity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "on {} tokens the divergence is {:.1e} nats, and logits differ by {:.1e} at most",
            self.n_tokens, self.divergence, self.largest
        )
    }
}
