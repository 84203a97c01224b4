//! What a piece of work reserves at most, so that files which lie about their sizes are seen to cost nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's memory, counted by thread.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    /// Bytes that this thread has reserved and not given back, and the most of them since it was last reset.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(n_bytes: isize) {
    // A thread that ends may have lost its counters.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + n_bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Both are there for a moment.
        count(new_size as isize);
        count(-(layout.size() as isize));
        // SAFETY: the caller's.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

/// The most bytes that some work has on this thread at a time, beside what was there before it.
pub(crate) fn most_bytes(work: impl FnOnce()) -> usize {
    let before = HELD.get();
    MOST.set(before);
    work();
    (MOST.get() - before).max(0) as usize
}

#[test]
fn what_is_reserved_is_counted_though_it_is_never_touched() {
    let n_bytes = most_bytes(|| {
        let first: Vec<u8> = Vec::with_capacity(1_000_000);
        drop(first);
        drop(std::hint::black_box(vec![0u64; 1_000_000]));
    });
    assert!((8_000_000..8_100_000).contains(&n_bytes), "{n_bytes}");
}
