//! Keys and values of past tokens, in pages.

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use half::vec::HalfBitsVecExt as _;

use crate::config::Config;

/// Tokens in a page.
pub const PAGE_TOKENS: usize = 32;

/// Keys of this many positions lie abreast.
pub(crate) const ABREAST: usize = 16;

/// All keys and values that a decoder can hold, allocated once.
///
/// Whoever builds batches decides which page belongs to which sequence; the cache only stores.
/// A page of one layer and one key-value head holds its keys with 16 positions abreast,
/// `(position / 16, head_dim, 16)`, then its values as `(position, head_dim)`, all in 16-bit floats.
#[derive(Debug)]
pub struct KvCache {
    layers: Vec<Vec<f16>>,
    n_kv_heads: usize,
    head_dim: usize,
    n_pages: usize,
}

impl KvCache {
    /// Room for `n_pages` pages.
    pub fn new(config: &Config, n_pages: usize) -> KvCache {
        let per_layer = n_pages * PAGE_TOKENS * 2 * config.n_kv_heads * config.head_dim;
        KvCache {
            // Zeros of integers, and each layer's own: such pages come from the system unbacked, and cost memory and
            // time from their first use on.
            layers: (0..config.n_layers)
                .map(|_| vec![0u16; per_layer].reinterpret_into())
                .collect(),
            n_kv_heads: config.n_kv_heads,
            head_dim: config.head_dim,
            n_pages,
        }
    }

    /// Memory that one page takes, all layers together.
    pub fn page_bytes(config: &Config) -> usize {
        PAGE_TOKENS * 2 * config.n_kv_heads * config.head_dim * size_of::<f16>() * config.n_layers
    }

    /// Pages that it holds.
    pub fn n_pages(&self) -> usize {
        self.n_pages
    }

    /// Keys and values of one page, layer and head: `2 * PAGE_TOKENS * head_dim` numbers.
    fn part(&self, page: u32, kv_head: usize) -> std::ops::Range<usize> {
        let len = 2 * PAGE_TOKENS * self.head_dim;
        let start = (page as usize * self.n_kv_heads + kv_head) * len;
        start..start + len
    }

    /// The keys of a page, `(position / 16, head_dim, 16)`.
    pub(crate) fn keys(&self, layer_idx: usize, page: u32, kv_head: usize) -> &[f16] {
        let part = self.part(page, kv_head);
        &self.layers[layer_idx][part][..PAGE_TOKENS * self.head_dim]
    }

    /// The values of a page, `(position, head_dim)`.
    pub(crate) fn values(&self, layer_idx: usize, page: u32, kv_head: usize) -> &[f16] {
        let part = self.part(page, kv_head);
        &self.layers[layer_idx][part][PAGE_TOKENS * self.head_dim..]
    }

    /// Stores a token's keys and values, each `(n_kv_heads, head_dim)`, at a place in a page.
    pub(crate) fn store(
        &mut self,
        layer_idx: usize,
        page: u32,
        place: usize,
        keys: &[f32],
        values: &[f32],
    ) {
        let head_dim = self.head_dim;
        let heads = keys
            .chunks_exact(head_dim)
            .zip(values.chunks_exact(head_dim));
        for (kv_head, (key, value)) in heads.enumerate() {
            let part = self.part(page, kv_head);
            let (keys, values) = self.layers[layer_idx][part].split_at_mut(PAGE_TOKENS * head_dim);
            let abreast = &mut keys[place / ABREAST * ABREAST * head_dim..][..ABREAST * head_dim];
            let mut halves = [f16::ZERO; ABREAST];
            let columns = abreast.as_chunks_mut::<{ ABREAST * ABREAST }>().0;
            for (columns, key) in columns.iter_mut().zip(key.as_chunks::<ABREAST>().0) {
                halves.convert_from_f32_slice(key);
                for (column, &x) in columns.as_chunks_mut::<ABREAST>().0.iter_mut().zip(&halves) {
                    column[place % ABREAST] = x;
                }
            }
            values[place * head_dim..][..head_dim].convert_from_f32_slice(value);
        }
    }
}
