use std::arch::x86_64::*;

use half::f16;

use super::{eight_halves, to_tables};
use crate::matrix::LANES;

/// `N` rows of inputs times eight rows of each of `G` groups of weights, `(n_in, 8)` each.
#[target_feature(enable = "avx2,f16c,fma")]
pub(crate) fn low_rank<const N: usize, const G: usize>(
    groups: [&[f16]; G],
    rows: [&[f32]; N],
) -> [[[f32; LANES]; G]; N] {
    let n_in = rows[0].len();
    assert!(rows.iter().all(|row| row.len() == n_in));
    assert!(groups.iter().all(|group| group.len() == n_in * LANES));
    let mut sums = [[_mm256_setzero_ps(); G]; N];
    for column in 0..n_in {
        let mut weights = [_mm256_setzero_ps(); G];
        for (weights, group) in weights.iter_mut().zip(groups) {
            // SAFETY: a group has eight numbers for each of the `n_in` columns.
            *weights = unsafe { eight_halves(group.as_ptr().add(column * LANES)) };
        }
        for (sums, row) in sums.iter_mut().zip(rows) {
            // SAFETY: a row has `n_in` numbers.
            let x = _mm256_set1_ps(unsafe { *row.get_unchecked(column) });
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm256_fmadd_ps(weights, x, *sum);
            }
        }
    }
    to_tables(sums)
}
