use std::collections::HashMap;
use std::ops::Range;

use super::rows::Rows;
use super::{Passes, block, embed, heads};
use crate::block::Inside;
use crate::real::Real;

/// What prefixes are to the documents that go on after them: keys and values, which never change,
/// since the base reads prefixes alone.
#[derive(Default)]
pub(super) struct Prefixes<T> {
    /// Keys and values of a pass in each block: `(rows, 2 * n_kv_heads * head_dim)`.
    pub(super) keys_and_values: Vec<Vec<T>>,
    pub(super) inside: Inside<T>,
    /// The stream before and after a block.
    pub(super) streams: [Vec<T>; 2],
    pub(super) memory: Memory<T>,
}

/// Prefixes that were read before, as many as there is room for.
///
/// The first ones stay: a run comes by all of them once an epoch, so whichever made room would be missed as much.
pub(super) struct Memory<T> {
    /// For each prefix, its keys and values in all blocks: `(n_layers, rows, 2 * n_kv_heads * head_dim)`.
    known: HashMap<Vec<u32>, Vec<T>>,
    /// Numbers that there is room for.
    room: usize,
}

impl<T> Default for Memory<T> {
    fn default() -> Memory<T> {
        Memory::new(0)
    }
}

impl<T> Memory<T> {
    /// Room for so many bytes.
    pub(super) fn new(n_bytes: usize) -> Memory<T> {
        Memory {
            known: HashMap::new(),
            room: n_bytes / size_of::<T>(),
        }
    }

    pub(super) fn get(&self, prefix: &[u32]) -> Option<&[T]> {
        self.known.get(prefix).map(Vec::as_slice)
    }

    /// True when so many numbers can be kept.
    pub(super) fn has_room(&self, n_numbers: usize) -> bool {
        n_numbers <= self.room
    }

    pub(super) fn keep(&mut self, prefix: &[u32], numbers: Vec<T>) {
        self.room = self.room.saturating_sub(numbers.len());
        self.known.insert(prefix.to_vec(), numbers);
    }
}

impl<T: Real> Passes<'_, '_, T> {
    /// Sets the keys and values of prefixes: of those that were read before as they were, of others anew.
    pub(super) fn read_prefixes(&mut self, prefixes: &Rows) {
        let heads = heads(self.base);
        let width = heads.width() - heads.q_width();
        for kept in &mut self.prefixes.keys_and_values {
            kept.resize(prefixes.tokens.len() * width, T::zero());
        }
        for place in &prefixes.documents {
            let tokens = &prefixes.tokens[place.rows.clone()];
            let part = place.rows.start * width..place.rows.end * width;
            if self.prefixes.memory.get(tokens).is_none() {
                self.read_prefix(tokens, part);
                continue;
            }
            let Prefixes {
                keys_and_values,
                memory,
                ..
            } = &mut self.prefixes;
            let known = memory.get(tokens).unwrap_or_default();
            let layers = known.chunks_exact(part.len().max(1));
            for (kept, known) in keys_and_values.iter_mut().zip(layers) {
                kept[part.clone()].copy_from_slice(known);
            }
        }
    }

    /// Passes a prefix through the base alone, and keeps its keys and values. No other prefix passes with it,
    /// so that they are the same bits whatever a pass holds beside.
    fn read_prefix(&mut self, tokens: &[u32], part: Range<usize>) {
        if tokens.is_empty() {
            return;
        }
        let rows = &Rows::of_prefix(tokens);
        let n_layers = self.base.config.n_layers;
        let heads = heads(self.base);
        self.turn(rows);
        let Prefixes {
            keys_and_values,
            inside,
            streams: [before, after],
            memory,
        } = &mut self.prefixes;
        let keeps = memory.has_room(part.len() * n_layers);
        let mut numbers = Vec::with_capacity(if keeps { part.len() * n_layers } else { 0 });
        embed(self.base, rows, before, &mut self.scratch);
        for (layer_idx, kept) in keys_and_values.iter_mut().enumerate() {
            let block = block(
                self.base,
                &self.no_places,
                &self.widths,
                &self.turns,
                &[],
                (layer_idx, &[], rows, None),
            );
            if layer_idx + 1 < n_layers {
                block.forward(before, Some(after), inside, &mut self.scratch);
                std::mem::swap(before, after);
            } else {
                // Nothing reads the stream after the last block.
                block.project(before, inside, &mut self.scratch);
            }
            let kept = &mut kept[part.clone()];
            let width = heads.width() - heads.q_width();
            let rows = inside.qkv.chunks_exact(heads.width());
            for (kept, row) in kept.chunks_exact_mut(width).zip(rows) {
                kept.copy_from_slice(&row[heads.q_width()..]);
            }
            if keeps {
                numbers.extend_from_slice(kept);
            }
        }
        if keeps {
            memory.keep(tokens, numbers);
        }
    }
}
