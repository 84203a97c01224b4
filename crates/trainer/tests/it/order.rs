use proptest::prelude::*;
use trainer::{Order, order};

const PLAIN: Order = Order {
    seed: 42,
    per_step: 3,
    packed_len: None,
    n_epochs: 2.0,
    max_steps: None,
};

/// The order is part of what a run is: these numbers never change.
#[test]
fn the_order_is_the_same_on_every_machine() {
    let steps = order(PLAIN, &[10; 8]);
    let examples: Vec<&[usize]> = steps.iter().map(|step| &step.examples[..]).collect();
    assert_eq!(
        examples,
        [
            &[0usize, 4, 5][..],
            &[7, 2, 3],
            &[6, 1],
            &[4, 6, 3],
            &[5, 7, 0],
            &[1, 2]
        ]
    );
    assert_eq!(
        steps.iter().map(|step| step.epoch).collect::<Vec<_>>(),
        [0, 0, 0, 1, 1, 1]
    );
}

#[test]
fn runs_may_be_cut_short() {
    let half = Order {
        n_epochs: 0.5,
        ..PLAIN
    };
    let n: usize = order(half, &[10; 9])
        .iter()
        .map(|step| step.examples.len())
        .sum();
    assert_eq!(n, 5);
    let most = Order {
        max_steps: Some(2),
        ..PLAIN
    };
    assert_eq!(order(most, &[10; 9]).len(), 2);
}

proptest! {
    /// Every epoch has every example once; packed sequences keep to their length.
    #[test]
    fn nothing_is_lost(
        lengths in prop::collection::vec(1usize..100, 1..80),
        seed in any::<u64>(),
        per_step in 1usize..5,
        packed in any::<bool>(),
    ) {
        let settings = Order { seed, per_step, packed_len: packed.then_some(100), ..PLAIN };
        let steps = order(settings, &lengths);
        for epoch in 0..2 {
            let mut seen: Vec<usize> = steps
                .iter()
                .filter(|step| step.epoch == epoch)
                .flat_map(|step| step.examples.clone())
                .collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
        }
        for step in &steps {
            let n_tokens: usize = step.examples.iter().map(|&i| lengths[i]).sum();
            prop_assert!(n_tokens <= per_step * 100);
        }
    }
}
