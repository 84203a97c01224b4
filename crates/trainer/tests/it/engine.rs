//! An adapter that was trained means the same to the decoder that answers.

use model::{Adapter, Batch, Decoder, KvCache, Layout, LoadOptions, PAGE_TOKENS, Row};
use trainer::{Base, Document, Keep, LoraShape, Passes, Residence, StoredAdapter, Target};

use crate::gradients::tiny;

/// The mean loss of a document's trained tokens, by the decoder.
fn loss_of_decoder(decoder: &mut Decoder, adapter: Option<&Adapter>, document: &Document) -> f64 {
    let n_pages = document.tokens.len().div_ceil(PAGE_TOKENS) as u32;
    let mut cache = KvCache::new(decoder.config(), n_pages as usize);
    let pages: Vec<u32> = (0..n_pages).collect();
    let rows: Vec<Row> = document
        .tokens
        .iter()
        .enumerate()
        .map(|(position, &token)| Row {
            token,
            sequence: 0,
            adapter: adapter.map(|_| 0),
            position,
            wants_logits: true,
        })
        .collect();
    let adapters: Vec<&Adapter> = adapter.into_iter().collect();
    let batch = Batch {
        rows: &rows,
        pages: &[&pages],
        adapters: &adapters,
    };
    let logits = decoder.forward(&mut cache, batch);
    let nexts = document.tokens.iter().zip(&document.trained).skip(1);
    let losses: Vec<f64> = logits
        .rows()
        .zip(nexts)
        .filter(|(_, (_, trained))| **trained)
        .map(|(logits, (&next, _))| {
            let highest = logits.iter().copied().fold(f32::MIN, f32::max);
            let sum: f64 = logits.iter().map(|x| f64::from(x - highest).exp()).sum();
            f64::from(highest) + sum.ln() - f64::from(logits[next as usize])
        })
        .collect();
    losses.iter().sum::<f64>() / losses.len() as f64
}

#[test]
fn the_decoder_computes_the_same_loss_with_the_adapter() {
    for name in ["tiny-llama", "tiny-qwen2"] {
        let source = model::open(&tiny(name)).unwrap();
        let base = Base::<f32>::load(&*source, Residence::AsStored).unwrap();
        let shape = LoraShape {
            rank: 2,
            scale: 2.0,
            targets: Target::ALL.to_vec(),
        };
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/reference")
            .join(name);
        let numbers = trainer::peft::read(&folder, &shape, &base.config).unwrap();
        // More than a trace, so that whatever is mixed up shows.
        let numbers: Vec<f32> = numbers.iter().map(|x| 2.5 * x).collect();
        let written = tempfile::tempdir().unwrap();
        let config = "adapter_config.json";
        std::fs::copy(folder.join(config), written.path().join(config)).unwrap();
        let document = Document {
            tokens: (0..90).map(|i| (7 + 37 * i) % 300).collect(),
            trained: vec![true; 90],
            n_prefix: 0,
        };
        let mut passes = Passes::new(&base, &shape, Keep::BlockInputs);
        let weights = written.path().join("adapter_model.safetensors");
        std::fs::write(weights, passes.to_peft(&numbers)).unwrap();
        let ours = passes.loss(&numbers, &[&document]) / document.n_trained() as f64;
        let options = LoadOptions {
            n_threads: 2,
            layout: Layout::Float,
        };
        let mut decoder = Decoder::load(&*source, &options).unwrap();
        let adapter = Adapter::load(written.path(), &base.config).unwrap();
        let theirs = loss_of_decoder(&mut decoder, Some(&adapter), &document);
        // The decoder keeps adapters, keys and values in 16 bits.
        let error = (ours / theirs - 1.0).abs();
        let without = loss_of_decoder(&mut decoder, None, &document);
        let change = (without / theirs - 1.0).abs();
        assert!(
            error < 1e-3 && change > 10.0 * error,
            "{name}: {ours}, by the decoder {theirs}, without the adapter {without}"
        );
    }
}

/// A GGUF adapter for llama.cpp is the same to the engine as the PEFT folder that it was made of.
#[test]
fn an_exported_adapter_is_the_same() {
    for (name, model) in [
        ("tiny-llama", "tiny-llama"),
        ("tiny-qwen2", "tiny-qwen2"),
        ("activated", "tiny-llama"),
    ] {
        let config = model::open(&tiny(model)).unwrap().config().unwrap();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/reference")
            .join(name);
        let stored = StoredAdapter::open(&folder, &config).unwrap();
        assert_eq!((stored.shape.rank, stored.shape.targets.len()), (2, 7));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), stored.to_gguf(&config)).unwrap();
        let exported = Adapter::load(file.path(), &config).unwrap();
        let original = Adapter::load(&folder, &config).unwrap();
        assert_eq!(exported, original, "{name}");
        assert_eq!(
            exported.invocation(),
            if name == "activated" {
                &[5, 9][..]
            } else {
                &[]
            }
        );
    }
}
