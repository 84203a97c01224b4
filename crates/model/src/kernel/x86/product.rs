use std::arch::x86_64::*;

use super::{eight_halves, to_arrays, to_tables};
use crate::block::SUB_BLOCK;
use crate::kernel::inputs::{Int8Run, Int16Run, TILE};
use crate::matrix::{EightBitBlock, FourBitBlock, LANES};

/// Few rows of inputs take weights as fast as they come from memory, so they are asked for this much earlier.
pub(super) const BLOCKS_AHEAD: usize = 8;

/// Asks for a block, which may lie behind the last one: where matrices follow each other, that is the next to come.
#[inline(always)]
pub(super) fn fetch<T>(blocks: &[T], block_idx: usize) {
    let block = blocks.as_ptr().wrapping_add(block_idx).cast::<i8>();
    for line in (0..size_of::<T>()).step_by(64) {
        // SAFETY: a hint, which touches no memory.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(block.wrapping_add(line)) };
    }
}

/// `N` rows of a tile of inputs, from `first` on, times eight rows of each of `G` groups of 4-bit weights.
#[target_feature(enable = "avx2,f16c,fma")]
pub(crate) fn four_bit<const N: usize, const G: usize>(
    groups: [&[FourBitBlock]; G],
    runs: &[Int8Run],
    first: usize,
) -> [[[f32; LANES]; G]; N] {
    let runs = runs.as_chunks::<TILE>().0;
    assert!(groups.iter().all(|blocks| blocks.len() == runs.len()));
    let low_half = _mm256_set1_epi8(15);
    let ones = _mm256_set1_epi16(1);
    let mut sums = [[_mm256_setzero_ps(); G]; N];
    for (block_idx, runs) in runs.iter().enumerate() {
        let runs: &[Int8Run] = &runs[first..];
        for blocks in groups {
            fetch(blocks, block_idx + BLOCKS_AHEAD);
        }
        // Sums of eight products of two numbers below 16 and 128 stay below 2^15.
        let mut dots = [[_mm256_setzero_si256(); G]; N];
        for j in 0..4 {
            let (mut low, mut high) = ([low_half; G], [low_half; G]);
            for (group_idx, blocks) in groups.iter().enumerate() {
                // SAFETY: a group has as many blocks as there are runs; these are 32 of a block's 128 bytes.
                let packed = unsafe {
                    let quants = blocks.get_unchecked(block_idx).quants.as_ptr();
                    _mm256_load_si256(quants.add(32 * j).cast())
                };
                low[group_idx] = _mm256_and_si256(packed, low_half);
                high[group_idx] = _mm256_and_si256(_mm256_srli_epi16::<4>(packed), low_half);
            }
            for (run, dots) in runs.iter().zip(&mut dots) {
                // SAFETY: 4 of the 32 quants each.
                let (with_low, with_high) = unsafe {
                    let quants = run.quants.as_ptr().add(4 * j);
                    (
                        _mm256_set1_epi32(quants.cast::<i32>().read_unaligned()),
                        _mm256_set1_epi32(quants.add(16).cast::<i32>().read_unaligned()),
                    )
                };
                for (dots, low) in dots.iter_mut().zip(low) {
                    *dots = _mm256_add_epi16(*dots, _mm256_maddubs_epi16(low, with_low));
                }
                for (dots, high) in dots.iter_mut().zip(high) {
                    *dots = _mm256_add_epi16(*dots, _mm256_maddubs_epi16(high, with_high));
                }
            }
        }
        for (group_idx, blocks) in groups.iter().enumerate() {
            // SAFETY: as above; eight halves each.
            let (scales, mins) = unsafe {
                let block = blocks.get_unchecked(block_idx);
                (
                    eight_halves(block.scales.as_ptr()),
                    eight_halves(block.mins.as_ptr()),
                )
            };
            for ((run, dots), sums) in runs.iter().zip(&dots).zip(&mut sums) {
                let dots = _mm256_cvtepi32_ps(_mm256_madd_epi16(dots[group_idx], ones));
                let scales = _mm256_mul_ps(scales, _mm256_set1_ps(run.scale));
                let sum = _mm256_fmadd_ps(dots, scales, sums[group_idx]);
                sums[group_idx] = _mm256_fmadd_ps(mins, _mm256_set1_ps(run.sum), sum);
            }
        }
    }
    to_tables(sums)
}

/// `N` rows of a tile of inputs, from `first` on, times eight rows of 8-bit weights.
#[target_feature(enable = "avx2,f16c,fma")]
pub(crate) fn eight_bit<const N: usize>(
    blocks: &[EightBitBlock],
    runs: &[Int16Run],
    first: usize,
) -> [[f32; LANES]; N] {
    let mut sums = [_mm256_setzero_ps(); N];
    for (block_idx, (block, runs)) in blocks.iter().zip(runs.as_chunks::<TILE>().0).enumerate() {
        let runs: &[Int16Run] = &runs[first..];
        fetch(blocks, block_idx + BLOCKS_AHEAD);
        let mut dots = [_mm256_setzero_si256(); N];
        for j in 0..SUB_BLOCK / 2 {
            // SAFETY: 16 of the block's 256 bytes.
            let weights = unsafe { _mm_load_si128(block.quants.as_ptr().add(16 * j).cast()) };
            let weights = _mm256_cvtepi8_epi16(weights);
            for (run, dots) in runs.iter().zip(&mut dots) {
                // SAFETY: 2 of the 32 quants.
                let two = unsafe {
                    run.quants
                        .as_ptr()
                        .add(2 * j)
                        .cast::<i32>()
                        .read_unaligned()
                };
                let products = _mm256_madd_epi16(weights, _mm256_set1_epi32(two));
                *dots = _mm256_add_epi32(*dots, products);
            }
        }
        // SAFETY: eight halves.
        let scales = unsafe { eight_halves(block.scales.as_ptr()) };
        for ((run, dots), sums) in runs.iter().zip(dots).zip(&mut sums) {
            let scales = _mm256_mul_ps(scales, _mm256_set1_ps(run.scale));
            *sums = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots), scales, *sums);
        }
    }
    to_arrays(sums)
}
