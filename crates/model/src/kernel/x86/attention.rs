use std::arch::x86_64::*;

use half::f16;

use super::eight_halves;
use crate::cache::ABREAST;

/// Scores of `N` queries, packed `(head_dim, N)`, with all keys of a page, `(positions / 16, head_dim, 16)`.
/// Those of query `i` go to `scores[i * stride..]`.
#[target_feature(enable = "avx2,f16c,fma")]
pub(crate) fn score<const N: usize>(
    keys: &[f16],
    packed: &[f32],
    scores: &mut [f32],
    stride: usize,
) {
    let packed = packed.as_chunks::<N>().0;
    let keys = keys.as_chunks::<ABREAST>().0;
    for (abreast_idx, keys) in keys.chunks_exact(packed.len()).enumerate() {
        let mut sums = [[_mm256_setzero_ps(); 2]; N];
        for (keys, queries) in keys.iter().zip(packed) {
            // SAFETY: 16 keys.
            let (first, second) = unsafe {
                (
                    eight_halves(keys.as_ptr()),
                    eight_halves(keys.as_ptr().add(8)),
                )
            };
            for (sums, query) in sums.iter_mut().zip(queries) {
                let query = _mm256_set1_ps(*query);
                sums[0] = _mm256_fmadd_ps(query, first, sums[0]);
                sums[1] = _mm256_fmadd_ps(query, second, sums[1]);
            }
        }
        for (row, sums) in sums.into_iter().enumerate() {
            let scores = &mut scores[row * stride + abreast_idx * ABREAST..][..ABREAST];
            // SAFETY: room for 16 floats.
            unsafe {
                _mm256_storeu_ps(scores.as_mut_ptr(), sums[0]);
                _mm256_storeu_ps(scores.as_mut_ptr().add(8), sums[1]);
            }
        }
    }
}

/// Adds the values of a page, `(positions, head_dim)`, weighted, to the outputs of `N` queries.
/// The weights of query `i` are at `weights[i * stride..]`.
#[target_feature(enable = "avx2,f16c,fma")]
pub(crate) fn gather<const N: usize>(
    values: &[f16],
    head_dim: usize,
    weights: &[f32],
    stride: usize,
    mut outs: [&mut [f32]; N],
) {
    let n_places = values.len() / head_dim;
    assert!(outs.iter().all(|out| out.len() == head_dim));
    assert!(weights.len() >= (N - 1) * stride + n_places);
    for first in (0..head_dim).step_by(ABREAST) {
        let mut sums = [[_mm256_setzero_ps(); 2]; N];
        for (sums, out) in sums.iter_mut().zip(&outs) {
            let out = &out[first..first + ABREAST];
            // SAFETY: 16 floats.
            *sums = unsafe {
                [
                    _mm256_loadu_ps(out.as_ptr()),
                    _mm256_loadu_ps(out.as_ptr().add(8)),
                ]
            };
        }
        for (place, values) in values.chunks_exact(head_dim).enumerate() {
            let values = &values[first..first + ABREAST];
            // SAFETY: 16 values.
            let (low, high) = unsafe {
                (
                    eight_halves(values.as_ptr()),
                    eight_halves(values.as_ptr().add(8)),
                )
            };
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: each query has a weight for each place.
                let weight =
                    _mm256_set1_ps(unsafe { *weights.get_unchecked(row * stride + place) });
                sums[0] = _mm256_fmadd_ps(weight, low, sums[0]);
                sums[1] = _mm256_fmadd_ps(weight, high, sums[1]);
            }
        }
        for (sums, out) in sums.into_iter().zip(&mut outs) {
            let out = &mut out[first..first + ABREAST];
            // SAFETY: 16 floats.
            unsafe {
                _mm256_storeu_ps(out.as_mut_ptr(), sums[0]);
                _mm256_storeu_ps(out.as_mut_ptr().add(8), sums[1]);
            }
        }
    }
}
