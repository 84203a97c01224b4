use std::sync::atomic::{AtomicUsize, Ordering};

use super::Pool;

#[test]
fn every_piece_runs_exactly_once() {
    for n_threads in [1, 2, 5] {
        let mut pool = Pool::new(n_threads);
        for round in 0..2_000 {
            let n_pieces = round % 67;
            let counts: Vec<AtomicUsize> = (0..n_pieces).map(|_| AtomicUsize::new(0)).collect();
            pool.run(n_pieces, &|piece| {
                counts[piece].fetch_add(1, Ordering::Relaxed);
            });
            assert!(
                counts
                    .iter()
                    .all(|count| count.load(Ordering::Relaxed) == 1)
            );
        }
    }
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
    let mut pool = Pool::new(3);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        pool.run(20, &|piece| assert_ne!(piece, 13));
    }));
    assert!(result.is_err());
    let n_done = AtomicUsize::new(0);
    pool.run(20, &|_| {
        n_done.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(n_done.into_inner(), 20);
}
