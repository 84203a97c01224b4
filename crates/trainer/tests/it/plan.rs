//! What a plan says, where it can be checked.

use model::{Architecture, Config, RopeScaling};
use trainer::{Keep, LoraShape, Plan, Residence, Target};

use crate::gradients::tiny;

/// Qwen2.5-7B.
const QWEN: Config = Config {
    architecture: Architecture::Qwen2,
    n_layers: 28,
    n_embd: 3584,
    n_ff: 18_944,
    n_heads: 28,
    n_kv_heads: 4,
    head_dim: 128,
    n_rotated: 128,
    n_ctx: 32_768,
    n_vocab: 152_064,
    norm_epsilon: 1e-6,
    rope_base: 1e6,
    rope_scaling: RopeScaling::Linear { factor: 1.0 },
};

fn gibibytes(n: usize) -> String {
    format!("{:.2} GiB", n as f64 / f64::from(1 << 30))
}

/// The table of the documentation is what the plan says.
#[test]
fn a_large_model_needs_what_is_documented() {
    let shape = LoraShape {
        rank: 32,
        scale: 2.0,
        targets: Target::ALL.to_vec(),
    };
    let plan = Plan::of_config(&QWEN, &shape, 4096, Keep::BlockInputs);
    assert_eq!(plan.n_trained, 80_740_352);
    let n_weights: usize = Target::ALL
        .map(|target| target.shape(&QWEN))
        .map(|(out, n_in)| QWEN.n_layers * out * n_in)
        .iter()
        .sum();
    let n_weights = n_weights + 2 * QWEN.n_vocab * QWEN.n_embd;
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/train.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    // Q4_1 has 20 bytes for 32 weights.
    let rows = [
        ("base", 2 * n_weights, n_weights / 32 * 20),
        ("adapter, gradient, AdamW", plan.adapter, plan.adapter),
        ("kept between blocks", plan.kept, plan.kept),
        ("buffers", plan.scratch, plan.scratch),
        ("logits", plan.head, plan.head),
    ];
    let (mut in_bf16, mut in_q4) = (0, 0);
    for (what, bf16, q4) in rows {
        let row = format!("| {what} | {} | {} |", gibibytes(bf16), gibibytes(q4));
        assert!(docs.contains(&row), "{row}");
        in_bf16 += bf16;
        in_q4 += q4;
    }
    let row = format!("| in all | {} | {} |", gibibytes(in_bf16), gibibytes(in_q4));
    assert!(docs.contains(&row), "{row}");
}

#[test]
fn ways_to_run_trade_memory_for_time() {
    let source = model::open(&tiny("tiny-llama")).unwrap();
    let shape = LoraShape {
        rank: 4,
        scale: 2.0,
        targets: Target::ALL.to_vec(),
    };
    let total = |keep, residence| {
        Plan::new(&*source, &shape, 10, keep, residence)
            .unwrap()
            .total()
    };
    let frugal = total(Keep::BlockInputs, Residence::AsStored);
    assert!(frugal < total(Keep::BlockInputs, Residence::Decoded));
    assert!(frugal < total(Keep::Everything, Residence::AsStored));
    let settings =
        trainer::Settings::parse("base_model: a\ndatasets: b\noutput_dir: c\nlora_r: 4").unwrap();
    let choose = |limit| {
        let (plan, keep, residence) = Plan::choose(&*source, &settings, 10, limit).unwrap();
        (plan.total(), keep, residence)
    };
    let fast = total(Keep::Everything, Residence::Decoded);
    assert_eq!(
        choose(usize::MAX),
        (fast, Keep::Everything, Residence::Decoded)
    );
    assert_eq!(choose(fast - 1).2, Residence::AsStored);
    assert_eq!(choose(0), (frugal, Keep::BlockInputs, Residence::AsStored));
    assert!(source.config().unwrap().n_layers == 2);
}
