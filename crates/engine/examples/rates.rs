//! Measures a model file: `cargo run --release -p engine --example rates MODEL.gguf [THREADS]`.
//!
//! Prints tokens per second of decoding at several batch sizes and of a prompt of 512 tokens: the best and the
//! median of several rounds. On a machine that others use too, the best is nearest to the truth.

use std::error::Error;
use std::io::Write as _;
use std::time::Instant;

use model::{Batch, Decoder, Gguf, KvCache, Layout, LoadOptions, PAGE_TOKENS, Row};

const N_ROUNDS: usize = 15;
const N_STEPS: usize = 16;
const N_PROMPT: usize = 512;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("give a model file")?;
    let n_threads = match arguments.next() {
        Some(n) => n.parse()?,
        None => std::thread::available_parallelism()?.get(),
    };
    let mut out = std::io::stdout().lock();
    let started = Instant::now();
    let gguf = Gguf::open(path.as_ref())?;
    let options = LoadOptions {
        n_threads,
        layout: Layout::Packed,
    };
    let mut decoder = Decoder::load(&gguf, &options)?;
    writeln!(
        out,
        "loaded in {:?}: {} bytes of weights, {n_threads} threads",
        started.elapsed(),
        decoder.n_bytes()
    )?;

    for n_sequences in [1, 4, 8, 16, 32] {
        // A prompt of 64 tokens in each sequence, then the measured steps.
        let n_tokens = 64 + N_STEPS;
        let pages = tables(n_sequences, n_tokens);
        let pages: Vec<&[u32]> = pages.iter().map(Vec::as_slice).collect();
        let mut cache = KvCache::new(decoder.config(), n_sequences * pages[0].len());
        for sequence in 0..n_sequences {
            let rows: Vec<Row> = (0..64).map(|p| row(sequence, p, false)).collect();
            let batch = Batch {
                rows: &rows,
                pages: &pages,
                adapters: &[],
            };
            decoder.forward(&mut cache, batch);
        }
        let rates = rounds(|| {
            for step in 0..N_STEPS {
                let rows: Vec<Row> = (0..n_sequences)
                    .map(|sequence| row(sequence, 64 + step, true))
                    .collect();
                let batch = Batch {
                    rows: &rows,
                    pages: &pages,
                    adapters: &[],
                };
                decoder.forward(&mut cache, batch);
            }
            n_sequences * N_STEPS
        });
        writeln!(out, "decode, {n_sequences:2} sequences: {rates}")?;
    }

    let pages = tables(1, N_PROMPT);
    let mut cache = KvCache::new(decoder.config(), pages[0].len());
    let rates = rounds(|| {
        let rows: Vec<Row> = (0..N_PROMPT)
            .map(|p| row(0, p, p + 1 == N_PROMPT))
            .collect();
        for rows in rows.chunks(128) {
            let batch = Batch {
                rows,
                pages: &[&pages[0]],
                adapters: &[],
            };
            decoder.forward(&mut cache, batch);
        }
        N_PROMPT
    });
    writeln!(out, "prompt, {N_PROMPT} tokens:    {rates}")?;
    Ok(())
}

fn row(sequence: usize, position: usize, wants_logits: bool) -> Row {
    Row {
        token: (100 + 7 * sequence + position) as u32,
        sequence,
        adapter: None,
        position,
        wants_logits,
    }
}

fn tables(n_sequences: usize, n_tokens: usize) -> Vec<Vec<u32>> {
    let n_pages = n_tokens.div_ceil(PAGE_TOKENS) as u32;
    (0..n_sequences as u32)
        .map(|s| (s * n_pages..(s + 1) * n_pages).collect())
        .collect()
}

fn rounds(mut work: impl FnMut() -> usize) -> String {
    let mut rates: Vec<f64> = (0..N_ROUNDS)
        .map(|_| {
            let started = Instant::now();
            let n_tokens = work();
            n_tokens as f64 / started.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    format!(
        "best {:.0}, median {:.0} tokens/s",
        rates[N_ROUNDS - 1],
        rates[N_ROUNDS / 2]
    )
}
