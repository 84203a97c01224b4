//! What a run will need, before anything is loaded.

use model::{Config, ModelError, Source, Target};
use serde::Serialize;

use super::cut::{PASS_TOKENS, PREFIX_TOKENS};
use crate::base::Residence;
use crate::data::Example;
use crate::head::{CHUNK, VOCABULARY_BLOCK};
use crate::lora::{LoraShape, Places};
use crate::pass::Keep;
use crate::settings::Settings;

mod layers;
mod time;

pub use layers::PlanRow;
pub use time::operations_per_second;

/// Bytes of a number that is computed with.
const WIDTH: usize = 4;

/// The longest of some examples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Longest {
    /// Tokens that an adapter acts on.
    pub own: usize,
    /// Tokens before them, which the base reads alone.
    pub prefix: usize,
}

impl Longest {
    /// Those of some examples.
    pub fn of<'a>(examples: impl IntoIterator<Item = &'a Example>) -> Longest {
        let mut longest = Longest::default();
        for example in examples {
            let document = &example.document;
            let prefix = document.n_prefix.min(document.tokens.len());
            longest.prefix = longest.prefix.max(prefix);
            longest.own = longest.own.max(document.tokens.len() - prefix);
        }
        longest
    }

    /// The most tokens of a pass of such examples.
    fn of_passes(self) -> Longest {
        Longest {
            own: self.own.max(PASS_TOKENS),
            prefix: match self.prefix {
                0 => 0,
                prefix => prefix.max(PREFIX_TOKENS),
            },
        }
    }
}

/// What a run will need in memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Numbers that are trained.
    pub n_trained: usize,
    /// Weights of the base, as the file has them or decoded.
    pub base: usize,
    /// The adapter, its gradient, and the optimiser's two means.
    pub adapter: usize,
    /// What lies between the blocks, and what is kept inside of them.
    pub kept: usize,
    /// Keys and values of the prefixes of a pass, and what a block computes of one.
    pub prefixes: usize,
    /// Buffers that all blocks share, with one decoded matrix.
    pub scratch: usize,
    /// Logits of a chunk of positions, and the part of the head that gives them.
    pub head: usize,
    /// Tokens of the longest pass.
    pub pass_tokens: usize,
}

impl Plan {
    /// What a run over examples of at most these lengths will need.
    ///
    /// # Errors
    /// When the model's dimensions cannot be used, or a matrix is missing.
    pub fn new(
        source: &dyn Source,
        shape: &LoraShape,
        longest: Longest,
        keep: Keep,
        residence: Residence,
    ) -> Result<Plan, ModelError> {
        let config = source.config()?;
        let mut plan = Plan::of_config(&config, shape, longest.of_passes(), keep);
        for (name, shape) in matrices(&config, source.weights("output.weight").is_some()) {
            let tensor = model::tensor(source, &name, shape)?;
            plan.base += match residence {
                Residence::AsStored => tensor.bytes.len(),
                Residence::Decoded => shape.0 * shape.1 * WIDTH,
            };
        }
        Ok(plan)
    }

    /// The fastest way to run that takes at most `limit` bytes, or the most frugal one where none does.
    /// What is kept is decided already where the settings say so.
    ///
    /// # Errors
    /// When the model's dimensions cannot be used, or a matrix is missing.
    pub fn choose(
        source: &dyn Source,
        settings: &Settings,
        longest: Longest,
        limit: usize,
    ) -> Result<(Plan, Keep, Residence), ModelError> {
        let ways = [
            (Keep::Everything, Residence::Decoded),
            (Keep::Everything, Residence::AsStored),
            (Keep::BlockInputs, Residence::Decoded),
            (Keep::BlockInputs, Residence::AsStored),
        ];
        let wanted = settings.gradient_checkpointing.map(|again| match again {
            true => Keep::BlockInputs,
            false => Keep::Everything,
        });
        let shape = settings.shape();
        let mut last = None;
        for (keep, residence) in ways {
            if wanted.is_some_and(|wanted| wanted != keep) {
                continue;
            }
            let plan = Plan::new(source, &shape, longest, keep, residence)?;
            let fits = plan.total() <= limit;
            last = Some((plan, keep, residence));
            if fits {
                break;
            }
        }
        Ok(last.expect("one way at least is left"))
    }

    /// The same without the weights of the base, which only its files tell.
    pub fn of_config(config: &Config, shape: &LoraShape, longest: Longest, keep: Keep) -> Plan {
        let places = Places::new(shape, config);
        let widths = Widths::new(config);
        let (n_embd, n_ff) = (config.n_embd, config.n_ff);
        let n_inside = match keep {
            Keep::Everything => config.n_layers,
            Keep::BlockInputs => 1,
        };
        let kept = (config.n_layers + 1) * n_embd + n_inside * widths.inside(shape);
        // Keys and values in all blocks, a block's inside, and the stream before and after it.
        let prefixes = config.n_layers * (widths.qkv - widths.q)
            + widths.inside(&LoraShape::nothing())
            + 2 * n_embd;
        // The gradient, a norm, two inner vectors, a change, queries' gradients, and attention by heads.
        let scratch = 2 * n_embd + 2 * n_ff + n_embd.max(widths.q) + widths.qkv + 3 * widths.q;
        let largest = Target::ALL.map(|target| target.shape(config));
        let largest = largest.into_iter().map(|(out, n_in)| out * n_in).max();
        let n_labels = CHUNK.min(longest.own);
        let block = VOCABULARY_BLOCK.min(config.n_vocab);
        Plan {
            n_trained: places.len,
            base: 0,
            adapter: 4 * places.len * WIDTH,
            kept: kept * longest.own * WIDTH,
            prefixes: prefixes * longest.prefix * WIDTH,
            scratch: (scratch * longest.own.max(longest.prefix) + largest.unwrap_or(0)) * WIDTH,
            head: (n_labels * (config.n_vocab + 2 * n_embd) + block * n_embd) * WIDTH,
            pass_tokens: longest.own,
        }
    }

    /// All of it.
    pub fn total(&self) -> usize {
        self.base + self.adapter + self.kept + self.prefixes + self.scratch + self.head
    }
}

/// The widths of what a block computes for a row.
struct Widths {
    q: usize,
    qkv: usize,
    /// All that lies inside a block, adapters apart.
    rest: usize,
}

impl Widths {
    fn new(config: &Config) -> Widths {
        let q = config.n_heads * config.head_dim;
        let qkv = q + 2 * config.n_kv_heads * config.head_dim;
        let rest = qkv + config.n_heads + q + config.n_embd + 2 * config.n_ff;
        Widths { q, qkv, rest }
    }

    /// All that lies inside a block, with what lies between A and B.
    fn inside(&self, shape: &LoraShape) -> usize {
        self.rest + shape.targets.len() * shape.rank
    }
}

/// The matrices of a model with their shapes.
fn matrices(config: &Config, has_head: bool) -> Vec<(String, (usize, usize))> {
    let vocabulary = (config.n_vocab, config.n_embd);
    let mut matrices = vec![("token_embd.weight".to_string(), vocabulary)];
    if has_head {
        matrices.push(("output.weight".to_string(), vocabulary));
    }
    for layer_idx in 0..config.n_layers {
        matrices.extend(Target::ALL.map(|target| {
            let name = format!("blk.{layer_idx}.{}.weight", target.gguf_name());
            (name, target.shape(config))
        }));
    }
    matrices
}
