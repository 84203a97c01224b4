//! Every gradient against differences of the loss, in 64 bits.

use std::path::PathBuf;

use model::{Folder, Source};
use trainer::{Base, Document, Drops, Keep, LoraShape, Passes, Residence, Target};

pub(crate) fn tiny(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../model/tests/reference")
        .join(name)
}

/// Tokens that repeat seldom, every third one trained.
fn document(n_tokens: usize, from: u32) -> Document {
    Document {
        tokens: (0..n_tokens as u32)
            .map(|i| (from + 37 * i) % 300)
            .collect(),
        trained: (0..n_tokens)
            .map(|i| i % 3 == 1 || i + 1 == n_tokens)
            .collect(),
        n_prefix: 0,
    }
}

/// Numbers that move everything: neither A nor B is zero.
fn numbers(n: usize) -> Vec<f64> {
    (0..n)
        .map(|i| 0.15 * (0.7 + i as f64 * 1.3).sin())
        .collect()
}

/// One number of every matrix of every layer, and some more.
fn check(name: &str, targets: &[Target], keep: Keep, drops: Option<Drops>) {
    // Longer than a block of queries, and so short that nothing follows.
    let documents = [
        document(71, 5),
        document(1, 9),
        document(13, 11),
        document(2, 40),
    ];
    check_documents(name, targets, keep, drops, &documents);
}

fn check_documents(
    name: &str,
    targets: &[Target],
    keep: Keep,
    drops: Option<Drops>,
    documents: &[Document],
) {
    let folder = Folder::open(&tiny(name)).unwrap();
    let base = Base::<f64>::load(&folder, Residence::AsStored).unwrap();
    let shape = LoraShape {
        rank: 3,
        scale: 1.7,
        targets: targets.to_vec(),
    };
    let mut passes = Passes::new(&base, &shape, keep);
    let mut numbers = numbers(passes.n_numbers());
    let documents: Vec<&Document> = documents.iter().collect();
    let factor = 0.3;
    let mut gradient = vec![0.0; numbers.len()];
    let loss = passes.loss_and_gradient(&numbers, &documents, factor, &mut gradient, drops);
    if drops.is_none() {
        assert!((loss - passes.loss(&numbers, &documents)).abs() < 1e-9);
    }
    let largest = gradient.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    let mut ignored = vec![0.0; numbers.len()];
    // A step that shares no factor with the lengths of matrices visits every one of them.
    for i in (0..numbers.len()).step_by(61) {
        let (step, old) = (1e-4, numbers[i]);
        let mut at = |x: f64| {
            numbers[i] = x;
            passes.loss_and_gradient(&numbers, &documents, factor, &mut ignored, drops)
        };
        let slope = (at(old + step) - at(old - step)) / (2.0 * step) * factor;
        numbers[i] = old;
        let error = (slope - gradient[i]).abs();
        assert!(
            error < 1e-6 * largest,
            "{name} {keep:?} number {i}: {slope} by difference, {} by derivative",
            gradient[i]
        );
    }
}

#[test]
fn gradients_are_slopes_for_llama() {
    check("tiny-llama", &Target::ALL, Keep::Everything, None);
}

#[test]
fn gradients_are_slopes_for_qwen2_with_biases_and_its_own_head() {
    check("tiny-qwen2", &Target::ALL, Keep::BlockInputs, None);
}

#[test]
fn gradients_are_slopes_where_some_layers_are_left_alone() {
    for targets in [
        &[Target::V, Target::Up][..],
        &[Target::Q],
        &[Target::Down, Target::O],
    ] {
        check("tiny-llama", targets, Keep::BlockInputs, None);
    }
}

#[test]
fn gradients_are_slopes_of_what_dropout_leaves() {
    let drops = Drops {
        share: 0.25,
        seed: 3,
        pass: 17,
    };
    check("tiny-qwen2", &Target::ALL, Keep::Everything, Some(drops));
}

/// What is kept, how weights are held, and what else is in a pass changes nothing.
#[test]
fn ways_to_compute_agree() {
    let folder = Folder::open(&tiny("tiny-llama")).unwrap();
    let shape = LoraShape {
        rank: 4,
        scale: 2.0,
        targets: Target::ALL.to_vec(),
    };
    let documents = [document(50, 1), document(90, 2), document(7, 3)];
    let run = |residence, keep, drops, packed: bool| {
        let base = Base::<f64>::load(&folder, residence).unwrap();
        let mut passes = Passes::new(&base, &shape, keep);
        let numbers = numbers(passes.n_numbers());
        let mut gradient = vec![0.0; numbers.len()];
        let mut loss = 0.0;
        let groups: Vec<Vec<&Document>> = if packed {
            vec![documents.iter().collect()]
        } else {
            documents.iter().map(|document| vec![document]).collect()
        };
        for group in groups {
            loss += passes.loss_and_gradient(&numbers, &group, 1.0, &mut gradient, drops);
        }
        (loss, gradient)
    };
    let drops = Some(Drops {
        share: 0.1,
        seed: 1,
        pass: 2,
    });
    let same = |a: &(f64, Vec<f64>), b: &(f64, Vec<f64>)| {
        let largest = a.1.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        let worst =
            a.1.iter()
                .zip(&b.1)
                .map(|(x, y)| (x - y).abs())
                .fold(0.0, f64::max);
        (a.0 - b.0).abs() < 1e-8 && worst < 1e-9 * largest
    };
    let plain = run(Residence::AsStored, Keep::Everything, None, true);
    let dropped = run(Residence::AsStored, Keep::Everything, drops, true);
    assert!(!same(&plain, &dropped), "dropout changes something");
    assert!(same(
        &plain,
        &run(Residence::Decoded, Keep::BlockInputs, None, false)
    ));
    assert!(same(
        &dropped,
        &run(Residence::Decoded, Keep::BlockInputs, drops, true)
    ));
}

