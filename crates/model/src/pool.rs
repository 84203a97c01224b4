//! A small persistent team of threads for work that is split a thousand times a second.
//!
//! The caller works too, and never waits for a thread that has not begun:
//! pieces are claimed one by one, so a thread that the system keeps away from its core claims nothing and delays nobody.
//! Between two pieces of work a thread spins for some microseconds, then sleeps.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

#[cfg(test)]
mod tests;

/// Spins before a thread sleeps: about 50 microseconds.
const SPINS_BEFORE_SLEEP: u32 = 2_000;

/// The most pieces that one run can have.
const MAX_PIECES: usize = (1 << 20) - 1;

/// A team of threads.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    /// Which run this is (24 bits), its number of pieces (20 bits), and the next unclaimed piece (20 bits).
    /// Keeping them in one word makes a claim fail when its run is over.
    ticket: AtomicU64,
    n_done: AtomicUsize,
    job: UnsafeCell<Option<Job>>,
    panicked: AtomicBool,
    closing: AtomicBool,
    n_asleep: AtomicUsize,
    gate: Mutex<()>,
    wake: Condvar,
}

type Job = *const (dyn Fn(usize) + Sync);

// SAFETY: `job` is written by `Pool::run` only while no piece is claimed, and read only by who holds a claim.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Pool {
    /// A team of `n_threads`, the caller included.
    pub(crate) fn new(n_threads: usize) -> Pool {
        let shared = Arc::new(Shared {
            ticket: AtomicU64::new(0),
            n_done: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            panicked: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            n_asleep: AtomicUsize::new(0),
            gate: Mutex::new(()),
            wake: Condvar::new(),
        });
        let threads = (1..n_threads)
            .map_while(|thread_idx| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new()
                    .name(format!("model-{thread_idx}"))
                    .spawn(move || shared.serve())
                    .ok()
            })
            .collect();
        Pool { shared, threads }
    }

    /// Threads that work, the caller included.
    pub(crate) fn n_threads(&self) -> usize {
        self.threads.len() + 1
    }

    /// Runs `work(0)`, `work(1)`, … `work(n_pieces - 1)`, in any order, and returns when all are done.
    ///
    /// # Panics
    /// When a piece panics, or when there are more than a million pieces.
    pub(crate) fn run(&mut self, n_pieces: usize, work: &(dyn Fn(usize) + Sync)) {
        if n_pieces <= 1 || self.threads.is_empty() {
            (0..n_pieces).for_each(work);
            return;
        }
        assert!(n_pieces <= MAX_PIECES, "too many pieces of work");
        let shared = &*self.shared;
        // SAFETY: only the lifetime changes; `run` returns after the last claimed piece is done,
        // and the ticket lets nobody claim a piece of a run that is over.
        let job = unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), Job>(std::ptr::from_ref(work))
        };
        // SAFETY: no piece is claimed now, so nobody reads.
        unsafe { *shared.job.get() = Some(job) };
        shared.n_done.store(0, Ordering::Relaxed);
        let run = (shared.ticket.load(Ordering::Relaxed) >> 40).wrapping_add(1) & 0xff_ffff;
        // Sequentially consistent together with `n_asleep`: either we see the sleeper, or it sees the ticket.
        shared
            .ticket
            .store(run << 40 | (n_pieces as u64) << 20, Ordering::SeqCst);
        if shared.n_asleep.load(Ordering::SeqCst) > 0 {
            drop(shared.gate.lock().unwrap_or_else(PoisonError::into_inner));
            shared.wake.notify_all();
        }
        while shared.work_on_one() {}
        let mut n_spins = 0;
        while shared.n_done.load(Ordering::Acquire) < n_pieces {
            n_spins += 1;
            if n_spins < SPINS_BEFORE_SLEEP {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        assert!(
            !shared.panicked.swap(false, Ordering::Relaxed),
            "a piece of parallel work panicked"
        );
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        drop(
            self.shared
                .gate
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn has_work(&self) -> bool {
        let ticket = self.ticket.load(Ordering::SeqCst);
        ticket & 0xf_ffff < ticket >> 20 & 0xf_ffff
    }

    /// Claims and does one piece; false when none is left.
    fn work_on_one(&self) -> bool {
        let mut ticket = self.ticket.load(Ordering::Relaxed);
        let piece = loop {
            let (next, n_pieces) = (ticket & 0xf_ffff, ticket >> 20 & 0xf_ffff);
            if next >= n_pieces {
                return false;
            }
            match self.ticket.compare_exchange_weak(
                ticket,
                ticket + 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => break next as usize,
                Err(now) => ticket = now,
            }
        };
        // SAFETY: we hold a claim of the current run, so `run` waits for us: the job stays as it is, and alive.
        let job = unsafe { (*self.job.get()).map(|job| &*job) };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            job.expect("a run sets its job before its ticket")(piece);
        }));
        if outcome.is_err() {
            self.panicked.store(true, Ordering::Relaxed);
        }
        self.n_done.fetch_add(1, Ordering::Release);
        true
    }

    fn serve(&self) {
        let mut n_spins = 0;
        while !self.closing.load(Ordering::Relaxed) {
            if self.work_on_one() {
                n_spins = 0;
            } else if n_spins < SPINS_BEFORE_SLEEP {
                n_spins += 1;
                std::hint::spin_loop();
            } else {
                let guard = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
                self.n_asleep.fetch_add(1, Ordering::SeqCst);
                drop(
                    self.wake
                        .wait_while(guard, |()| {
                            !self.has_work() && !self.closing.load(Ordering::SeqCst)
                        })
                        .unwrap_or_else(PoisonError::into_inner),
                );
                self.n_asleep.fetch_sub(1, Ordering::SeqCst);
                n_spins = 0;
            }
        }
    }
}
