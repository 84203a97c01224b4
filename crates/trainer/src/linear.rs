//! Linear layers that read the same vectors, with their adapters, and their derivatives.

use std::ops::Range;

use model::Target;

use crate::base::FrozenLayer;
use crate::dropout::Dropout;
use crate::lora::{GROUPS, GroupPlaces};
use crate::product::{Store, Threads, View, ViewMut, multiply};
use crate::real::Real;
use crate::rows::{add, for_rows};

/// Queries, keys and values; what attention adds; gates and ups; what the feed-forward part adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Attention,
    Output,
    Gates,
    Down,
}

/// A group of linear layers in one layer of the model.
pub(crate) struct Linear<'a, T> {
    pub(crate) group: Group,
    pub(crate) frozen: &'a FrozenLayer<'a, T>,
    pub(crate) places: &'a GroupPlaces,
    pub(crate) rank: usize,
    pub(crate) scale: T,
    /// The numbers of all adapters.
    pub(crate) numbers: &'a [T],
    pub(crate) dropout: Option<Dropout>,
    /// Numbers out of each member, side by side, and numbers in.
    pub(crate) widths: &'a Widths,
}

/// The widths of a group's vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Widths {
    pub(crate) n_in: usize,
    /// Where each member's results lie in a row.
    pub(crate) columns: Vec<Range<usize>>,
    pub(crate) n_out: usize,
}

impl Widths {
    pub(crate) fn new(group: Group, shape: impl Fn(Target) -> (usize, usize)) -> Widths {
        let members = GROUPS[group as usize];
        let mut n_out = 0;
        let columns = members
            .iter()
            .map(|&member| {
                let start = n_out;
                n_out += shape(member).0;
                start..n_out
            })
            .collect();
        Widths {
            n_in: shape(members[0]).1,
            columns,
            n_out,
        }
    }
}

/// Buffers that linear layers share.
#[derive(Default)]
pub(crate) struct LinearScratch<T> {
    /// Weights of the base that are decoded when they are needed.
    pub(crate) weights: Vec<T>,
    /// Inputs with some numbers dropped.
    dropped: Vec<T>,
    /// Gradients between A and B.
    d_hidden: Vec<T>,
}

