//! One block of attention and feed-forward, and its derivative.

use crate::attention::{Attended, Attention, AttentionScratch, Heads, Place};
use crate::base::Base;
use crate::dropout::Dropout;
use crate::elementwise::{rms_norm, rms_norm_backward, rotate, swiglu, swiglu_backward};
use crate::linear::{Group, Linear, LinearScratch, Widths};
use crate::lora::Places;
use crate::pass::Drops;
use crate::real::Real;
use crate::rows::{add, for_rows};

/// A block, and what it works on.
pub(crate) struct Block<'x, 'a, T> {
    pub(crate) base: &'x Base<'a, T>,
    pub(crate) layer_idx: usize,
    pub(crate) places: &'x Places,
    pub(crate) widths: &'x [Widths; 4],
    pub(crate) heads: Heads,
    /// The numbers of all adapters.
    pub(crate) numbers: &'x [T],
    pub(crate) drops: Option<Drops>,
    /// The documents.
    pub(crate) documents: &'x [Place],
    /// Keys and values of their prefixes in this block.
    pub(crate) prefix: &'x [T],
    /// The position of each row in its document.
    pub(crate) positions: &'x [usize],
    /// Cosines and sines of each position's angles.
    pub(crate) turns: &'x [[T; 2]],
}

/// What a block computes on its way forward.
#[derive(Default)]
pub(crate) struct Inside<T> {
    /// Queries, keys and values, with rotations done: `(rows, qkv)`.
    pub(crate) qkv: Vec<T>,
    /// Logarithms of attention's sums: `(heads, rows)`.
    log_sums: Vec<T>,
    /// `(rows, n_heads * head_dim)`.
    attended: Vec<T>,
    /// The stream between attention and the feed-forward part: `(rows, n_embd)`.
    middle: Vec<T>,
    /// `(rows, 2 * n_ff)`.
    gate_up: Vec<T>,
    /// Between A and B of the four groups: `(rows, members * rank)`.
    hidden: [Vec<T>; 4],
}

/// Buffers that blocks share.
#[derive(Default)]
pub(crate) struct Scratch<T> {
    pub(crate) linear: LinearScratch<T>,
    attention: AttentionScratch<T>,
    /// `(rows, n_embd)`.
    normed: Vec<T>,
    /// `(rows, n_ff)`.
    inner: Vec<T>,
    d_inner: Vec<T>,
    /// `(rows, n_embd)`, or `(rows, n_heads * head_dim)`.
    delta: Vec<T>,
    /// `(rows, qkv)`.
    d_qkv: Vec<T>,
}

