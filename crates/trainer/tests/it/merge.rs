//! Adapters in weights, against adapters beside them.

use model::{Folder, Source};
use trainer::{LoraShape, MergeError, Parity, Passes, Residence, StoredAdapter, Target};

use crate::gradients::tiny;

/// A PEFT folder with an adapter that changes much.
fn adapter(folder: &Folder, invocation: &[u32]) -> (tempfile::TempDir, StoredAdapter) {
    let base = trainer::Base::<f32>::load(folder, Residence::AsStored).unwrap();
    let shape = LoraShape {
        rank: 2,
        scale: 2.0,
        targets: Target::ALL.to_vec(),
    };
    let passes = Passes::new(&base, &shape, trainer::Keep::BlockInputs);
    let numbers: Vec<f32> = (0..passes.n_numbers())
        .map(|i| 0.2 * (i as f32 * 0.7).sin())
        .collect();
    let place = tempfile::tempdir().unwrap();
    let weights = place.path().join("adapter_model.safetensors");
    std::fs::write(weights, passes.to_peft(&numbers)).unwrap();
    let config = format!(
        "{{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4, \"alora_invocation_tokens\": {invocation:?}}}"
    );
    std::fs::write(place.path().join("adapter_config.json"), config).unwrap();
    let stored = StoredAdapter::open(place.path(), &folder.config().unwrap()).unwrap();
    (place, stored)
}

/// The model's folder with some files replaced.
fn replaced(name: &str, files: &[(String, Vec<u8>)]) -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    for entry in tiny(name).read_dir().unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, place.path().join(path.file_name().unwrap())).unwrap();
    }
    for (name, bytes) in files {
        std::fs::write(place.path().join(name), bytes).unwrap();
    }
    let folder = Folder::open(place.path()).unwrap();
    (place, folder)
}

#[test]
fn a_merged_model_says_what_the_adapter_says_beside_its_base() {
    for name in ["tiny-llama", "tiny-qwen2"] {
        let source = Folder::open(&tiny(name)).unwrap();
        let config = source.config().unwrap();
        let (_place, stored) = adapter(&source, &[]);
        let mut n_changed = 0;
        let mut files = Vec::new();
        for (file, bytes) in source.files() {
            if file.ends_with(".safetensors") {
                let (merged, n) = stored.merge(bytes, &config).unwrap();
                files.push((file.to_string(), merged));
                n_changed += n;
            }
        }
        assert_eq!(n_changed, stored.n_matrices(&config));
        let (_other, merged) = replaced(name, &files);
        let tokens: Vec<u32> = (0..60).map(|i| 5 + 11 * i % 250).collect();
        let parity = Parity::measure(&source, &stored, &merged, &tokens).unwrap();
        assert_eq!(parity.n_tokens, tokens.len() - 1);
        // Weights in 16 bits are rounded once more.
        assert!(parity.divergence.abs() < 1e-3, "{name}: {parity}");
        // The base alone says something else, so the measure can tell.
        let apart = Parity::measure(&source, &stored, &source, &tokens).unwrap();
        assert!(apart.divergence > 0.01, "{name}: {apart}");
    }
}

#[test]
fn what_cannot_be_merged_is_refused() {
    let source = Folder::open(&tiny("tiny-llama")).unwrap();
    let config = source.config().unwrap();
    let (_place, activated) = adapter(&source, &[1, 2]);
    assert_eq!(activated.merge(&[], &config), Err(MergeError::Activated));
    let (_place, stored) = adapter(&source, &[]);
    assert!(matches!(
        stored.merge(b"nothing of the kind", &config),
        Err(MergeError::Container(_))
    ));
}
