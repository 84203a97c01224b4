//! Causal attention within each document of a packed sequence, and its derivative.
//!
//! A document may go on where a prefix ends, whose keys and values are given and stay as they are.
//!
//! Probabilities are never kept: each query's sum of exponentials is, from which they are computed again.

use std::ops::Range;

use rayon::prelude::*;

use crate::product::{Store, Threads, View, ViewMut, multiply};
use crate::real::Real;
use crate::rows::{add, dot, for_rows, wide};

mod blocks;
mod heads;
mod softmax;

pub(crate) use blocks::Place;
use blocks::{Block, blocks};
pub(crate) use heads::Heads;
use softmax::{softmax, softmax_backward};

/// Buffers of attention, each `(heads, rows, head_dim)`.
#[derive(Default)]
pub(crate) struct AttentionScratch<T> {
    queries: Vec<T>,
    keys: Vec<T>,
    values: Vec<T>,
}

/// Some rows of a buffer.
fn rows<'a, T>(buffer: &'a [T], width: usize, rows: &Range<usize>) -> &'a [T] {
    &buffer[rows.start * width..rows.end * width]
}

/// Some rows of a buffer, to be written.
fn rows_mut<'a, T>(buffer: &'a mut [T], width: usize, rows: &Range<usize>) -> &'a mut [T] {
    &mut buffer[rows.start * width..rows.end * width]
}

/// Attention over the rows of a pass.
#[derive(Clone, Copy)]
pub(crate) struct Attention<'a, T> {
    pub(crate) heads: Heads,
    pub(crate) places: &'a [Place],
    /// Keys and values of the prefixes: `(rows, 2 * n_kv_heads * head_dim)`.
    pub(crate) prefix: &'a [T],
}

/// What attention read and wrote on the way forward.
#[derive(Clone, Copy)]
pub(crate) struct Attended<'a, T> {
    /// `(rows, width)`, with rotations done.
    pub(crate) qkv: &'a [T],
    /// `(rows, q_width)`.
    pub(crate) attended: &'a [T],
    /// The logarithm of each query's sum of exponentials: `(heads, rows)`.
    pub(crate) log_sums: &'a [T],
}

/// Keys and values that a block of queries looks at, and which columns of its scores are theirs.
struct Piece<'a, T> {
    keys: View<'a, T>,
    values: View<'a, T>,
    columns: Range<usize>,
}

