//! Two groups of eight rows of weights in one register of 64 bytes, and products of small integers in one instruction.
//!
//! The lanes are those of the narrower kernels, and so is the order of each lane's sums: the same bits come out.

mod attention;
mod low_rank;

pub(crate) use attention::{gather, score};
pub(crate) use low_rank::{fuses_brain_floats, low_rank};

use std::arch::x86_64::*;

use half::f16;

use super::product::{BLOCKS_AHEAD, fetch};
use crate::block::SUB_BLOCK;
use crate::kernel::inputs::{Int8Run, Int16Run, TILE};
use crate::matrix::{EightBitBlock, FourBitBlock, LANES};

/// `N` rows of a tile of inputs times eight rows of each of two groups of 4-bit weights.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(crate) fn four_bit_pair<const N: usize>(
    groups: [&[FourBitBlock]; 2],
    runs: &[Int8Run],
) -> [[[f32; LANES]; 2]; N] {
    let runs = runs.as_chunks::<TILE>().0;
    assert!(groups.iter().all(|blocks| blocks.len() == runs.len()));
    let low_half = _mm512_set1_epi8(15);
    let mut sums = [_mm512_setzero_ps(); N];
    for (block_idx, runs) in runs.iter().enumerate() {
        // Two sums, so that few rows do not wait for their own.
        let mut dots = [[_mm512_setzero_si512(); 2]; N];
        for blocks in groups {
            fetch(blocks, block_idx + BLOCKS_AHEAD);
        }
        // SAFETY: a group has as many blocks as there are runs.
        let [first, second] = unsafe {
            [
                groups[0].get_unchecked(block_idx),
                groups[1].get_unchecked(block_idx),
            ]
        };
        for j in 0..4 {
            // SAFETY: 32 of each block's 128 bytes.
            let packed = unsafe {
                two_of_32(
                    first.quants.as_ptr().add(32 * j),
                    second.quants.as_ptr().add(32 * j),
                )
            };
            let low = _mm512_and_si512(packed, low_half);
            let high = _mm512_and_si512(_mm512_srli_epi16::<4>(packed), low_half);
            for (run, [dots, _]) in runs.iter().zip(&mut dots) {
                *dots = _mm512_dpbusd_epi32(*dots, low, four_quants(&run.quants, 4 * j));
            }
            for (run, [_, dots]) in runs.iter().zip(&mut dots) {
                *dots = _mm512_dpbusd_epi32(*dots, high, four_quants(&run.quants, 16 + 4 * j));
            }
        }
        // SAFETY: eight halves each.
        let (scales, mins) = unsafe {
            (
                halves_of_two(first.scales.as_ptr(), second.scales.as_ptr()),
                halves_of_two(first.mins.as_ptr(), second.mins.as_ptr()),
            )
        };
        for ((run, [low, high]), sums) in runs.iter().zip(dots).zip(&mut sums) {
            let dots = _mm512_cvtepi32_ps(_mm512_add_epi32(low, high));
            let scales = _mm512_mul_ps(scales, _mm512_set1_ps(run.scale));
            let sum = _mm512_fmadd_ps(dots, scales, *sums);
            *sums = _mm512_fmadd_ps(mins, _mm512_set1_ps(run.sum), sum);
        }
    }
    to_pairs(sums)
}

