//! Causal attention of each row over the pages of its own sequence.

use std::collections::BTreeMap;

use candle_core::{D, Device, Result, Tensor};

use super::cache::Cache;
use super::list;
use crate::cache::PAGE_TOKENS;
use crate::config::Config;
use crate::decoder::Batch;

/// The sequences of a batch, those with equally many rows together: all replies are one group, and each prompt usually
/// another.
pub(super) struct Groups {
    groups: Vec<Group>,
    /// For each row of the batch, its place among the rows of the groups, one behind the other.
    order: Tensor,
}

/// Sequences that have the same number of rows in a batch.
struct Group {
    n_sequences: usize,
    /// Rows of each.
    n_rows: usize,
    /// Pages of the longest; shorter ones are filled up with their first, which no row then sees.
    n_pages: usize,
    /// The rows of each sequence, one sequence behind the other.
    rows: Tensor,
    /// The pages of each sequence likewise.
    pages: Tensor,
    /// What is added to scores, `(n_sequences, 1, 1, n_rows, n_pages * 32)`: nothing, or minus infinity for what comes
    /// later than a row.
    mask: Tensor,
}

impl Groups {
    pub(super) fn new(batch: &Batch<'_>, device: &Device) -> Result<Groups> {
        let mut rows_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (row_idx, row) in batch.rows.iter().enumerate() {
            rows_of.entry(row.sequence).or_default().push(row_idx);
        }
        let mut sequences_of: BTreeMap<usize, Vec<Vec<usize>>> = BTreeMap::new();
        for rows in rows_of.into_values() {
            sequences_of.entry(rows.len()).or_default().push(rows);
        }
        let mut order = vec![0; batch.rows.len()];
        let grouped = sequences_of.values().flatten().flatten();
        for (place, &row_idx) in (0u32..).zip(grouped) {
            order[row_idx] = place;
        }
        Ok(Groups {
            groups: sequences_of
                .into_iter()
                .map(|(n_rows, sequences)| Group::new(batch, n_rows, &sequences, device))
                .collect::<Result<_>>()?,
            order: list(order, device)?,
        })
    }

    /// Queries `(rows, n_heads * head_dim)` to what they find, of the same shape.
    pub(super) fn attend(
        &self,
        queries: &Tensor,
        cache: &Cache,
        layer_idx: usize,
        config: &Config,
    ) -> Result<Tensor> {
        let found = self
            .groups
            .iter()
            .map(|group| group.attend(queries, cache, layer_idx, config))
            .collect::<Result<Vec<_>>>()?;
        Tensor::cat(&found, 0)?.index_select(&self.order, 0)
    }
}

impl Group {
    fn new(
        batch: &Batch<'_>,
        n_rows: usize,
        sequences: &[Vec<usize>],
        device: &Device,
    ) -> Result<Group> {
        let n_used = |rows: &Vec<usize>| {
            let last = rows.iter().map(|&row_idx| batch.rows[row_idx].position);
            last.max().map_or(0, |position| position / PAGE_TOKENS + 1)
        };
        let n_pages = sequences.iter().map(n_used).max().unwrap_or(0);
        let n_context = n_pages * PAGE_TOKENS;
        let mut pages = Vec::with_capacity(sequences.len() * n_pages);
        let mut mask = Vec::with_capacity(sequences.len() * n_rows * n_context);
        for rows in sequences {
            let table = batch.pages[batch.rows[rows[0]].sequence];
            pages.extend(&table[..n_used(rows)]);
            pages.resize(pages.len().next_multiple_of(n_pages), table[0]);
            for &row_idx in rows {
                let n_seen = batch.rows[row_idx].position + 1;
                let seen = (0..n_context).map(|position| match position < n_seen {
                    true => 0.0,
                    false => f32::NEG_INFINITY,
                });
                mask.extend(seen);
            }
        }
        let rows = sequences.iter().flatten().map(|&row_idx| row_idx as u32);
        Ok(Group {
            n_sequences: sequences.len(),
            n_rows,
            n_pages,
            rows: list(rows.collect(), device)?,
            pages: list(pages, device)?,
            mask: Tensor::from_vec(mask, (sequences.len(), 1, 1, n_rows, n_context), device)?,
        })
    }

    fn attend(
        &self,
        queries: &Tensor,
        cache: &Cache,
        layer_idx: usize,
        config: &Config,
    ) -> Result<Tensor> {
        let (n, n_rows, n_context) = (self.n_sequences, self.n_rows, self.n_pages * PAGE_TOKENS);
        let (n_kv_heads, head_dim) = (config.n_kv_heads, config.head_dim);
        // Heads of queries that share a head of keys and values lie abreast, and pass as more rows of it.
        let n_sharing = config.n_heads / n_kv_heads;
        let queries = queries
            .index_select(&self.rows, 0)?
            .reshape((n, n_rows, n_kv_heads, n_sharing, head_dim))?
            .permute((0, 2, 3, 1, 4))?
            .reshape((n * n_kv_heads, n_sharing * n_rows, head_dim))?;
        let [keys, values] = cache.pages(layer_idx, &self.pages)?;
        // (n * n_kv_heads, context, head_dim)
        let by_head = |side: Tensor| {
            side.reshape((n, n_context, n_kv_heads, head_dim))?
                .transpose(1, 2)?
                .reshape((n * n_kv_heads, n_context, head_dim))
        };
        let (keys, values) = (by_head(keys)?, by_head(values)?);
        let scale = 1.0 / (head_dim as f64).sqrt();
        let scores = (queries.matmul(&keys.t()?)? * scale)?
            .reshape((n, n_kv_heads, n_sharing, n_rows, n_context))?
            .broadcast_add(&self.mask)?;
        let scores = scores
            .broadcast_sub(&scores.max_keepdim(D::Minus1)?)?
            .exp()?;
        let shares = scores
            .broadcast_div(&scores.sum_keepdim(D::Minus1)?)?
            .reshape((n * n_kv_heads, n_sharing * n_rows, n_context))?;
        shares
            .matmul(&values)?
            .reshape((n, n_kv_heads, n_sharing, n_rows, head_dim))?
            .permute((0, 3, 1, 2, 4))?
            .reshape((n * n_rows, n_kv_heads * n_sharing * head_dim))
    }
}