impl<T: Real> Linear<'_, T> {
    fn group_rank(&self) -> usize {
        self.places.members.len() * self.rank
    }

    fn targets(&self) -> impl Iterator<Item = (Target, &Range<usize>)> {
        let columns = self.widths.columns.iter();
        GROUPS[self.group as usize].iter().copied().zip(columns)
    }

    /// Where a member's numbers lie between A and B.
    fn hidden(&self, member_idx: usize) -> Range<usize> {
        member_idx * self.rank..(member_idx + 1) * self.rank
    }

    /// What A reads: `x`, or `x` with some numbers dropped.
    fn read<'s>(&self, x: &'s [T], dropped: &'s mut Vec<T>) -> &'s [T] {
        match &self.dropout {
            None => x,
            Some(dropout) => {
                dropped.clear();
                dropped.extend_from_slice(x);
                dropout.apply(dropped, self.widths.n_in);
                dropped
            }
        }
    }

    /// `y = W x + scale B A x` for each member, and what lies between A and B.
    pub(crate) fn forward(
        &self,
        x: &[T],
        y: &mut [T],
        hidden: &mut Vec<T>,
        scratch: &mut LinearScratch<T>,
    ) {
        let Widths { n_in, n_out, .. } = *self.widths;
        for (target, columns) in self.targets() {
            let matrix = self.frozen.matrix(target);
            let weights = matrix.rows(0..columns.len(), &mut scratch.weights);
            multiply(
                ViewMut::part(y, n_out, columns.clone()),
                Store::Over,
                T::one(),
                View::rows(x, n_in),
                View::rows(weights, n_in).t(),
                Threads::All,
            );
        }
        self.lower(x, hidden, scratch);
        let group_rank = self.group_rank();
        for (member_idx, member) in self.places.members.iter().enumerate() {
            multiply(
                ViewMut::part(y, n_out, self.widths.columns[member.index].clone()),
                Store::Add,
                self.scale,
                View::part(hidden, group_rank, self.hidden(member_idx)),
                View::rows(&self.numbers[member.b.clone()], self.rank).t(),
                Threads::All,
            );
        }
    }

    /// What lies between A and B, `A x`.
    pub(crate) fn lower(&self, x: &[T], hidden: &mut Vec<T>, scratch: &mut LinearScratch<T>) {
        let n_in = self.widths.n_in;
        let group_rank = self.group_rank();
        hidden.resize(x.len() / n_in * group_rank, T::zero());
        if group_rank == 0 {
            return;
        }
        multiply(
            ViewMut::rows(hidden, group_rank),
            Store::Over,
            T::one(),
            View::rows(self.read(x, &mut scratch.dropped), n_in),
            View::rows(&self.numbers[self.places.a.clone()], n_in).t(),
            Threads::All,
        );
    }

    /// Adds the adapters' gradients to `gradient`, and writes that of the inputs to `dx`, where it is wanted.
    pub(crate) fn backward(
        &self,
        x: &[T],
        hidden: &[T],
        dy: &[T],
        gradient: &mut [T],
        dx: Option<&mut [T]>,
        scratch: &mut LinearScratch<T>,
    ) {
        let Widths { n_in, n_out, .. } = *self.widths;
        let group_rank = self.group_rank();
        scratch
            .d_hidden
            .resize(x.len() / n_in * group_rank, T::zero());
        for (member_idx, member) in self.places.members.iter().enumerate() {
            let dy = View::part(dy, n_out, self.widths.columns[member.index].clone());
            multiply(
                ViewMut::part(&mut scratch.d_hidden, group_rank, self.hidden(member_idx)),
                Store::Over,
                self.scale,
                dy,
                View::rows(&self.numbers[member.b.clone()], self.rank),
                Threads::All,
            );
            multiply(
                ViewMut::rows(&mut gradient[member.b.clone()], self.rank),
                Store::Add,
                self.scale,
                dy.t(),
                View::part(hidden, group_rank, self.hidden(member_idx)),
                Threads::All,
            );
        }
        if group_rank > 0 {
            multiply(
                ViewMut::rows(&mut gradient[self.places.a.clone()], n_in),
                Store::Add,
                T::one(),
                View::rows(&scratch.d_hidden, group_rank).t(),
                View::rows(self.read(x, &mut scratch.dropped), n_in),
                Threads::All,
            );
        }
        if let Some(dx) = dx {
            self.backward_inputs(dy, dx, scratch);
        }
    }

    fn backward_inputs(&self, dy: &[T], dx: &mut [T], scratch: &mut LinearScratch<T>) {
        let Widths { n_in, n_out, .. } = *self.widths;
        let group_rank = self.group_rank();
        let mut store = Store::Over;
        if group_rank > 0 {
            let a = View::rows(&self.numbers[self.places.a.clone()], n_in);
            let d_hidden = View::rows(&scratch.d_hidden, group_rank);
            multiply(
                ViewMut::rows(dx, n_in),
                store,
                T::one(),
                d_hidden,
                a,
                Threads::All,
            );
            if let Some(dropout) = &self.dropout {
                dropout.apply(dx, n_in);
            }
            store = Store::Add;
        }
        for (target, columns) in self.targets() {
            let matrix = self.frozen.matrix(target);
            let weights = matrix.rows(0..columns.len(), &mut scratch.weights);
            multiply(
                ViewMut::rows(dx, n_in),
                store,
                T::one(),
                View::part(dy, n_out, columns.clone()),
                View::rows(weights, n_in),
                Threads::All,
            );
            store = Store::Add;
        }
    }

    /// Adds biases to each row, where the group has some.
    pub(crate) fn add_bias(&self, y: &mut [T]) {
        if self.group == Group::Attention && !self.frozen.qkv_bias.is_empty() {
            for_rows(y, self.widths.n_out, |_, row| {
                add(row, &self.frozen.qkv_bias);
            });
        }
    }
}
