use std::cell::RefCell;
use std::time::{Duration, Instant};

use model::{
    Adapter, Batch, Config, Decoder, KvCache, LoadOptions, PAGE_TOKENS, Row as Token, Source,
};

use super::peer::Llama;
use super::{PATIENCE, rates};
use crate::commands::bench::quiet::{Watch, interleave};
use crate::commands::bench::{Bounds, Row};

/// Tokens of prompt before the measured tokens of a reply: whole pages.
const N_BEFORE: usize = 64;

/// Tokens of the measured prompts together.
const N_PROMPT: usize = 512;

/// Forward passes of a decoder, without anything around them.
pub(super) struct Passes {
    /// Both are changed by every pass, and several measurements take turns.
    state: RefCell<(Decoder, KvCache)>,
    adapters: Vec<Adapter>,
    config: Config,
    n_chunk: usize,
    n_threads: usize,
    n_weights_bytes: usize,
}

impl Passes {
    pub(super) fn new(
        source: &dyn Source,
        setup: &engine::Settings,
        n_threads: usize,
        adapters: Vec<Adapter>,
    ) -> anyhow::Result<Passes> {
        let options = LoadOptions {
            n_threads,
            layout: setup.weights,
        };
        let decoder = Decoder::load(source, &options)?;
        let config = decoder.config().clone();
        // The longest: 32 replies, or one prompt of full length.
        let n_pages = 32 * (N_BEFORE + n_steps(32)).div_ceil(PAGE_TOKENS) + N_PROMPT / PAGE_TOKENS;
        Ok(Passes {
            n_weights_bytes: decoder.n_bytes(),
            state: RefCell::new((decoder, KvCache::new(&config, n_pages))),
            adapters,
            config,
            n_chunk: setup.prefill_tokens,
            n_threads,
        })
    }

    pub(super) fn n_weights_bytes(&self) -> usize {
        self.n_weights_bytes
    }

    /// Multiplications and additions of the layers' matrices for one token of a prompt.
    pub(super) fn flops_per_token(&self) -> f64 {
        let config = &self.config;
        let attention = config.n_embd * config.head_dim * 2 * (config.n_heads + config.n_kv_heads);
        let feed_forward = 3 * config.n_embd * config.n_ff;
        2.0 * (config.n_layers * (attention + feed_forward)) as f64
    }

    /// Replies and prompts of so many sequences, without and with adapters.
    pub(super) fn rows(
        &self,
        n: usize,
        n_samples: usize,
        llama: Option<&Llama>,
    ) -> anyhow::Result<Vec<Row>> {
        let n_steps = n_steps(n);
        let n_prompt = N_PROMPT.min(self.config.n_ctx) / n;
        let (floor, goal) = match n {
            1 => (1.0, 1.7),
            _ => (1.0, 2.0),
        };
        let mut rows = vec![
            self.beside_peer(
                format!("decode {n}"),
                n * n_steps,
                n_samples,
                &mut || self.decode(n, n_steps, 0),
                llama.map(|llama| move || llama.decode(n, N_BEFORE, n_steps, self.n_threads)),
                Bounds::AtLeast(floor, goal),
            )?,
            self.beside_peer(
                format!("prefill {n}"),
                n * n_prompt,
                n_samples,
                &mut || self.prefill(n, n_prompt, 0),
                llama.map(|llama| move || llama.prefill(n, n_prompt, self.n_threads)),
                Bounds::AtLeast(2.0, 4.2),
            )?,
        ];
        for n_adapters in [1, self.adapters.len()] {
            if n_adapters > n {
                continue;
            }
            let plural = if n_adapters == 1 { "" } else { "s" };
            let mut beside_base =
                |name: &str,
                 n_tokens,
                 with: &mut dyn FnMut() -> anyhow::Result<Duration>,
                 without: &mut dyn FnMut() -> anyhow::Result<Duration>| {
                    let [with, without] =
                        interleave(n_samples, PATIENCE, Watch::Machine, [with, without])?;
                    let name = format!("{name} {n}, {n_adapters} adapter{plural}");
                    rows.push(rates(
                        name,
                        n_tokens,
                        &with,
                        Some(&without),
                        Bounds::AtLeast(0.8, 0.92),
                    )?);
                    anyhow::Ok(())
                };
            beside_base(
                "decode",
                n * n_steps,
                &mut || self.decode(n, n_steps, n_adapters),
                &mut || self.decode(n, n_steps, 0),
            )?;
            beside_base(
                "prefill",
                n * n_prompt,
                &mut || self.prefill(n, n_prompt, n_adapters),
                &mut || self.prefill(n, n_prompt, 0),
            )?;
        }
        Ok(rows)
    }

