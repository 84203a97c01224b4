use model::{Config, Target};

use super::Plan;
use crate::lora::{LoraShape, Places};
use crate::pass::Keep;
use crate::product::{Store, Threads, View, ViewMut, multiply};

impl Plan {
    /// Floating-point operations for a token that an adapter acts on, for one that the base reads alone,
    /// and more for one that is trained.
    pub fn operations(
        config: &Config,
        shape: &LoraShape,
        keep: Keep,
        n_context: usize,
    ) -> [f64; 3] {
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
        let own = n_passes * (frozen + adapter + 2.0 * attention) + adapter + 3.0 * attention;
        let prefix = frozen + 2.0 * attention;
        let trained = 4.0 * (config.n_embd * config.n_vocab) as f64;
        [own, prefix, trained]
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