/// `N` rows of a tile of inputs times eight rows of each of two groups of 8-bit weights.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(crate) fn eight_bit_pair<const N: usize>(
    groups: [&[EightBitBlock]; 2],
    runs: &[Int16Run],
) -> [[[f32; LANES]; 2]; N] {
    let runs = runs.as_chunks::<TILE>().0;
    assert!(groups.iter().all(|blocks| blocks.len() == runs.len()));
    let mut sums = [_mm512_setzero_ps(); N];
    for (block_idx, runs) in runs.iter().enumerate() {
        let mut dots = [[_mm512_setzero_si512(); 2]; N];
        for blocks in groups {
            fetch(blocks, block_idx + BLOCKS_AHEAD);
        }
        // SAFETY: a group has as many blocks as there are runs.
        let [first, second] = unsafe {
            [
                groups[0].get_unchecked(block_idx),
                groups[1].get_unchecked(block_idx),
            ]
        };
        for j in 0..SUB_BLOCK / 2 {
            // SAFETY: 16 of each block's 256 bytes.
            let weights = unsafe {
                two_of_16(
                    first.quants.as_ptr().add(16 * j).cast(),
                    second.quants.as_ptr().add(16 * j).cast(),
                )
            };
            let weights = _mm512_cvtepi8_epi16(weights);
            for (run, dots) in runs.iter().zip(&mut dots) {
                let dots = &mut dots[j % 2];
                *dots = _mm512_dpwssd_epi32(*dots, weights, two_quants(&run.quants, 2 * j));
            }
        }
        // SAFETY: eight halves each.
        let scales = unsafe { halves_of_two(first.scales.as_ptr(), second.scales.as_ptr()) };
        for ((run, [even, odd]), sums) in runs.iter().zip(dots).zip(&mut sums) {
            let dots = _mm512_cvtepi32_ps(_mm512_add_epi32(even, odd));
            let scales = _mm512_mul_ps(scales, _mm512_set1_ps(run.scale));
            *sums = _mm512_fmadd_ps(dots, scales, *sums);
        }
    }
    to_pairs(sums)
}

/// Four neighbouring numbers of 8 bits, in every lane.
#[target_feature(enable = "avx512f")]
#[inline]
fn four_quants(quants: &[i8; SUB_BLOCK], first: usize) -> __m512i {
    debug_assert!(first + 4 <= SUB_BLOCK);
    // SAFETY: inside of the run, as its callers count.
    _mm512_set1_epi32(unsafe { quants.as_ptr().add(first).cast::<i32>().read_unaligned() })
}

/// Two neighbouring numbers of 16 bits, in every lane.
#[target_feature(enable = "avx512f")]
#[inline]
fn two_quants(quants: &[i16; SUB_BLOCK], first: usize) -> __m512i {
    debug_assert!(first + 2 <= SUB_BLOCK);
    // SAFETY: inside of the run, as its callers count.
    _mm512_set1_epi32(unsafe { quants.as_ptr().add(first).cast::<i32>().read_unaligned() })
}

/// # Safety
/// There are 32 bytes at each.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn two_of_32(first: *const u8, second: *const u8) -> __m512i {
    // SAFETY: the caller's.
    let (first, second) = unsafe {
        (
            _mm256_loadu_si256(first.cast()),
            _mm256_loadu_si256(second.cast()),
        )
    };
    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(first), second)
}

/// # Safety
/// There are 16 bytes at each.
#[target_feature(enable = "avx512f,avx512vl")]
#[inline]
unsafe fn two_of_16(first: *const u8, second: *const u8) -> __m256i {
    // SAFETY: the caller's.
    let (first, second) = unsafe {
        (
            _mm_loadu_si128(first.cast()),
            _mm_loadu_si128(second.cast()),
        )
    };
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(first), second)
}

/// Eight 16-bit floats of each of two groups as 32-bit ones.
///
/// # Safety
/// There are eight at each.
#[target_feature(enable = "avx512f,avx512vl")]
#[inline]
unsafe fn halves_of_two(first: *const f16, second: *const f16) -> __m512 {
    // SAFETY: the caller's.
    _mm512_cvtph_ps(unsafe { two_of_16(first.cast(), second.cast()) })
}

/// The lanes of two groups.
#[target_feature(enable = "avx512f")]
#[inline]
fn to_pairs<const N: usize>(registers: [__m512; N]) -> [[[f32; LANES]; 2]; N] {
    let mut pairs = [[[0.0; LANES]; 2]; N];
    for (pair, register) in pairs.iter_mut().zip(registers) {
        // SAFETY: room for sixteen floats.
        unsafe { _mm512_storeu_ps(pair.as_mut_ptr().cast(), register) };
    }
    pairs
}
