//! Products of 32-bit floats for x86-64 processors with AVX2 and FMA.
//!
//! The right side is packed into panels of 16 columns, which stay in the first-level cache while tiles of six rows
//! pass over them (Goto and van de Geijn 2008, "Anatomy of High-Performance Matrix Multiplication").
//! Each sum is taken in one fixed order, whatever else is in the product and however many threads compute it.

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_mul_ps,
    _mm256_permute2f128_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_storeu_ps,
    _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};
use std::cell::RefCell;
use std::ops::Range;

use gemm_common::Parallelism;
use rayon::prelude::*;

#[cfg(test)]
mod tests;

/// Columns of a panel.
const COLUMNS: usize = 16;

/// Rows of a tile: with two registers for each, as many as there are registers for.
const ROWS: usize = 6;

/// The most that is summed up before a result goes to memory: a panel and a tile's rows fit the first-level cache.
const DEPTH: usize = 320;

/// Rows of the left side that stay in the second-level cache while panels pass.
const BLOCK_ROWS: usize = 16 * ROWS;

/// The most panels that are packed together, so that they stay in the second-level cache.
const MOST_PANELS: usize = 12;

/// True where the processor can.
pub(super) fn is_here() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

thread_local! {
    static PANELS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// A matrix in memory: number `(i, j)` lies `i * row_stride + j * col_stride` behind its beginning.
#[derive(Clone, Copy)]
struct Matrix {
    data: *const f32,
    row_stride: isize,
    col_stride: isize,
}

impl Matrix {
    fn at(self, row: usize, column: usize) -> *const f32 {
        let offset = row as isize * self.row_stride + column as isize * self.col_stride;
        self.data.wrapping_offset(offset)
    }
}

/// A product, `out = factor * a b` or `out += factor * a b`.
#[derive(Clone, Copy)]
struct Product {
    out: *mut f32,
    out_stride: isize,
    adds: bool,
    factor: f32,
    a: Matrix,
    b: Matrix,
    n_rows: usize,
    n_deep: usize,
}

// SAFETY: pointers to floats; threads write to columns of their own.
unsafe impl Send for Product {}
// SAFETY: as above.
unsafe impl Sync for Product {}

/// The same as the function of `gemm`, whose arguments it takes: the result in columns of neighbours, `m` of them
/// in each; what is on the left there is the right side here, turned, since results lie in rows here.
///
/// # Safety
/// All three matrices lie in memory, the result is borrowed alone, and [`is_here`] is true.
#[expect(
    clippy::too_many_arguments,
    reason = "it stands in for a function of `gemm` that has as many"
)]
pub(super) unsafe fn multiply(
    m: usize,
    n: usize,
    k: usize,
    out: *mut f32,
    out_stride: isize,
    out_step: isize,
    adds: bool,
    left: *const f32,
    left_col_stride: isize,
    left_row_stride: isize,
    right: *const f32,
    right_col_stride: isize,
    right_row_stride: isize,
    old_factor: f32,
    factor: f32,
    _: bool,
    _: bool,
    _: bool,
    parallelism: Parallelism,
) {
    assert!(
        out_step == 1 && old_factor == 1.0,
        "as products are called here"
    );
    let product = Product {
        out,
        out_stride,
        adds,
        factor,
        a: Matrix {
            data: right,
            row_stride: right_col_stride,
            col_stride: right_row_stride,
        },
        b: Matrix {
            data: left,
            row_stride: left_col_stride,
            col_stride: left_row_stride,
        },
        n_rows: n,
        n_deep: k,
    };
    let n_panels = m.div_ceil(COLUMNS);
    let n_threads = match parallelism {
        Parallelism::None => 1,
        Parallelism::Rayon(_) => rayon::current_num_threads(),
    };
    let rounds = n_panels.div_ceil(n_threads * MOST_PANELS);
    let panels_per_piece = n_panels.div_ceil(n_threads * rounds);
    let piece = |piece_idx: usize| {
        let product = &product;
        let first = piece_idx * panels_per_piece * COLUMNS;
        let last = (first + panels_per_piece * COLUMNS).min(m);
        PANELS.with_borrow_mut(|panels| {
            // SAFETY: as the caller promises; pieces have columns of their own.
            unsafe { product.columns(first..last, panels) };
        });
    };
    let n_pieces = n_panels.div_ceil(panels_per_piece);
    match parallelism {
        Parallelism::None => (0..n_pieces).for_each(piece),
        Parallelism::Rayon(_) => (0..n_pieces).into_par_iter().for_each(piece),
    }
}

