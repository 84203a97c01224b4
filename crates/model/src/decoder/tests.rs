use std::path::Path;

use super::{Batch, Decoder, LoadOptions, Row};
use crate::cache::KvCache;
use crate::gguf::Gguf;
use crate::kernel::Isa;
use crate::matrix::Layout;

/// The bits of some logits after 60 tokens.
fn run(isa: Isa, layout: Layout, n_threads: usize) -> Vec<u32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/tiny-qwen2.gguf");
    let gguf = Gguf::open(&path).unwrap();
    let mut decoder = Decoder::load(&gguf, &LoadOptions { n_threads, layout }).unwrap();
    decoder.isa = isa;
    let mut cache = KvCache::new(decoder.config(), 2);
    let rows: Vec<Row> = (0..60)
        .map(|position| Row {
            token: 7 * position as u32,
            sequence: 0,
            adapter: None,
            position,
            wants_logits: position % 20 == 19,
        })
        .collect();
    let batch = Batch {
        rows: &rows,
        pages: &[&[1, 0]],
        adapters: &[],
    };
    let logits = decoder.forward(&mut cache, batch);
    assert_eq!(logits.rows().len(), 3);
    logits.rows().flatten().map(|x| x.to_bits()).collect()
}

#[test]
fn every_processor_and_number_of_threads_gives_the_same_logits() {
    for layout in [Layout::Packed, Layout::Float] {
        let portable = run(Isa::Portable, layout, 1);
        for isa in Isa::all() {
            assert_eq!(portable, run(isa, layout, 1), "{isa:?}");
            assert_eq!(portable, run(isa, layout, 3), "{isa:?}");
        }
    }
}
