use std::collections::HashMap;

use crate::block::Inside;

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