impl Product {
    /// Computes some columns of the result.
    ///
    /// # Safety
    /// As for [`multiply`]; nobody else writes to these columns.
    unsafe fn columns(&self, columns: Range<usize>, panels: &mut Vec<f32>) {
        let n_depths = self.n_deep.div_ceil(DEPTH).max(1);
        let depth = self.n_deep.div_ceil(n_depths).max(1);
        let n_panels = columns.len().div_ceil(COLUMNS);
        panels.resize(n_panels * depth * COLUMNS, 0.0);
        let panel_columns = |i: usize| {
            let first = columns.start + i * COLUMNS;
            first..(first + COLUMNS).min(columns.end)
        };
        for depth_idx in 0..n_depths {
            let first = depth_idx * depth;
            let deep = first..(first + depth).min(self.n_deep);
            for (i, panel) in panels.chunks_exact_mut(depth * COLUMNS).enumerate() {
                // SAFETY: the part lies inside `b`; the processor has AVX2.
                unsafe { self.pack(deep.clone(), panel_columns(i), panel) };
            }
            for block in (0..self.n_rows).step_by(BLOCK_ROWS) {
                let end = (block + BLOCK_ROWS).min(self.n_rows);
                for (i, panel) in panels.chunks_exact(depth * COLUMNS).enumerate() {
                    let columns = panel_columns(i);
                    let panel = &panel[..deep.len() * COLUMNS];
                    for row in (block..end).step_by(ROWS) {
                        let offset = row as isize * self.out_stride + columns.start as isize;
                        let tile = Tile {
                            a: Matrix {
                                data: self.a.at(row, deep.start),
                                ..self.a
                            },
                            out: self.out.wrapping_offset(offset),
                            out_stride: self.out_stride,
                            n_columns: columns.len(),
                            factor: self.factor,
                            adds: self.adds || depth_idx > 0,
                        };
                        // SAFETY: the tile lies inside its matrices; the processor has AVX2 and FMA.
                        unsafe {
                            match end - row {
                                1 => tile.compute::<1>(panel),
                                2 => tile.compute::<2>(panel),
                                3 => tile.compute::<3>(panel),
                                4 => tile.compute::<4>(panel),
                                5 => tile.compute::<5>(panel),
                                _ => tile.compute::<ROWS>(panel),
                            }
                        }
                    }
                }
            }
        }
    }

    /// Packs a part of the right side as a panel: 16 columns abreast, zeros where there are fewer.
    ///
    /// # Safety
    /// The part lies inside the matrix; the processor has AVX2.
    #[target_feature(enable = "avx2")]
    unsafe fn pack(&self, deep: Range<usize>, columns: Range<usize>, panel: &mut [f32]) {
        let (b, is_whole) = (self.b, columns.len() == COLUMNS);
        let mut packed = 0;
        if is_whole && b.row_stride == 1 {
            while packed + 8 <= deep.len() {
                for half in [0, 8] {
                    let to = panel[packed * COLUMNS + half..][..8 * COLUMNS - 8].as_mut_ptr();
                    let from = b.at(deep.start + packed, columns.start + half);
                    // SAFETY: eight columns of the matrix, eight deep; eight rows of a half of the panel.
                    unsafe { transpose(from, b.col_stride, to) };
                }
                packed += 8;
            }
        }
        let rows = panel.chunks_exact_mut(COLUMNS).zip(deep);
        for (row, depth) in rows.skip(packed) {
            if is_whole && b.col_stride == 1 {
                let from = b.at(depth, columns.start);
                // SAFETY: 16 neighbours in a row of the matrix.
                row.copy_from_slice(unsafe { std::slice::from_raw_parts(from, COLUMNS) });
                continue;
            }
            row[columns.len()..].fill(0.0);
            for (x, column) in row.iter_mut().zip(columns.clone()) {
                // SAFETY: inside the matrix.
                *x = unsafe { *b.at(depth, column) };
            }
        }
    }
}

/// Some rows of the left side, and their place in the result.
struct Tile {
    a: Matrix,
    out: *mut f32,
    out_stride: isize,
    n_columns: usize,
    factor: f32,
    adds: bool,
}

