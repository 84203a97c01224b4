use std::path::Path;

use engine::{EngineError, Plan};

use super::refusal;
use crate::exit::{Exit, Failure};

/// What is said of a plan of 4,000 MB beside the cache, 2,000 MB of which are weights.
fn told(cache_bytes: usize, available_bytes: usize) -> Failure {
    let plan = Plan {
        weights_bytes: 2_000_000_000,
        adapters_bytes: 1_500_000_000,
        scratch_bytes: 500_000_000,
        cache_bytes,
        cache_tokens: 65_536,
        context_tokens: 8_192,
        max_sequences: 32,
        n_threads: 2,
    };
    let error = plan.check(available_bytes).unwrap_err();
    assert!(matches!(error, EngineError::Memory { .. }));
    refusal(error, Path::new("model.gguf"))
}

#[test]
fn a_plan_beyond_memory_says_what_to_lower() {
    let expected = Failure::new(
        Exit::Usage,
        "model.gguf: failed to start the engine: it takes 7000.0 MB of memory (2000.0 MB of weights, 1500.0 MB of \
         adapters, 3000.0 MB of cache for 65536 tokens, 500.0 MB of scratch), and 6500.0 MB are available",
    )
    .help("lower `--n-parallel`, now 32, or `--context`, now 8192 tokens: both decide on the cache");
    assert_eq!(told(3_000_000_000, 6_500_000_000), expected);
    // No cache is small enough.
    let expected = Failure::new(
        Exit::Usage,
        "model.gguf: failed to start the engine: it takes 4000.0 MB of memory (2000.0 MB of weights, 1500.0 MB of \
         adapters, 0.0 MB of cache for 65536 tokens, 500.0 MB of scratch), and 4000.0 MB are available",
    )
    .help("choose a smaller model, or keep its weights in 4 bits with `--weights q4_1`");
    assert_eq!(told(1, 4_000_000_000), expected);
}
