//! Logits and cross-entropy, at labelled positions only, a chunk of them at a time.

use std::ops::Range;

use rayon::prelude::*;

use crate::base::Base;
use crate::elementwise::{rms_norm, rms_norm_backward};
use crate::product::{Store, Threads, View, ViewMut, multiply};
use crate::real::Real;
use crate::rows::{for_rows, highest, sum, wide};

/// Labelled positions whose logits are in memory together.
pub(crate) const CHUNK: usize = 128;

/// Rows of the head that are decoded together.
pub(crate) const VOCABULARY_BLOCK: usize = 8192;

/// A position whose next token is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label {
    /// Its row in the pass.
    pub(crate) row: usize,
    /// The next token.
    pub(crate) next: u32,
}

/// Buffers of the head.
#[derive(Default)]
pub(crate) struct HeadScratch<T> {
    x: Vec<T>,
    normed: Vec<T>,
    logits: Vec<T>,
    weights: Vec<T>,
    losses: Vec<f64>,
}

/// The sum of the losses at the labelled positions of `x`, `(rows, n_embd)`.
/// With `factor`, adds `factor` times its gradient to `dx`.
pub(crate) fn loss<T: Real>(
    base: &Base<'_, T>,
    x: &[T],
    labels: &[Label],
    mut gradient: Option<(T, &mut [T])>,
    scratch: &mut HeadScratch<T>,
) -> f64 {
    let n_embd = base.config.n_embd;
    let epsilon = T::of(f64::from(base.config.norm_epsilon));
    let mut total = 0.0;
    for chunk in labels.chunks(CHUNK) {
        let s = &mut *scratch;
        gather(base, x, chunk, s);
        total += chunk_loss(base, chunk, gradient.as_ref().map(|(factor, _)| *factor), s);
        if let Some((_, dx)) = &mut gradient {
            for (i, label) in chunk.iter().enumerate() {
                rms_norm_backward(
                    &s.x[i * n_embd..][..n_embd],
                    &base.output_norm,
                    epsilon,
                    &s.normed[i * n_embd..][..n_embd],
                    &mut dx[label.row * n_embd..][..n_embd],
                );
            }
        }
    }
    total
}

/// The logits at the labelled positions of `x`: `(labels, n_vocab)`.
pub(crate) fn logits<T: Real>(
    base: &Base<'_, T>,
    x: &[T],
    labels: &[Label],
    scratch: &mut HeadScratch<T>,
) -> Vec<T> {
    let mut all = Vec::with_capacity(labels.len() * base.config.n_vocab);
    for chunk in labels.chunks(CHUNK) {
        gather(base, x, chunk, scratch);
        chunk_logits(base, chunk.len(), scratch);
        all.extend_from_slice(&scratch.logits);
    }
    all
}

/// Takes the rows of a chunk, and norms them.
fn gather<T: Real>(base: &Base<'_, T>, x: &[T], chunk: &[Label], s: &mut HeadScratch<T>) {
    let n_embd = base.config.n_embd;
    let epsilon = T::of(f64::from(base.config.norm_epsilon));
    s.x.clear();
    for label in chunk {
        s.x.extend_from_slice(&x[label.row * n_embd..][..n_embd]);
    }
    s.normed.resize(chunk.len() * n_embd, T::zero());
    for_rows(&mut s.normed, n_embd, |row_idx, out| {
        rms_norm(
            &s.x[row_idx * n_embd..][..n_embd],
            &base.output_norm,
            epsilon,
            out,
        );
    });
}

/// The parts of the vocabulary that are worked on one after the other.
fn blocks(n_vocab: usize) -> impl Iterator<Item = Range<usize>> {
    let starts = (0..n_vocab).step_by(VOCABULARY_BLOCK);
    starts.map(move |start| start..(start + VOCABULARY_BLOCK).min(n_vocab))
}

/// Computes the logits of a chunk's normed rows.
fn chunk_logits<T: Real>(base: &Base<'_, T>, n_rows: usize, s: &mut HeadScratch<T>) {
    let (n_embd, n_vocab) = (base.config.n_embd, base.config.n_vocab);
    s.logits.resize(n_rows * n_vocab, T::zero());
    for block in blocks(n_vocab) {
        let weights = base.head().rows(block.clone(), &mut s.weights);
        multiply(
            ViewMut::part(&mut s.logits, n_vocab, block),
            Store::Over,
            T::one(),
            View::rows(&s.normed, n_embd),
            View::rows(weights, n_embd).t(),
            Threads::All,
        );
    }
}

/// The sum of a chunk's losses. With `factor`, its gradient takes the place of the normed rows.
fn chunk_loss<T: Real>(
    base: &Base<'_, T>,
    chunk: &[Label],
    factor: Option<T>,
    s: &mut HeadScratch<T>,
) -> f64 {
    let (n_embd, n_vocab) = (base.config.n_embd, base.config.n_vocab);
    chunk_logits(base, chunk.len(), s);
    s.losses.resize(chunk.len(), 0.0);
    s.logits
        .par_chunks_mut(n_vocab)
        .zip(&mut s.losses)
        .zip(chunk)
        .for_each(|((logits, loss), label)| {
            *loss = wide(|| cross_entropy(logits, label.next as usize, factor));
        });
    if factor.is_some() {
        let mut store = Store::Over;
        for block in blocks(n_vocab) {
            let weights = base.head().rows(block.clone(), &mut s.weights);
            multiply(
                ViewMut::rows(&mut s.normed, n_embd),
                store,
                T::one(),
                View::part(&s.logits, n_vocab, block),
                View::rows(weights, n_embd),
                Threads::All,
            );
            store = Store::Add;
        }
    }
    s.losses.iter().sum()
}

/// The loss of one position. With `factor`, its logits become `factor` times their gradients.
#[inline(always)]
fn cross_entropy<T: Real>(logits: &mut [T], next: usize, factor: Option<T>) -> f64 {
    let highest = highest(logits);
    let of_next = logits[next];
    for logit in logits.iter_mut() {
        *logit = (*logit - highest).fast_exp();
    }
    let sum = sum(logits);
    if let Some(factor) = factor {
        let each = factor / sum;
        for logit in logits.iter_mut() {
            *logit *= each;
        }
        logits[next] -= factor;
    }
    (highest + sum.ln() - of_next).wide()
}
