use model::{Config, ModelError, Source, Target};
use serde::Serialize;

use super::{Longest, Plan, WIDTH, Widths};
use crate::base::Residence;
use crate::lora::LoraShape;
use crate::pass::Keep;

/// A part of a plan, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanRow {
    /// What needs the memory.
    pub name: String,
    /// Weights of the base.
    pub base: usize,
    /// The adapter, its gradient, and the optimiser's two means.
    pub adapter: usize,
    /// What is computed and kept, and buffers.
    pub computed: usize,
}

impl PlanRow {
    /// All of it.
    pub fn total(&self) -> usize {
        self.base + self.adapter + self.computed
    }
}

impl Plan {
    /// The plan part by part: the embedding, each layer, the head, and what they share. The sum is [`Plan::total`],
    /// with the weights that `weights` counts, given a tensor's name and shape.
    ///
    /// # Errors
    /// Those of `weights`.
    pub fn parts<E>(
        config: &Config,
        shape: &LoraShape,
        longest: Longest,
        keep: Keep,
        weights: impl Fn(&str, (usize, usize)) -> Result<usize, E>,
    ) -> Result<Vec<PlanRow>, E> {
        let plan = Plan::of_config(config, shape, longest, keep);
        let widths = Widths::new(config);
        let stream = config.n_embd * longest.own * WIDTH;
        let inside = widths.inside(shape) * longest.own * WIDTH;
        let of_targets = |targets: &[Target]| -> usize {
            let numbers = targets.iter().map(|target| target.shape(config));
            let numbers: usize = numbers.map(|(out, n_in)| (out + n_in) * shape.rank).sum();
            4 * numbers * WIDTH
        };
        let row = |name: &str, base, adapter, computed| PlanRow {
            name: name.to_string(),
            base,
            adapter,
            computed,
        };
        let vocabulary = (config.n_vocab, config.n_embd);
        let embedding = weights("token_embd.weight", vocabulary)?;
        let mut rows = vec![row("embedding", embedding, 0, stream)];
        for layer_idx in 0..config.n_layers {
            let mut base = 0;
            for target in Target::ALL {
                let name = format!("blk.{layer_idx}.{}.weight", target.gguf_name());
                base += weights(&name, target.shape(config))?;
            }
            let own = match keep {
                Keep::Everything => stream + inside,
                Keep::BlockInputs => stream,
            };
            let name = format!("layer {layer_idx}");
            rows.push(row(&name, base, of_targets(&shape.targets), own));
        }
        let head = weights("output.weight", vocabulary)?;
        rows.push(row("head and logits", head, 0, plan.head));
        if keep == Keep::BlockInputs {
            rows.push(row("inside of one layer", 0, 0, inside));
        }
        if plan.prefixes > 0 {
            rows.push(row("prefixes", 0, 0, plan.prefixes));
        }
        rows.push(row("buffers", 0, 0, plan.scratch));
        Ok(rows)
    }

    /// The same for a model's files.
    ///
    /// # Errors
    /// When the model's dimensions cannot be used, or a matrix is missing.
    pub fn parts_of(
        source: &dyn Source,
        shape: &LoraShape,
        longest: Longest,
        keep: Keep,
        residence: Residence,
    ) -> Result<Vec<PlanRow>, ModelError> {
        let config = source.config()?;
        let bytes = |name: &str, shape: (usize, usize)| -> Result<usize, ModelError> {
            if name == "output.weight" && source.weights(name).is_none() {
                return Ok(0);
            }
            let tensor = model::tensor(source, name, shape)?;
            Ok(match residence {
                Residence::AsStored => tensor.bytes.len(),
                Residence::Decoded => shape.0 * shape.1 * WIDTH,
            })
        };
        Plan::parts(&config, shape, longest.of_passes(), keep, bytes)
    }
}