impl Tile {
    /// `R` rows times a panel.
    ///
    /// # Safety
    /// The rows, as deep as the panel, and the result lie in memory; the processor has AVX2 and FMA.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn compute<const R: usize>(&self, panel: &[f32]) {
        // SAFETY: as the caller promises.
        let sums = unsafe {
            if self.a.col_stride == 1 {
                self.sums::<R, true>(panel)
            } else {
                self.sums::<R, false>(panel)
            }
        };
        let factor = _mm256_set1_ps(self.factor);
        for (row, sums) in sums.into_iter().enumerate() {
            let [left, right] = sums.map(|sum| _mm256_mul_ps(sum, factor));
            // SAFETY: this row of the result lies in memory, `n_columns` wide.
            unsafe {
                let out = self.out.offset(row as isize * self.out_stride);
                if self.n_columns == COLUMNS {
                    put(out, left, self.adds);
                    put(out.add(8), right, self.adds);
                } else {
                    let mut whole = [0.0f32; COLUMNS];
                    put(whole.as_mut_ptr(), left, false);
                    put(whole.as_mut_ptr().add(8), right, false);
                    for (i, &x) in whole[..self.n_columns].iter().enumerate() {
                        let old = if self.adds { *out.add(i) } else { 0.0 };
                        *out.add(i) = old + x;
                    }
                }
            }
        }
    }

    /// The sums of a tile; `UNIT` where the numbers of a row are neighbours.
    ///
    /// # Safety
    /// As for [`Tile::compute`].
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn sums<const R: usize, const UNIT: bool>(&self, panel: &[f32]) -> [[__m256; 2]; R] {
        let mut sums = [[_mm256_setzero_ps(); 2]; R];
        let col_stride = if UNIT { 1 } else { self.a.col_stride };
        let (mut a, row_stride) = (self.a.data, self.a.row_stride);
        let step = |a: *const f32, b: &[f32], sums: &mut [[__m256; 2]; R]| {
            // SAFETY: a row of a panel has 16 numbers; `a` points to a column of the tile.
            unsafe {
                let left = _mm256_loadu_ps(b.as_ptr());
                let right = _mm256_loadu_ps(b.as_ptr().add(8));
                for (row, sums) in sums.iter_mut().enumerate() {
                    let x = _mm256_broadcast_ss(&*a.offset(row as isize * row_stride));
                    sums[0] = _mm256_fmadd_ps(x, left, sums[0]);
                    sums[1] = _mm256_fmadd_ps(x, right, sums[1]);
                }
            }
        };
        let mut fours = panel.chunks_exact(4 * COLUMNS);
        for four in &mut fours {
            for (i, b) in four.chunks_exact(COLUMNS).enumerate() {
                step(a.wrapping_offset(i as isize * col_stride), b, &mut sums);
            }
            a = a.wrapping_offset(4 * col_stride);
        }
        for b in fours.remainder().chunks_exact(COLUMNS) {
            step(a, b, &mut sums);
            a = a.wrapping_offset(col_stride);
        }
        sums
    }
}

/// Writes eight numbers, or adds them.
///
/// # Safety
/// They lie in memory; the processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn put(out: *mut f32, x: __m256, adds: bool) {
    // SAFETY: as the caller promises.
    unsafe {
        let x = if adds {
            _mm256_add_ps(x, _mm256_loadu_ps(out))
        } else {
            x
        };
        _mm256_storeu_ps(out, x);
    }
}

/// Turns eight columns of eight neighbours into eight rows of a panel.
///
/// # Safety
/// Both lie in memory; the processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn transpose(from: *const f32, stride: isize, to: *mut f32) {
    let mut columns = [_mm256_setzero_ps(); 8];
    for (i, column) in columns.iter_mut().enumerate() {
        // SAFETY: as the caller promises.
        *column = unsafe { _mm256_loadu_ps(from.offset(i as isize * stride)) };
    }
    let pairs = |i: usize| {
        let (a, b) = (columns[2 * i], columns[2 * i + 1]);
        [_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)]
    };
    let [p, q, r, s] = [pairs(0), pairs(1), pairs(2), pairs(3)];
    let fours = |a: [__m256; 2], b: [__m256; 2]| {
        [
            _mm256_shuffle_ps::<0x44>(a[0], b[0]),
            _mm256_shuffle_ps::<0xee>(a[0], b[0]),
            _mm256_shuffle_ps::<0x44>(a[1], b[1]),
            _mm256_shuffle_ps::<0xee>(a[1], b[1]),
        ]
    };
    let (low, high) = (fours(p, q), fours(r, s));
    for i in 0..4 {
        // SAFETY: as the caller promises.
        unsafe {
            let upper = _mm256_permute2f128_ps::<0x20>(low[i], high[i]);
            let lower = _mm256_permute2f128_ps::<0x31>(low[i], high[i]);
            _mm256_storeu_ps(to.add(i * COLUMNS), upper);
            _mm256_storeu_ps(to.add((i + 4) * COLUMNS), lower);
        }
    }
}
