use std::arch::x86_64::*;

use crate::kernel::low_rank::{ABREAST, Pair};

/// `N` rows of inputs times sixteen rows of each of `G` groups of weights.
///
/// Of each pair the second product comes first, as where one instruction takes both.
#[target_feature(enable = "avx2,f16c,fma")]
pub(crate) fn low_rank<const N: usize, const G: usize>(
    groups: [&[[Pair; ABREAST]]; G],
    rows: [&[Pair]; N],
) -> [[[f32; ABREAST]; G]; N] {
    let n_pairs = rows[0].len();
    assert!(rows.iter().all(|row| row.len() == n_pairs));
    assert!(groups.iter().all(|group| group.len() == n_pairs));
    let mut sums = [[[_mm256_setzero_ps(); 2]; G]; N];
    for pair_idx in 0..n_pairs {
        for (group_idx, group) in groups.iter().enumerate() {
            for half_idx in 0..2 {
                // SAFETY: a group has sixteen pairs for each of `n_pairs`; these are eight of them.
                let weights = unsafe {
                    let abreast = group.get_unchecked(pair_idx).as_ptr();
                    _mm256_loadu_si256(abreast.add(8 * half_idx).cast())
                };
                let (weights_first, weights_second) = (first(weights), second(weights));
                for (sums, row) in sums.iter_mut().zip(rows) {
                    // SAFETY: a row has `n_pairs` pairs.
                    let x =
                        _mm256_set1_epi32(unsafe { *row.get_unchecked(pair_idx) }.cast_signed());
                    let sum = &mut sums[group_idx][half_idx];
                    *sum = _mm256_fmadd_ps(weights_second, second(x), *sum);
                    *sum = _mm256_fmadd_ps(weights_first, first(x), *sum);
                }
            }
        }
    }
    let mut tables = [[[0.0; ABREAST]; G]; N];
    for (table, sums) in tables.iter_mut().zip(sums) {
        for (table, [low, high]) in table.iter_mut().zip(sums) {
            // SAFETY: room for sixteen floats.
            unsafe {
                _mm256_storeu_ps(table.as_mut_ptr(), low);
                _mm256_storeu_ps(table.as_mut_ptr().add(8), high);
            }
        }
    }
    tables
}

/// The numbers in the low halves.
#[target_feature(enable = "avx2")]
#[inline]
fn first(pairs: __m256i) -> __m256 {
    _mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs))
}

/// The numbers in the high halves.
#[target_feature(enable = "avx2")]
#[inline]
fn second(pairs: __m256i) -> __m256 {
    let high = _mm256_set1_epi32(0xffff_0000_u32.cast_signed());
    _mm256_castsi256_ps(_mm256_and_si256(pairs, high))
}
