use crate::chance::Purpose;
use crate::data::{self, Example, Order, Step};
use crate::settings::{SetAside, Settings};

/// The steps of a run over some examples.
pub fn steps(settings: &Settings, examples: &[Example]) -> Vec<Step> {
    let lengths: Vec<usize> = examples
        .iter()
        .map(|one| one.document.tokens.len())
        .collect();
    let order = Order {
        seed: settings.seed,
        per_step: settings.micro_batch_size * settings.gradient_accumulation_steps,
        packed_len: settings.sample_packing.then_some(settings.sequence_len),
        n_epochs: settings.num_epochs,
        max_steps: settings.max_steps,
    };
    data::order(order, &lengths)
}

/// Takes examples away that only measure what is learnt: the last ones after shuffling, in their old order.
pub fn set_aside(settings: &Settings, mut examples: Vec<Example>) -> (Vec<Example>, Vec<Example>) {
    let n = match settings.val_set_size {
        SetAside::Count(n) => n,
        SetAside::Share(share) => (share * examples.len() as f64).round() as usize,
    };
    // One example at least stays to learn from.
    let n = n.min(examples.len().saturating_sub(1));
    let order = data::shuffled(examples.len(), Purpose::SetAside, settings.seed, 0);
    let mut chosen = order[..n].to_vec();
    chosen.sort_unstable();
    let mut aside = Vec::with_capacity(n);
    for &i in chosen.iter().rev() {
        aside.push(examples.remove(i));
    }
    aside.reverse();
    (examples, aside)
}
