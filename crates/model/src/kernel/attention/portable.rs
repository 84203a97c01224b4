use half::f16;

use crate::cache::ABREAST;

/// Scores of `N` queries, packed `(head_dim, N)`, with all keys of a page, `(positions / 16, head_dim, 16)`.
/// Those of query `i` go to `scores[i * stride..]`.
pub(super) fn score<const N: usize>(
    keys: &[f16],
    packed: &[f32],
    scores: &mut [f32],
    stride: usize,
) {
    let packed = packed.as_chunks::<N>().0;
    let keys = keys.as_chunks::<ABREAST>().0;
    for (abreast_idx, keys) in keys.chunks_exact(packed.len()).enumerate() {
        let mut sums = [[0.0f32; ABREAST]; N];
        for (keys, queries) in keys.iter().zip(packed) {
            let keys = keys.map(f16::to_f32);
            for (sums, query) in sums.iter_mut().zip(queries) {
                for (sum, key) in sums.iter_mut().zip(&keys) {
                    *sum = query.mul_add(*key, *sum);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            scores[row * stride + abreast_idx * ABREAST..][..ABREAST].copy_from_slice(sums);
        }
    }
}

/// Adds the values of a page, `(positions, head_dim)`, weighted, to the outputs of `N` queries.
/// The weights of query `i` are at `weights[i * stride..]`.
pub(super) fn gather<const N: usize>(
    values: &[f16],
    head_dim: usize,
    weights: &[f32],
    stride: usize,
    mut outs: [&mut [f32]; N],
) {
    for (place, values) in values.chunks_exact(head_dim).enumerate() {
        for (idx, value) in values.iter().enumerate() {
            let value = value.to_f32();
            for (row, out) in outs.iter_mut().enumerate() {
                out[idx] = weights[row * stride + place].mul_add(value, out[idx]);
            }
        }
    }
}
