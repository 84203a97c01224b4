//! The model card, which says what an adapter is and how it came about.

use super::Job;
use super::checkpoint::{Checkpoint, Identity};

/// A model card in Markdown, as Hugging Face's hub reads it.
pub(super) fn write(
    job: &Job<'_>,
    identity: &Identity,
    state: &Checkpoint,
    n_steps: usize,
) -> String {
    let settings = job.settings;
    let targets: Vec<&str> = settings
        .lora_target_modules
        .iter()
        .map(|target| target.name())
        .collect();
    let measured = match state.best {
        Some(best) => format!(
            "The lowest loss on {} examples set aside was {:.4} nats per token, after step {}.",
            job.set_aside.len(),
            best.loss,
            best.step
        ),
        None => "No examples were set aside.".to_string(),
    };
    let n_trained: usize = job
        .examples
        .iter()
        .map(|one| one.document.n_trained())
        .sum();
    format!(
        "---\nbase_model: {base}\nlibrary_name: peft\npipeline_tag: text-generation\ntags: [lora]\n---\n\n\
         # Adapter for {base}\n\n\
         A low-rank adapter of rank {rank} (alpha {alpha}) on {targets}, trained by mapcoder \
         with the base frozen.\n\n\
         - Steps: {step} of {n_steps}, {rows} examples or sequences each; learning rate {rate}, \
         weight decay {decay}, dropout {dropout}, seed {seed}.\n\
         - Examples: {n_examples} with {n_trained} trained tokens; SHA-256 of their tokens `{digest}`.\n\
         - {measured}\n",
        base = settings.base_model,
        rank = settings.lora_r,
        alpha = settings.lora_alpha,
        targets = targets.join(", "),
        step = state.step,
        rows = settings.micro_batch_size * settings.gradient_accumulation_steps,
        rate = settings.learning_rate,
        decay = settings.weight_decay,
        dropout = settings.lora_dropout,
        seed = settings.seed,
        n_examples = job.examples.len(),
        digest = identity.examples(),
    )
}
