use std::arch::x86_64::*;

use crate::kernel::low_rank::{ABREAST, Pair};

/// Few rows of inputs take weights as fast as they come from memory, so they are asked for this much earlier.
const PAIRS_AHEAD: usize = 16;

/// `N` rows of inputs times sixteen rows of each of `G` groups of weights.
#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) fn low_rank<const N: usize, const G: usize>(
    groups: [&[[Pair; ABREAST]]; G],
    rows: [&[Pair]; N],
) -> [[[f32; ABREAST]; G]; N] {
    let n_pairs = rows[0].len();
    assert!(rows.iter().all(|row| row.len() == n_pairs));
    assert!(groups.iter().all(|group| group.len() == n_pairs));
    let mut sums = [[_mm512_setzero_ps(); G]; N];
    for pair_idx in 0..n_pairs {
        let mut weights = [_mm512_setzero_si512(); G];
        for (weights, group) in weights.iter_mut().zip(groups) {
            let ahead = group.as_ptr().wrapping_add(pair_idx + PAIRS_AHEAD);
            // SAFETY: a hint, which touches no memory; and a group has sixteen pairs for each of `n_pairs`.
            *weights = unsafe {
                _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
                _mm512_loadu_si512(group.get_unchecked(pair_idx).as_ptr().cast())
            };
        }
        for (sums, row) in sums.iter_mut().zip(rows) {
            // SAFETY: a row has `n_pairs` pairs.
            let x = _mm512_set1_epi32(unsafe { *row.get_unchecked(pair_idx) }.cast_signed());
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = products(*sum, weights, x);
            }
        }
    }
    let mut tables = [[[0.0; ABREAST]; G]; N];
    for (table, sums) in tables.iter_mut().zip(sums) {
        for (table, sum) in table.iter_mut().zip(sums) {
            // SAFETY: room for sixteen floats.
            unsafe { _mm512_storeu_ps(table.as_mut_ptr(), sum) };
        }
    }
    tables
}

/// Adds both products of each lane's pairs to its sum.
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
fn products(sums: __m512, weights: __m512i, inputs: __m512i) -> __m512 {
    // SAFETY: the same 64 bytes under another name.
    let [weights, inputs] =
        unsafe { std::mem::transmute::<[__m512i; 2], [__m512bh; 2]>([weights, inputs]) };
    _mm512_dpbf16_ps(sums, weights, inputs)
}

/// True when this processor rounds once for each product and its sum, the second of a pair first:
/// the manuals leave room for other ways, and every path must give the same bits.
pub(crate) fn fuses_brain_floats() -> bool {
    if !is_x86_feature_detected!("avx512bf16") {
        return false;
    }
    let number = |n: u32| f32::from_bits(n & 0x8fff_0000 | 0x3800_0000);
    (1..200u32).map(|n| n.wrapping_mul(0x9e37_79b9)).all(|n| {
        let [sum, first, second, x, y] =
            [n, n << 3, n << 7, n << 11, n << 5].map(|bits| number(bits.wrapping_mul(0x85eb_ca6b)));
        let sum = sum * 1.000_123;
        let expected = first.mul_add(x, second.mul_add(y, sum));
        let pair = |first: f32, second: f32| first.to_bits() >> 16 | second.to_bits();
        #[target_feature(enable = "avx512f,avx512bf16")]
        fn one(sum: f32, weights: Pair, inputs: Pair) -> f32 {
            let weights = _mm512_set1_epi32(weights.cast_signed());
            let inputs = _mm512_set1_epi32(inputs.cast_signed());
            _mm512_cvtss_f32(products(_mm512_set1_ps(sum), weights, inputs))
        }
        // SAFETY: the processor has it.
        let found = unsafe { one(sum, pair(first, second), pair(x, y)) };
        found.to_bits() == expected.to_bits()
    })
}
