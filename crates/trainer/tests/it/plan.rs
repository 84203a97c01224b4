//! What a plan says, where it can be checked.

use model::{Architecture, Config, RopeScaling};
use trainer::{Keep, Longest, LoraShape, Plan, PlanRow, Residence, Target};

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

/// Examples that are shorter than a pass, with prefixes.
const SHORT: Longest = Longest { own: 10, prefix: 7 };

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
    let longest = Longest {
        own: 4096,
        prefix: 0,
    };
    let plan = Plan::of_config(&QWEN, &shape, longest, Keep::BlockInputs);
    assert_eq!(plan.n_trained, 80_740_352);
    let parts = |bytes: fn(usize) -> usize| {
        let weights = |_: &str, (out, n_in)| Ok::<usize, ()>(bytes(out * n_in));
        Plan::parts(&QWEN, &shape, longest, Keep::BlockInputs, weights).unwrap()
    };
    // Q4_1 has 20 bytes for 32 weights.
    let (bf16, q4) = (parts(|n| 2 * n), parts(|n| n / 32 * 20));
    let n_weights: usize = Target::ALL
        .map(|target| target.shape(&QWEN))
        .map(|(out, n_in)| QWEN.n_layers * out * n_in)
        .iter()
        .sum();
    let n_weights = n_weights + 2 * QWEN.n_vocab * QWEN.n_embd;
    let total = |parts: &[PlanRow]| parts.iter().map(PlanRow::total).sum::<usize>();
    assert_eq!(total(&bf16), plan.total() + 2 * n_weights);
    assert_eq!(total(&q4), plan.total() + n_weights / 32 * 20);
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/train.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let mut missing = String::new();
    let mut row = |cells: &[String]| {
        let row = format!("| {} |", cells.join(" | "));
        if !docs.contains(&row) {
            missing += &format!("{row}\n");
        }
    };
    let layers = |part: &PlanRow| part.name.starts_with("layer ");
    assert_eq!(bf16.iter().filter(|part| layers(part)).count(), 28);
    // The layers are alike, so one row of the table stands for all.
    let is_shown = |part: &PlanRow| !layers(part) || part.name == "layer 0";
    for (a, b) in bf16.iter().zip(&q4).filter(|(part, _)| is_shown(part)) {
        let name = match a.name.as_str() {
            "layer 0" => "each of 28 layers",
            name => name,
        };
        let numbers = [a.base, b.base, a.adapter, a.computed].map(gibibytes);
        row(&[&[name.to_string()][..], &numbers].concat());
    }
    let sum = |parts: &[PlanRow], of: fn(&PlanRow) -> usize| gibibytes(parts.iter().map(of).sum());
    row(&[
        "sum".to_string(),
        sum(&bf16, |part| part.base),
        sum(&q4, |part| part.base),
        sum(&bf16, |part| part.adapter),
        sum(&bf16, |part| part.computed),
    ]);
    let (bf16, q4) = (gibibytes(total(&bf16)), gibibytes(total(&q4)));
    if !docs.contains(&format!("{bf16} in BF16, {q4} in Q4_1")) {
        missing += &format!("{bf16} in BF16, {q4} in Q4_1\n");
    }
    assert!(missing.is_empty(), "{missing}");
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
        let plan = Plan::new(&*source, &shape, SHORT, keep, residence).unwrap();
        let parts = Plan::parts_of(&*source, &shape, SHORT, keep, residence).unwrap();
        let sum: usize = parts.iter().map(PlanRow::total).sum();
        assert_eq!(plan.total(), sum);
        sum
    };
    let frugal = total(Keep::BlockInputs, Residence::AsStored);
    assert!(frugal < total(Keep::BlockInputs, Residence::Decoded));
    assert!(frugal < total(Keep::Everything, Residence::AsStored));
    let settings =
        trainer::Settings::parse("base_model: a\ndatasets: b\noutput_dir: c\nlora_r: 4").unwrap();
    let choose = |limit| {
        let (plan, keep, residence) = Plan::choose(&*source, &settings, SHORT, limit).unwrap();
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
