use std::arch::x86_64::*;

use crate::block::SUB_BLOCK;
use crate::kernel::Inputs;
use crate::matrix::{EightBitBlock, FourBitBlock, LANES};

/// `N` rows of inputs times eight rows of 4-bit weights.
#[target_feature(enable = "avx2,f16c")]
pub(crate) fn four_bit<const N: usize>(
    blocks: &[FourBitBlock],
    inputs: &Inputs,
    first_row: usize,
) -> [[f32; LANES]; N] {
    let n_runs = blocks.len();
    let first_run = first_row * n_runs;
    let runs = first_run..first_run + N * n_runs;
    let quants = inputs.int8[runs.start * SUB_BLOCK..runs.end * SUB_BLOCK].as_ptr();
    let scales = inputs.int8_scales[runs.clone()].as_ptr();
    let run_sums = inputs.int8_sums[runs].as_ptr();

    let low_half = _mm256_set1_epi8(15);
    let ones = _mm256_set1_epi16(1);
    let mut sums = [_mm256_setzero_ps(); N];
    for (block_idx, block) in blocks.iter().enumerate() {
        let mut weights = [low_half; 8];
        for j in 0..4 {
            // SAFETY: 32 of the block's 128 bytes.
            let packed = unsafe { _mm256_load_si256(block.quants.as_ptr().add(32 * j).cast()) };
            weights[j] = _mm256_and_si256(packed, low_half);
            weights[j + 4] = _mm256_and_si256(_mm256_srli_epi16::<4>(packed), low_half);
        }
        // SAFETY: eight halves each.
        let (weight_scales, mins) = unsafe {
            (
                _mm256_cvtph_ps(_mm_load_si128(block.scales.as_ptr().cast())),
                _mm256_cvtph_ps(_mm_load_si128(block.mins.as_ptr().cast())),
            )
        };
        for (row, sums) in sums.iter_mut().enumerate() {
            let run_idx = row * n_runs + block_idx;
            // Sums of eight products of two numbers below 16 and 128 stay below 2^15.
            let mut dots = _mm256_setzero_si256();
            for (j, weights) in weights.iter().enumerate() {
                // SAFETY: 4 of the 32 quants of a run that is inside the slices taken above.
                let four = unsafe {
                    quants
                        .add(run_idx * SUB_BLOCK + 4 * j)
                        .cast::<i32>()
                        .read_unaligned()
                };
                let products = _mm256_maddubs_epi16(*weights, _mm256_set1_epi32(four));
                dots = _mm256_add_epi16(dots, products);
            }
            // SAFETY: a run inside the slices taken above.
            let (scale, run_sum) = unsafe {
                (
                    _mm256_set1_ps(*scales.add(run_idx)),
                    _mm256_set1_ps(*run_sums.add(run_idx)),
                )
            };
            let dots = _mm256_cvtepi32_ps(_mm256_madd_epi16(dots, ones));
            let scaled = _mm256_mul_ps(dots, _mm256_mul_ps(weight_scales, scale));
            *sums = _mm256_add_ps(*sums, scaled);
            *sums = _mm256_add_ps(*sums, _mm256_mul_ps(mins, run_sum));
        }
    }
    to_arrays(sums)
}

/// `N` rows of inputs times eight rows of 8-bit weights.
#[target_feature(enable = "avx2,f16c")]
pub(crate) fn eight_bit<const N: usize>(
    blocks: &[EightBitBlock],
    inputs: &Inputs,
    first_row: usize,
) -> [[f32; LANES]; N] {
    let n_runs = blocks.len();
    let first_run = first_row * n_runs;
    let runs = first_run..first_run + N * n_runs;
    let quants = inputs.int16[runs.start * SUB_BLOCK..runs.end * SUB_BLOCK].as_ptr();
    let scales = inputs.int16_scales[runs].as_ptr();

    let mut sums = [_mm256_setzero_ps(); N];
    for (block_idx, block) in blocks.iter().enumerate() {
        let mut dots = [_mm256_setzero_si256(); N];
        for j in 0..SUB_BLOCK / 2 {
            // SAFETY: 16 of the block's 256 bytes.
            let weights = unsafe { _mm_load_si128(block.quants.as_ptr().add(16 * j).cast()) };
            let weights = _mm256_cvtepi8_epi16(weights);
            for (row, dots) in dots.iter_mut().enumerate() {
                let run_idx = row * n_runs + block_idx;
                // SAFETY: 2 of the 32 quants of a run that is inside the slices taken above.
                let two = unsafe {
                    quants
                        .add(run_idx * SUB_BLOCK + 2 * j)
                        .cast::<i32>()
                        .read_unaligned()
                };
                let products = _mm256_madd_epi16(weights, _mm256_set1_epi32(two));
                *dots = _mm256_add_epi32(*dots, products);
            }
        }
        // SAFETY: eight halves.
        let weight_scales =
            unsafe { _mm256_cvtph_ps(_mm_load_si128(block.scales.as_ptr().cast())) };
        for (row, (sums, dots)) in sums.iter_mut().zip(dots).enumerate() {
            // SAFETY: a run inside the slice taken above.
            let scale = unsafe { _mm256_set1_ps(*scales.add(row * n_runs + block_idx)) };
            let scaled = _mm256_mul_ps(
                _mm256_cvtepi32_ps(dots),
                _mm256_mul_ps(weight_scales, scale),
            );
            *sums = _mm256_add_ps(*sums, scaled);
        }
    }
    to_arrays(sums)
}

#[target_feature(enable = "avx2")]
fn to_arrays<const N: usize>(registers: [__m256; N]) -> [[f32; LANES]; N] {
    let mut arrays = [[0.0; LANES]; N];
    for (array, register) in arrays.iter_mut().zip(registers) {
        // SAFETY: room for eight floats.
        unsafe { _mm256_storeu_ps(array.as_mut_ptr(), register) };
    }
    arrays
}
