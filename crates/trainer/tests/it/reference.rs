//! Twenty steps against `transformers` with `peft`.

use std::path::Path;

use model::Source;
use safetensors::SafeTensors;
use serde::Deserialize;
use trainer::{
    AdamW, AdamWSettings, Base, Document, Keep, LoraShape, Passes, Residence, Schedule, Target,
    clip, peft,
};

use crate::gradients::tiny;

/// What `tests/reference/passes.py` wrote.
#[derive(Deserialize)]
struct Steps {
    learning_rate: f64,
    n_warmup: u64,
    clip: f64,
    weight_decay: f64,
    documents: Vec<Tokens>,
    losses: Vec<f64>,
    norms: Vec<f64>,
}

#[derive(Deserialize)]
struct Tokens {
    tokens: Vec<u32>,
    trained: Vec<bool>,
    #[serde(default)]
    n_prefix: usize,
}

/// How close two gradients are: the cosine of the angle between them.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(x, y)| f64::from(*x) * f64::from(*y))
            .sum()
    };
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

/// Trains as the reference did, all documents packed into one pass; gives the largest difference in loss
/// and the smallest cosine of any matrix's gradient.
fn compare(source: &dyn Source, folder: &Path, rank: usize) -> (f64, f64) {
    let text = std::fs::read_to_string(folder.join("steps.json")).unwrap();
    let steps: Steps = serde_json::from_str(&text).unwrap();
    let documents: Vec<Document> = steps
        .documents
        .into_iter()
        .map(|of_file| Document {
            tokens: of_file.tokens,
            trained: of_file.trained,
            n_prefix: of_file.n_prefix,
        })
        .collect();
    let documents: Vec<&Document> = documents.iter().collect();
    let n_trained: usize = documents.iter().map(|document| document.n_trained()).sum();
    let base = Base::<f32>::load(source, Residence::AsStored).unwrap();
    let shape = LoraShape {
        rank,
        scale: 2.0,
        targets: Target::ALL.to_vec(),
    };
    let mut numbers = peft::read(folder, &shape, &base.config).unwrap();
    let mut passes = Passes::new(&base, &shape, Keep::BlockInputs);
    let settings = AdamWSettings {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: steps.weight_decay,
    };
    let mut optimiser = AdamW::new(settings, numbers.len());
    let n_steps = steps.losses.len() as u64;
    let bytes = std::fs::read(folder.join("gradients.safetensors")).unwrap();
    let gradients = SafeTensors::deserialize(&bytes).unwrap();
    let (mut worst_loss, mut worst_cosine) = (0.0f64, 1.0f64);
    for (step, (loss, norm)) in (0..).zip(steps.losses.iter().zip(&steps.norms)) {
        let factor = 1.0 / n_trained as f64;
        let mut gradient = vec![0.0; numbers.len()];
        let ours = passes.loss_and_gradient(&numbers, &documents, factor, &mut gradient, None);
        worst_loss = worst_loss.max((ours * factor - loss).abs());
        if step == 0 || step + 1 == n_steps {
            // Written and read as an adapter, so that names and orders of rows are those of PEFT.
            let written = passes.to_peft(&gradient);
            let written = SafeTensors::deserialize(&written).unwrap();
            for name in written.names() {
                let [ours, theirs] = [
                    written.tensor(name),
                    gradients.tensor(&format!("{step}.{name}")),
                ]
                .map(|tensor| -> Vec<f32> {
                    let numbers = tensor.unwrap().data().chunks_exact(4);
                    numbers
                        .map(|x| f32::from_le_bytes(x.try_into().unwrap()))
                        .collect()
                });
                worst_cosine = worst_cosine.min(cosine(&ours, &theirs));
            }
        }
        let our_norm = clip(&mut gradient, Some(steps.clip));
        assert!(
            (our_norm / norm - 1.0).abs() < 0.01,
            "norm {our_norm} in place of {norm}"
        );
        let rate = steps.learning_rate * Schedule::Cosine.share(step, steps.n_warmup, n_steps);
        optimiser.step(&mut numbers, &gradient, rate);
    }
    assert!(
        steps.losses[0] - steps.losses.last().unwrap() > 0.05,
        "something was learnt"
    );
    (worst_loss, worst_cosine)
}

#[test]
fn twenty_steps_are_those_of_peft() {
    for (name, model) in [
        ("tiny-llama", "tiny-llama"),
        ("tiny-qwen2", "tiny-qwen2"),
        // Two of its documents begin alike, which is computed once here and twice there.
        ("activated", "tiny-llama"),
    ] {
        let source = model::open(&tiny(model)).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/reference")
            .join(name);
        let (loss, cosine) = compare(&*source, &folder, 2);
        assert!(loss < 1e-4, "{name}: a loss is {loss} off");
        assert!(cosine > 0.9999, "{name}: a gradient has cosine {cosine}");
    }
}

/// The same on a whole model: `passes.py FOLDER OUT` wrote OUT, and the model is a folder or a GGUF file.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a slow test is asked for by the environment"
)]
fn twenty_steps_are_those_of_peft_on_a_whole_model() {
    let variables = ["MAPCODER_TRAINER_MODEL", "MAPCODER_TRAINER_REFERENCE"];
    let [Some(model), Some(folder)] = variables.map(std::env::var_os) else {
        println!("skipped: MAPCODER_TRAINER_MODEL and MAPCODER_TRAINER_REFERENCE are not set");
        return;
    };
    let source = model::open(Path::new(&model)).unwrap();
    let (loss, cosine) = compare(&*source, Path::new(&folder), 32);
    println!("largest difference in loss {loss:.2e}, smallest cosine {cosine:.8}");
    assert!(loss < 1e-4, "a loss is {loss} off");
    assert!(cosine > 0.9999, "a gradient has cosine {cosine}");
}
