//! Memory that the weights of a model share, in large pages where the system has them.
//!
//! A pass meets every page of the weights, and a processor remembers where only few pages lie.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use memmap2::MmapMut;

/// Each part begins at a multiple of it: a line of the cache, and enough for every block.
const ALIGN: usize = 64;

/// A region that is filled from its beginning to its end.
pub(crate) struct Arena {
    region: Option<Arc<Region>>,
    n_used: AtomicUsize,
}

pub(crate) struct Region {
    start: *mut u8,
    len: usize,
    /// Gives the memory back.
    _map: MmapMut,
}

// SAFETY: plain memory; each part of it has one owner.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

/// Numbers in memory of their own, or in an arena's.
pub(crate) enum Store<T> {
    Own(Vec<T>),
    Kept {
        start: *const T,
        len: usize,
        /// Lives as long as any of its parts.
        region: Arc<Region>,
    },
}

// SAFETY: as a vector of them.
unsafe impl<T: Send> Send for Store<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Store<T> {}

impl Arena {
    /// Room for matrices of these sizes in bytes; where the system gives none, they stay where they are.
    pub(crate) fn new(sizes: impl Iterator<Item = usize>) -> Arena {
        let len = sizes
            .map(|n_bytes| n_bytes.saturating_add(ALIGN))
            .fold(0, usize::saturating_add);
        let map = (len > 0).then(|| MmapMut::map_anon(len).ok()).flatten();
        let region = map.map(|mut map| {
            #[cfg(target_os = "linux")]
            // Systems without large pages refuse, and nothing is lost.
            let _ = map.advise(memmap2::Advice::HugePage);
            Arc::new(Region {
                start: map.as_mut_ptr(),
                len,
                _map: map,
            })
        });
        Arena {
            region,
            n_used: AtomicUsize::new(0),
        }
    }

    /// Moves numbers into the arena, as far as it has room.
    pub(crate) fn keep<T: Copy>(&self, numbers: Vec<T>) -> Store<T> {
        let Some(region) = &self.region else {
            return Store::Own(numbers);
        };
        let n_bytes = size_of_val(numbers.as_slice());
        let at = self
            .n_used
            .fetch_add(n_bytes.next_multiple_of(ALIGN), Ordering::Relaxed);
        if align_of::<T>() > ALIGN || at > region.len || n_bytes > region.len - at {
            return Store::Own(numbers);
        }
        // SAFETY: inside the region, aligned, and nobody else's: the counter only grows.
        let start = unsafe {
            let start = region.start.add(at).cast::<T>();
            start.copy_from_nonoverlapping(numbers.as_ptr(), numbers.len());
            start
        };
        Store::Kept {
            start,
            len: numbers.len(),
            region: Arc::clone(region),
        }
    }
}

impl<T> Deref for Store<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Store::Own(numbers) => numbers,
            // SAFETY: written by `keep`, never again, and the region lives.
            Store::Kept { start, len, .. } => unsafe { std::slice::from_raw_parts(*start, *len) },
        }
    }
}

impl<T: Clone> Clone for Store<T> {
    /// Numbers in an arena are shared: nobody changes them.
    fn clone(&self) -> Store<T> {
        match self {
            Store::Own(numbers) => Store::Own(numbers.clone()),
            Store::Kept { start, len, region } => Store::Kept {
                start: *start,
                len: *len,
                region: Arc::clone(region),
            },
        }
    }
}

impl<T: PartialEq> PartialEq for Store<T> {
    fn eq(&self, other: &Store<T>) -> bool {
        **self == **other
    }
}

impl<T: fmt::Debug> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
