use std::arch::x86_64::*;

use half::f16;

use crate::cache::ABREAST;

/// Sixteen 16-bit floats as 32-bit ones.
#[target_feature(enable = "avx512f")]
#[inline]
fn sixteen_halves(halves: &[f16; ABREAST]) -> __m512 {
    // SAFETY: 32 bytes.
    _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(halves.as_ptr().cast()) })
}

/// Scores of `N` queries, packed `(head_dim, N)`, with all keys of a page, `(positions / 16, head_dim, 16)`.
/// Those of query `i` go to `scores[i * stride..]`.
#[target_feature(enable = "avx512f")]
pub(crate) fn score<const N: usize>(
    keys: &[f16],
    packed: &[f32],
    scores: &mut [f32],
    stride: usize,
) {
    let packed = packed.as_chunks::<N>().0;
    let keys = keys.as_chunks::<ABREAST>().0;
    for (abreast_idx, keys) in keys.chunks_exact(packed.len()).enumerate() {
        let mut sums = [_mm512_setzero_ps(); N];
        for (keys, queries) in keys.iter().zip(packed) {
            let keys = sixteen_halves(keys);
            for (sum, query) in sums.iter_mut().zip(queries) {
                *sum = _mm512_fmadd_ps(_mm512_set1_ps(*query), keys, *sum);
            }
        }
        for (row, sum) in sums.into_iter().enumerate() {
            let scores = &mut scores[row * stride + abreast_idx * ABREAST..][..ABREAST];
            // SAFETY: room for 16 floats.
            unsafe { _mm512_storeu_ps(scores.as_mut_ptr(), sum) };
        }
    }
}

/// Adds the values of a page, `(positions, head_dim)`, weighted, to the outputs of `N` queries.
/// The weights of query `i` are at `weights[i * stride..]`.
#[target_feature(enable = "avx512f")]
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
        let mut sums = [_mm512_setzero_ps(); N];
        for (sum, out) in sums.iter_mut().zip(&outs) {
            let out = &out[first..first + ABREAST];
            // SAFETY: 16 floats.
            *sum = unsafe { _mm512_loadu_ps(out.as_ptr()) };
        }
        for (place, values) in values.chunks_exact(head_dim).enumerate() {
            let (values, _) = values[first..]
                .split_first_chunk()
                .expect("a head has multiples of 16");
            let values = sixteen_halves(values);
            for (row, sum) in sums.iter_mut().enumerate() {
                // SAFETY: each query has a weight for each place.
                let weight =
                    _mm512_set1_ps(unsafe { *weights.get_unchecked(row * stride + place) });
                *sum = _mm512_fmadd_ps(weight, values, *sum);
            }
        }
        for (sum, out) in sums.into_iter().zip(&mut outs) {
            let out = &mut out[first..first + ABREAST];
            // SAFETY: room for 16 floats.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), sum) };
        }
    }
}
