use std::ops::Range;

use crate::real::Real;

/// How queries, keys and values lie in a row: first all heads of queries, then of keys, then of values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heads {
    pub(crate) n_heads: usize,
    pub(crate) n_kv_heads: usize,
    pub(crate) head_dim: usize,
}

impl Heads {
    pub(crate) fn q_width(self) -> usize {
        self.n_heads * self.head_dim
    }

    pub(crate) fn width(self) -> usize {
        (self.n_heads + 2 * self.n_kv_heads) * self.head_dim
    }

    pub(super) fn scale<T: Real>(self) -> T {
        T::of(1.0 / (self.head_dim as f64).sqrt())
    }

    pub(super) fn query(self, head: usize) -> Range<usize> {
        head * self.head_dim..(head + 1) * self.head_dim
    }

    pub(super) fn key(self, head: usize) -> Range<usize> {
        self.query(self.n_heads + self.kv_head(head))
    }

    pub(super) fn value(self, head: usize) -> Range<usize> {
        self.query(self.n_heads + self.n_kv_heads + self.kv_head(head))
    }

    /// The head of keys and values that a head of queries looks at.
    fn kv_head(self, head: usize) -> usize {
        head / (self.n_heads / self.n_kv_heads)
    }
}
