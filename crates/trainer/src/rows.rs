//! Work on rows of numbers, shared among the pool's threads and compiled for wide registers.

use rayon::prelude::*;

use crate::real::Real;

/// Runs some arithmetic with the widest registers that the processor has.
#[inline(always)]
pub(crate) fn wide<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Rows that a thread takes at a time.
const ROWS: usize = 16;

/// Does something to each row of a buffer, in parallel.
pub(crate) fn for_rows<T: Real>(
    rows: &mut [T],
    width: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    let pieces = rows.par_chunks_mut(ROWS * width).enumerate();
    pieces.for_each(|(piece_idx, piece)| {
        wide(|| {
            for (row_idx, row) in piece.chunks_exact_mut(width).enumerate() {
                work(piece_idx * ROWS + row_idx, row);
            }
        });
    });
}

/// The sum of products, in eight lanes.
#[inline(always)]
pub(crate) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::zero(); 8];
    let (a_eights, b_eights) = (a.chunks_exact(8), b.chunks_exact(8));
    let mut rest = T::zero();
    for (&x, &y) in a_eights.remainder().iter().zip(b_eights.remainder()) {
        rest += x * y;
    }
    for (x, y) in a_eights.zip(b_eights) {
        for (lane, (&x, &y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
            *lane += x * y;
        }
    }
    lanes.into_iter().fold(rest, |sum, lane| sum + lane)
}

/// `row += other`.
#[inline(always)]
pub(crate) fn add<T: Real>(row: &mut [T], other: &[T]) {
    for (x, &y) in row.iter_mut().zip(other) {
        *x += y;
    }
}

/// The sum of some numbers, in eight lanes.
#[inline(always)]
pub(crate) fn sum<T: Real>(numbers: &[T]) -> T {
    let mut lanes = [T::zero(); 8];
    let eights = numbers.chunks_exact(8);
    let mut rest = T::zero();
    for &x in eights.remainder() {
        rest += x;
    }
    for eight in eights {
        for (lane, &x) in lanes.iter_mut().zip(eight) {
            *lane += x;
        }
    }
    lanes.into_iter().fold(rest, |sum, lane| sum + lane)
}

/// The highest of some numbers.
#[inline(always)]
pub(crate) fn highest<T: Real>(numbers: &[T]) -> T {
    let higher = |a: T, b: T| if b > a { b } else { a };
    let mut lanes = [T::neg_infinity(); 8];
    let eights = numbers.chunks_exact(8);
    let rest = eights
        .remainder()
        .iter()
        .fold(T::neg_infinity(), |a, &b| higher(a, b));
    for eight in eights {
        for (lane, &x) in lanes.iter_mut().zip(eight) {
            *lane = higher(*lane, x);
        }
    }
    lanes.into_iter().fold(rest, higher)
}
