//! Kernels for processors with AVX2, FMA and F16C, and in `avx512` for those that have AVX-512 too.

mod attention;
pub(crate) mod avx512;
mod low_rank;
mod product;

pub(crate) use attention::{gather, score};
pub(crate) use avx512::{eight_bit_pair, four_bit_pair};
pub(crate) use low_rank::low_rank;
pub(crate) use product::{eight_bit, four_bit};

use std::arch::x86_64::*;

use half::f16;

use crate::matrix::LANES;

/// Eight 16-bit floats as 32-bit ones.
///
/// # Safety
/// There are eight.
#[target_feature(enable = "avx2,f16c,fma")]
#[inline]
unsafe fn eight_halves(halves: *const f16) -> __m256 {
    // SAFETY: the caller's.
    _mm256_cvtph_ps(unsafe { _mm_loadu_si128(halves.cast()) })
}

// Loops instead of `array::map`: what takes closures is compiled without the features, and never inlined.
#[target_feature(enable = "avx2,f16c,fma")]
#[inline]
fn to_arrays<const N: usize>(registers: [__m256; N]) -> [[f32; LANES]; N] {
    let mut arrays = [[0.0; LANES]; N];
    for (array, register) in arrays.iter_mut().zip(registers) {
        // SAFETY: room for eight floats.
        unsafe { _mm256_storeu_ps(array.as_mut_ptr(), register) };
    }
    arrays
}

#[target_feature(enable = "avx2,f16c,fma")]
#[inline]
fn to_tables<const N: usize, const G: usize>(
    registers: [[__m256; G]; N],
) -> [[[f32; LANES]; G]; N] {
    let mut tables = [[[0.0; LANES]; G]; N];
    for (table, registers) in tables.iter_mut().zip(registers) {
        *table = to_arrays(registers);
    }
    tables
}
