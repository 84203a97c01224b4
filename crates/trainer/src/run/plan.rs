//! What a run will need, before anything is loaded.

use model::{Config, ModelError, Source, Target};
use serde::Serialize;

use super::PASS_TOKENS;
use crate::base::Residence;
use crate::head::{CHUNK, VOCABULARY_BLOCK};
use crate::lora::{LoraShape, Places};
use crate::pass::Keep;
use crate::product::{Store, Threads, View, ViewMut, multiply};
use crate::settings::Settings;

/// Bytes of a number that is computed with.
const WIDTH: usize = 4;

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
    /// Buffers that all blocks share, with one decoded matrix.
    pub scratch: usize,
    /// Logits of a chunk of positions, and the part of the head that gives them.
    pub head: usize,
    /// Tokens of the longest pass.
    pub pass_tokens: usize,
}

impl Plan {
    /// What a run over examples of at most `longest` tokens will need.
    ///
    /// # Errors
    /// When the model's dimensions cannot be used, or a matrix is missing.
    pub fn new(
        source: &dyn Source,
        shape: &LoraShape,
        longest: usize,
        keep: Keep,
        residence: Residence,
    ) -> Result<Plan, ModelError> {
        let config = source.config()?;
        let mut plan = Plan::of_config(&config, shape, longest.max(PASS_TOKENS), keep);
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
        longest: usize,
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
    pub fn of_config(config: &Config, shape: &LoraShape, pass_tokens: usize, keep: Keep) -> Plan {
        let places = Places::new(shape, config);
        let (n_embd, n_ff) = (config.n_embd, config.n_ff);
        let q_width = config.n_heads * config.head_dim;
        let qkv_width = q_width + 2 * config.n_kv_heads * config.head_dim;
        let inside = qkv_width
            + config.n_heads
            + q_width
            + n_embd
            + 2 * n_ff
            + shape.targets.len() * shape.rank;
        let n_inside = match keep {
            Keep::Everything => config.n_layers,
            Keep::BlockInputs => 1,
        };
        let kept = (config.n_layers + 1) * n_embd + n_inside * inside;
        // The gradient, a norm, two inner vectors, a change, queries' gradients, and attention by heads.
        let scratch = 2 * n_embd + 2 * n_ff + n_embd.max(q_width) + qkv_width + 3 * q_width;
        let largest = Target::ALL.map(|target| target.shape(config));
        let largest = largest.into_iter().map(|(out, n_in)| out * n_in).max();
        let n_labels = CHUNK.min(pass_tokens);
        let block = VOCABULARY_BLOCK.min(config.n_vocab);
        Plan {
            n_trained: places.len,
            base: 0,
            adapter: 4 * places.len * WIDTH,
            kept: kept * pass_tokens * WIDTH,
            scratch: (scratch * pass_tokens + largest.unwrap_or(0)) * WIDTH,
            head: (n_labels * (config.n_vocab + 2 * n_embd) + block * n_embd) * WIDTH,
            pass_tokens,
        }
    }

    /// All of it.
    pub fn total(&self) -> usize {
        self.base + self.adapter + self.kept + self.scratch + self.head
    }

    /// Floating-point operations for a token that is read, and more for one that is trained.
    pub fn operations(
        config: &Config,
        shape: &LoraShape,
        keep: Keep,
        n_context: usize,
    ) -> [f64; 2] {
        let of_layer: usize = Target::ALL
            .map(|target| target.shape(config))
            .into_iter()
            .map(|(out, n_in)| out * n_in)
            .sum();
        // Forward and back to the inputs; forward once more where nothing is kept.
        let n_passes = match keep {
            Keep::Everything => 2.0,
            Keep::BlockInputs => 3.0,
        };
        let frozen = 2.0 * (of_layer * config.n_layers) as f64;
        let adapter = 2.0 * Places::new(shape, config).len as f64;
        let attention = 2.0 * (config.n_layers * config.n_heads * config.head_dim) as f64;
        let attention = attention * n_context as f64 / 2.0;
        let read = n_passes * (frozen + adapter + 2.0 * attention) + adapter + 3.0 * attention;
        let trained = 4.0 * (config.n_embd * config.n_vocab) as f64;
        [read, trained]
    }
}

/// Floating-point operations in a second that this machine's threads do in products of matrices: the best of a few.
pub fn operations_per_second(n_threads: usize) -> f64 {
    const N: usize = 768;
    let (a, b) = (vec![0.5f32; N * N], vec![0.25f32; N * N]);
    let mut out = vec![0.0f32; N * N];
    let mut measure = || {
        let started = std::time::Instant::now();
        multiply(
            ViewMut::rows(&mut out, N),
            Store::Over,
            1.0,
            View::rows(&a, N),
            View::rows(&b, N).t(),
            Threads::All,
        );
        started.elapsed().as_secs_f64()
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .build();
    let mut best = || (0..8).map(|_| measure()).fold(f64::INFINITY, f64::min);
    let seconds = match pool {
        Ok(pool) => pool.install(best),
        Err(_) => best(),
    };
    2.0 * (N * N * N) as f64 / seconds
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