#[test]
fn a_new_adapter_changes_nothing_and_follows_from_its_seed() {
    let folder = Folder::open(&tiny("tiny-qwen2")).unwrap();
    let config = folder.config().unwrap();
    let base = Base::<f32>::load(&folder, Residence::Decoded).unwrap();
    let shape = LoraShape {
        rank: 2,
        scale: 1.0,
        targets: Target::ALL.to_vec(),
    };
    let mut passes = Passes::new(&base, &shape, Keep::BlockInputs);
    let (new, again, other) = (passes.begin(1), passes.begin(1), passes.begin(2));
    assert_eq!(new, again);
    assert_ne!(new, other);
    let documents = [document(20, 3)];
    let documents: Vec<&Document> = documents.iter().collect();
    let nothing = vec![0.0; passes.n_numbers()];
    assert_eq!(
        passes.loss(&new, &documents),
        passes.loss(&nothing, &documents)
    );
    let bound = 1.0 / (config.n_embd.min(config.n_ff) as f32).sqrt();
    assert!(new.iter().all(|x| x.abs() <= bound));
    assert!(new.iter().any(|x| x.abs() > 0.9 * bound));
}

/// Documents with a prefix that the base reads alone: `shared` of them begin alike.
fn activated(shared: usize) -> Vec<Document> {
    let prefix = document(70, 5).tokens;
    (0..shared + 1)
        .map(|i| {
            let prefix = &prefix[..if i < shared { 70 } else { 3 }];
            let tokens = [prefix, &document(60 - 7 * i, 50 + i as u32).tokens].concat();
            Document {
                trained: (0..tokens.len()).map(|at| at % 2 == 0).collect(),
                n_prefix: prefix.len(),
                tokens,
            }
        })
        .collect()
}

#[test]
fn gradients_are_slopes_of_activated_adapters() {
    let documents = activated(2);
    for (name, keep) in [
        ("tiny-llama", Keep::Everything),
        ("tiny-qwen2", Keep::BlockInputs),
    ] {
        check_documents(name, &Target::ALL, keep, None, &documents);
    }
}

/// With an adapter that changes nothing, it does not matter which tokens it acts on.
#[test]
fn a_prefix_is_read_as_by_the_base() {
    let folder = Folder::open(&tiny("tiny-llama")).unwrap();
    let base = Base::<f64>::load(&folder, Residence::Decoded).unwrap();
    let shape = LoraShape {
        rank: 2,
        scale: 1.0,
        targets: Target::ALL.to_vec(),
    };
    let mut passes = Passes::new(&base, &shape, Keep::BlockInputs);
    let activated = activated(3);
    let whole: Vec<Document> = activated
        .iter()
        .map(|document| Document {
            trained: document
                .trained
                .iter()
                .enumerate()
                .map(|(i, &trained)| trained && i > document.n_prefix)
                .collect(),
            n_prefix: 0,
            ..document.clone()
        })
        .collect();
    let mut loss = |numbers: &[f64], documents: &[Document]| {
        let documents: Vec<&Document> = documents.iter().collect();
        passes.loss(numbers, &documents)
    };
    let nothing = vec![0.0; loss_len(&base, &shape)];
    let (one, other) = (loss(&nothing, &activated), loss(&nothing, &whole));
    assert!((one - other).abs() < 1e-9 * other, "{one} and {other}");
    let something = numbers(nothing.len());
    let (one, other) = (loss(&something, &activated), loss(&something, &whole));
    assert!((one - other).abs() > 1e-3 * other, "{one} and {other}");
}

fn loss_len(base: &Base<'_, f64>, shape: &LoraShape) -> usize {
    Passes::new(base, shape, Keep::BlockInputs).n_numbers()
}

/// Prefixes that were read before, in another pass, give the same bits as prefixes that are read again,
/// and as far as there is room for them only.
#[test]
fn remembered_prefixes_change_nothing() {
    let folder = Folder::open(&tiny("tiny-llama")).unwrap();
    let base = Base::<f32>::load(&folder, Residence::Decoded).unwrap();
    let shape = LoraShape {
        rank: 2,
        scale: 1.0,
        targets: Target::ALL.to_vec(),
    };
    let documents = activated(2);
    let run = |n_bytes: usize, groups: &[&[usize]]| {
        let mut passes = Passes::new(&base, &shape, Keep::Everything).remember(n_bytes);
        let numbers: Vec<f32> = numbers(passes.n_numbers())
            .iter()
            .map(|&x| x as f32)
            .collect();
        let mut results = Vec::new();
        for group in groups {
            let documents: Vec<&Document> = group.iter().map(|&i| &documents[i]).collect();
            let mut gradient = vec![0.0; numbers.len()];
            let loss = passes.loss_and_gradient(&numbers, &documents, 1.0, &mut gradient, None);
            results.push((loss, gradient));
        }
        results
    };
    // The shared prefix is met with another beside it, then alone; the short one last.
    let groups: [&[usize]; 3] = [&[0, 2], &[0, 1], &[2]];
    let forgotten = run(0, &groups);
    for n_bytes in [1 << 10, 1 << 20] {
        assert!(run(n_bytes, &groups) == forgotten, "{n_bytes}");
    }
    assert!(forgotten[2] == run(0, &groups[2..])[0]);
}