    fn beside_peer(
        &self,
        name: String,
        n_tokens: usize,
        n_samples: usize,
        ours: &mut dyn FnMut() -> anyhow::Result<Duration>,
        theirs: Option<impl FnMut() -> anyhow::Result<Duration>>,
        bounds: Bounds,
    ) -> anyhow::Result<Row> {
        match theirs {
            None => {
                let [ours] = interleave(n_samples, PATIENCE, Watch::Machine, [ours])?;
                rates(name, n_tokens, &ours, None, bounds)
            }
            Some(mut theirs) => {
                let [ours, theirs] =
                    interleave(n_samples, PATIENCE, Watch::Machine, [ours, &mut theirs])?;
                rates(name, n_tokens, &ours, Some(&theirs), bounds)
            }
        }
    }

    /// The time of `n_steps` tokens in each of `n` replies.
    fn decode(&self, n: usize, n_steps: usize, n_adapters: usize) -> anyhow::Result<Duration> {
        // One prompt serves all replies, and pages that follow it are written anew.
        let n_shared = N_BEFORE.div_ceil(PAGE_TOKENS) as u32;
        let n_own = n_steps.div_ceil(PAGE_TOKENS) as u32;
        let pages: Vec<Vec<u32>> = (0..n as u32)
            .map(|sequence| {
                let own = n_shared + sequence * n_own;
                (0..n_shared).chain(own..own + n_own).collect()
            })
            .collect();
        let before: Vec<Token> = (0..N_BEFORE)
            .map(|position| self.token(0, position, n_adapters, false))
            .collect();
        self.pass(&before, &pages, n_adapters);
        let started = Instant::now();
        for position in N_BEFORE..N_BEFORE + n_steps {
            let tokens: Vec<Token> = (0..n)
                .map(|sequence| self.token(sequence, position, n_adapters, true))
                .collect();
            self.pass(&tokens, &pages, n_adapters);
        }
        Ok(started.elapsed())
    }

    /// The time of `n` prompts of `n_prompt` tokens each.
    fn prefill(&self, n: usize, n_prompt: usize, n_adapters: usize) -> anyhow::Result<Duration> {
        let pages = tables(n, n_prompt);
        let tokens: Vec<Token> = (0..n)
            .flat_map(|sequence| (0..n_prompt).map(move |position| (sequence, position)))
            .map(|(sequence, position)| {
                self.token(sequence, position, n_adapters, position + 1 == n_prompt)
            })
            .collect();
        let started = Instant::now();
        for chunk in tokens.chunks(self.n_chunk) {
            self.pass(chunk, &pages, n_adapters);
        }
        Ok(started.elapsed())
    }

    fn token(
        &self,
        sequence: usize,
        position: usize,
        n_adapters: usize,
        wants_logits: bool,
    ) -> Token {
        Token {
            token: ((sequence * 7919 + position * 104_729) % self.config.n_vocab) as u32,
            sequence,
            adapter: (n_adapters > 0).then(|| sequence % n_adapters),
            position,
            wants_logits,
        }
    }

    fn pass(&self, rows: &[Token], pages: &[Vec<u32>], n_adapters: usize) {
        // Neighbours that share an adapter share its weights, as the engine orders them.
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| row.adapter);
        let pages: Vec<&[u32]> = pages.iter().map(Vec::as_slice).collect();
        let adapters: Vec<&Adapter> = self.adapters[..n_adapters].iter().collect();
        let batch = Batch {
            rows: &rows,
            pages: &pages,
            adapters: &adapters,
        };
        let (decoder, cache) = &mut *self.state.borrow_mut();
        decoder.forward(cache, batch);
    }
}

/// Steps that take about as long for any number of replies.
fn n_steps(n: usize) -> usize {
    match n {
        0..4 => 96,
        4..8 => 48,
        8..32 => 32,
        _ => 16,
    }
}

fn tables(n_sequences: usize, n_tokens: usize) -> Vec<Vec<u32>> {
    let n_pages = n_tokens.div_ceil(PAGE_TOKENS) as u32;
    (0..n_sequences as u32)
        .map(|sequence| (sequence * n_pages..(sequence + 1) * n_pages).collect())
        .collect()
}