impl<'a, T: Real> Attention<'a, T> {
    /// The prefix's keys and values, where there is one, then the document's own.
    fn pieces<'s>(
        &self,
        qkv: &'s [T],
        block: &Block,
        head: usize,
    ) -> impl Iterator<Item = Piece<'s, T>> + use<'s, 'a, T>
    where
        'a: 's,
    {
        let Heads {
            n_kv_heads,
            head_dim,
            ..
        } = self.heads;
        let (width, q_width, kv_width) = (
            self.heads.width(),
            self.heads.q_width(),
            2 * n_kv_heads * head_dim,
        );
        let (key, value) = (self.heads.key(head), self.heads.value(head));
        let n_prefix = block.prefix.len();
        let given = rows(self.prefix, kv_width, &block.prefix);
        let own = rows(qkv, width, &block.seen);
        let in_given = |columns: &Range<usize>| columns.start - q_width..columns.end - q_width;
        let given = Piece {
            keys: View::part(given, kv_width, in_given(&key)),
            values: View::part(given, kv_width, in_given(&value)),
            columns: 0..n_prefix,
        };
        let own = Piece {
            keys: View::part(own, width, key),
            values: View::part(own, width, value),
            columns: n_prefix..block.n_keys(),
        };
        [given, own].into_iter().skip(usize::from(n_prefix == 0))
    }

    /// Writes what each query sees to `attended`, and the logarithms of its sums to `log_sums`.
    pub(crate) fn forward(
        &self,
        qkv: &[T],
        attended: &mut [T],
        log_sums: &mut [T],
        scratch: &mut AttentionScratch<T>,
    ) {
        let heads = self.heads;
        let (width, dim) = (heads.width(), heads.head_dim);
        let n_rows = qkv.len() / width;
        scratch
            .values
            .resize(heads.n_heads * n_rows * dim, T::zero());
        let outs = scratch.values.par_chunks_mut(n_rows * dim);
        let of_head = |scores: &mut Vec<T>, head: usize, out: &mut [T], log_sums: &mut [T]| {
            for block in blocks(self.places) {
                let n_keys = block.n_keys();
                let q = View::part(rows(qkv, width, &block.queries), width, heads.query(head));
                scores.resize(block.queries.len() * n_keys, T::zero());
                for piece in self.pieces(qkv, &block, head) {
                    multiply(
                        ViewMut::part(scores, n_keys, piece.columns),
                        Store::Over,
                        heads.scale(),
                        q,
                        piece.keys.t(),
                        Threads::One,
                    );
                }
                wide(|| {
                    let log_sums = log_sums[block.queries.clone()].iter_mut();
                    let rows = scores.chunks_exact_mut(n_keys).enumerate();
                    for ((i, row), log_sum) in rows.zip(log_sums) {
                        *log_sum = softmax(row, block.n_valid(i));
                    }
                });
                let mut store = Store::Over;
                for piece in self.pieces(qkv, &block, head) {
                    multiply(
                        ViewMut::rows(rows_mut(out, dim, &block.queries), dim),
                        store,
                        T::one(),
                        View::part(scores, n_keys, piece.columns),
                        piece.values,
                        Threads::One,
                    );
                    store = Store::Add;
                }
            }
        };
        outs.zip(log_sums.par_chunks_mut(n_rows))
            .enumerate()
            .for_each_init(Vec::new, |scores, (head, (out, log_sums))| {
                of_head(scores, head, out, log_sums);
            });
        let by_head = &scratch.values;
        for_rows(attended, heads.q_width(), |row_idx, row| {
            for (head, out) in row.chunks_exact_mut(dim).enumerate() {
                out.copy_from_slice(&by_head[(head * n_rows + row_idx) * dim..][..dim]);
            }
        });
    }

    /// Writes to `d_qkv` what the gradient `d_attended` comes to before attention.
    pub(crate) fn backward(
        &self,
        forward: Attended<'_, T>,
        d_attended: &[T],
        d_qkv: &mut [T],
        scratch: &mut AttentionScratch<T>,
    ) {
        let heads = self.heads;
        let (width, q_width, dim) = (heads.width(), heads.q_width(), heads.head_dim);
        let n_rows = forward.qkv.len() / width;
        let len = heads.n_heads * n_rows * dim;
        for buffer in [&mut scratch.queries, &mut scratch.keys, &mut scratch.values] {
            buffer.resize(len, T::zero());
        }
        let d_qs = scratch.queries.par_chunks_mut(n_rows * dim);
        let d_ks = scratch.keys.par_chunks_mut(n_rows * dim);
        let d_vs = scratch.values.par_chunks_mut(n_rows * dim);
        d_qs.zip(d_ks).zip(d_vs).enumerate().for_each_init(
            Default::default,
            |buffers, (head, ((d_q, d_k), d_v))| {
                self.head_backward(forward, d_attended, head, [d_q, d_k, d_v], buffers);
            },
        );
        for_rows(d_qkv, width, |row_idx, row| {
            let at = |head: usize| (head * n_rows + row_idx) * dim;
            row[q_width..].fill(T::zero());
            for head in 0..heads.n_heads {
                row[heads.query(head)].copy_from_slice(&scratch.queries[at(head)..][..dim]);
                add(&mut row[heads.key(head)], &scratch.keys[at(head)..][..dim]);
                add(
                    &mut row[heads.value(head)],
                    &scratch.values[at(head)..][..dim],
                );
            }
        });
    }

    /// The gradients of one head's queries, and of what it adds to those of its keys and values.
    fn head_backward(
        &self,
        forward: Attended<'_, T>,
        d_attended: &[T],
        head: usize,
        [d_q, d_k, d_v]: [&mut [T]; 3],
        [chances, d_scores]: &mut [Vec<T>; 2],
    ) {
        let heads = self.heads;
        let (width, q_width, dim) = (heads.width(), heads.q_width(), heads.head_dim);
        let n_rows = forward.qkv.len() / width;
        d_k.fill(T::zero());
        d_v.fill(T::zero());
        for block in blocks(self.places) {
            let n_keys = block.n_keys();
            let queries = &block.queries;
            let q = View::part(rows(forward.qkv, width, queries), width, heads.query(head));
            let out = rows(forward.attended, q_width, queries);
            let d_out = rows(d_attended, q_width, queries);
            let d_out_head = View::part(d_out, q_width, heads.query(head));
            chances.resize(queries.len() * n_keys, T::zero());
            d_scores.resize(queries.len() * n_keys, T::zero());
            for piece in self.pieces(forward.qkv, &block, head) {
                multiply(
                    ViewMut::part(chances, n_keys, piece.columns.clone()),
                    Store::Over,
                    heads.scale(),
                    q,
                    piece.keys.t(),
                    Threads::One,
                );
                multiply(
                    ViewMut::part(d_scores, n_keys, piece.columns),
                    Store::Over,
                    T::one(),
                    d_out_head,
                    piece.values.t(),
                    Threads::One,
                );
            }
            wide(|| {
                for (i, row_idx) in queries.clone().enumerate() {
                    let out = &out[i * q_width..][heads.query(head)];
                    let d_out = &d_out[i * q_width..][heads.query(head)];
                    softmax_backward(
                        &mut chances[i * n_keys..][..n_keys],
                        &mut d_scores[i * n_keys..][..n_keys],
                        block.n_valid(i),
                        forward.log_sums[head * n_rows + row_idx],
                        dot(out, d_out),
                        heads.scale(),
                    );
                }
            });
            let mut store = Store::Over;
            for piece in self.pieces(forward.qkv, &block, head) {
                multiply(
                    ViewMut::rows(rows_mut(d_q, dim, queries), dim),
                    store,
                    T::one(),
                    View::part(d_scores, n_keys, piece.columns),
                    piece.keys,
                    Threads::One,
                );
                store = Store::Add;
            }
            // The prefix is given: only the document's own keys and values have gradients.
            let own = block.prefix.len()..n_keys;
            for (d, by, what) in [
                (&mut *d_v, &*chances, d_out_head),
                (&mut *d_k, &*d_scores, q),
            ] {
                multiply(
                    ViewMut::rows(rows_mut(d, dim, &block.seen), dim),
                    Store::Add,
                    T::one(),
                    View::part(by, n_keys, own.clone()).t(),
                    what,
                    Threads::One,
                );
            }
        }
    }
}