impl<'x, T: Real> Block<'x, '_, T> {
    fn linear(&self, group: Group) -> Linear<'x, T> {
        let n_layers = self.base.config.n_layers as u64;
        Linear {
            group,
            frozen: &self.base.layers[self.layer_idx],
            places: &self.places.layers[self.layer_idx][group as usize],
            rank: self.places.rank,
            scale: T::of(self.places.scale),
            numbers: self.numbers,
            dropout: self.drops.map(|drops| Dropout {
                share: drops.share,
                seed: drops.seed,
                stream: (drops.pass * n_layers + self.layer_idx as u64) * 4 + group as u64,
            }),
            widths: &self.widths[group as usize],
        }
    }

    fn norm(&self, x: &[T], weight: &[T], out: &mut Vec<T>) {
        let width = weight.len();
        let epsilon = T::of(f64::from(self.base.config.norm_epsilon));
        out.resize(x.len(), T::zero());
        for_rows(out, width, |row_idx, out| {
            rms_norm(&x[row_idx * width..][..width], weight, epsilon, out);
        });
    }

    /// Adds to `dx` what the gradient `dy` after a norm comes to before it.
    fn norm_backward(&self, x: &[T], weight: &[T], dy: &[T], dx: &mut [T]) {
        let width = weight.len();
        let epsilon = T::of(f64::from(self.base.config.norm_epsilon));
        for_rows(dx, width, |row_idx, dx| {
            let row = row_idx * width..(row_idx + 1) * width;
            rms_norm_backward(&x[row.clone()], weight, epsilon, &dy[row], dx);
        });
    }

    /// Turns queries and keys by the angles of their positions, or back.
    fn rotate(&self, qkv: &mut [T], back: bool) {
        let Heads { head_dim, .. } = self.heads;
        let n_pairs = self.base.frequencies.len();
        let turned = self.heads.q_width() + self.heads.n_kv_heads * head_dim;
        for_rows(qkv, self.heads.width(), |row_idx, row| {
            let turns = &self.turns[self.positions[row_idx] * n_pairs..][..n_pairs];
            rotate(&mut row[..turned], head_dim, turns, self.base.pairs, back);
        });
    }

    /// `inner = silu(gate) * up`.
    fn gate(&self, gate_up: &[T], inner: &mut Vec<T>) {
        let n_ff = self.base.config.n_ff;
        inner.resize(gate_up.len() / 2, T::zero());
        for_rows(inner, n_ff, |row_idx, inner| {
            swiglu(&gate_up[row_idx * 2 * n_ff..][..2 * n_ff], inner);
        });
    }

    fn attention(&self) -> Attention<'x, T> {
        Attention {
            heads: self.heads,
            places: self.documents,
            prefix: self.prefix,
        }
    }

    /// Computes queries, keys and values, with rotations done.
    pub(crate) fn project(&self, x: &[T], inside: &mut Inside<T>, scratch: &mut Scratch<T>) {
        let frozen = &self.base.layers[self.layer_idx];
        let Inside { qkv, hidden, .. } = inside;
        self.norm(x, &frozen.attn_norm, &mut scratch.normed);
        qkv.resize(self.positions.len() * self.heads.width(), T::zero());
        let linear = self.linear(Group::Attention);
        linear.forward(&scratch.normed, qkv, &mut hidden[0], &mut scratch.linear);
        linear.add_bias(qkv);
        self.rotate(qkv, false);
    }

    /// Computes what the block keeps, and the stream after it, where that is wanted.
    pub(crate) fn forward(
        &self,
        x: &[T],
        after: Option<&mut Vec<T>>,
        inside: &mut Inside<T>,
        scratch: &mut Scratch<T>,
    ) {
        self.project(x, inside, scratch);
        let frozen = &self.base.layers[self.layer_idx];
        let n_rows = self.positions.len();
        let Inside {
            qkv,
            log_sums,
            attended,
            middle,
            gate_up,
            hidden,
        } = inside;
        let [_, h_output, h_gates, h_down] = hidden;
        let s = scratch;

        attended.resize(n_rows * self.heads.q_width(), T::zero());
        log_sums.resize(n_rows * self.heads.n_heads, T::zero());
        self.attention()
            .forward(qkv, attended, log_sums, &mut s.attention);
        middle.resize(x.len(), T::zero());
        let output = self.linear(Group::Output);
        output.forward(attended, middle, h_output, &mut s.linear);
        add_all(middle, x);

        self.norm(middle, &frozen.ffn_norm, &mut s.normed);
        gate_up.resize(n_rows * 2 * self.base.config.n_ff, T::zero());
        let gates = self.linear(Group::Gates);
        gates.forward(&s.normed, gate_up, h_gates, &mut s.linear);
        self.gate(gate_up, &mut s.inner);
        let down = self.linear(Group::Down);
        match after {
            Some(after) => {
                after.resize(x.len(), T::zero());
                down.forward(&s.inner, after, h_down, &mut s.linear);
                add_all(after, middle);
            }
            None => down.lower(&s.inner, h_down, &mut s.linear),
        }
    }

    /// Turns the gradient after the block, `d_x`, into the one before it, unless this is the first block,
    /// and adds the adapters' gradients to `gradient`. What the block kept is used up.
    pub(crate) fn backward(
        &self,
        x: &[T],
        inside: &mut Inside<T>,
        d_x: &mut [T],
        gradient: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        let frozen = &self.base.layers[self.layer_idx];
        let n_rows = self.positions.len();
        let n_ff = self.base.config.n_ff;
        let [h_attention, h_output, h_gates, h_down] = &inside.hidden;
        let s = scratch;

        self.gate(&inside.gate_up, &mut s.inner);
        s.d_inner.resize(n_rows * n_ff, T::zero());
        let down = self.linear(Group::Down);
        let d_inner = Some(&mut s.d_inner[..]);
        down.backward(&s.inner, h_down, d_x, gradient, d_inner, &mut s.linear);
        let d_inner = &s.d_inner;
        for_rows(&mut inside.gate_up, 2 * n_ff, |row_idx, row| {
            swiglu_backward(row, &d_inner[row_idx * n_ff..][..n_ff]);
        });
        self.norm(&inside.middle, &frozen.ffn_norm, &mut s.normed);
        s.delta.resize(n_rows * self.base.config.n_embd, T::zero());
        let d_gates = &inside.gate_up;
        self.linear(Group::Gates).backward(
            &s.normed,
            h_gates,
            d_gates,
            gradient,
            Some(&mut s.delta),
            &mut s.linear,
        );
        self.norm_backward(&inside.middle, &frozen.ffn_norm, &s.delta, d_x);

        s.delta.resize(n_rows * self.heads.q_width(), T::zero());
        self.linear(Group::Output).backward(
            &inside.attended,
            h_output,
            d_x,
            gradient,
            Some(&mut s.delta),
            &mut s.linear,
        );
        s.d_qkv.resize(n_rows * self.heads.width(), T::zero());
        let forward = Attended {
            qkv: &inside.qkv,
            attended: &inside.attended,
            log_sums: &inside.log_sums,
        };
        let attention = self.attention();
        attention.backward(forward, &s.delta, &mut s.d_qkv, &mut s.attention);
        self.rotate(&mut s.d_qkv, true);
        self.norm(x, &frozen.attn_norm, &mut s.normed);
        s.delta.resize(n_rows * self.base.config.n_embd, T::zero());
        // Nothing that is trained lies before the first block.
        let is_first = self.layer_idx == 0;
        self.linear(Group::Attention).backward(
            &s.normed,
            h_attention,
            &s.d_qkv,
            gradient,
            (!is_first).then_some(&mut s.delta[..]),
            &mut s.linear,
        );
        if !is_first {
            self.norm_backward(x, &frozen.attn_norm, &s.delta, d_x);
        }
    }
}

/// `x += y`.
fn add_all<T: Real>(x: &mut [T], y: &[T]) {
    const WIDTH: usize = 512;
    // The last row may be shorter, so pieces are cut by hand.
    let whole = x.len() - x.len() % WIDTH;
    let (rows, rest) = x.split_at_mut(whole);
    for_rows(rows, WIDTH, |row_idx, row| {
        add(row, &y[row_idx * WIDTH..][..WIDTH]);
    });
    add(rest, &y[whole..]);
}
