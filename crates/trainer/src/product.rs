//! Products of matrices that lie somewhere in memory.

use std::ops::Range;

use gemm_common::Parallelism;

use crate::real::Real;

/// A matrix in memory: number `(i, j)` is `data[i * row_stride + j * col_stride]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a, T> {
    data: &'a [T],
    n_rows: usize,
    n_cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// A matrix in memory that is written to: number `(i, j)` is `data[i * row_stride + j]`.
#[derive(Debug)]
pub(crate) struct ViewMut<'a, T> {
    data: &'a mut [T],
    n_rows: usize,
    n_cols: usize,
    row_stride: usize,
}

impl<'a, T: Real> View<'a, T> {
    /// Rows of `n_cols` numbers, one after the other.
    pub(crate) fn rows(data: &'a [T], n_cols: usize) -> View<'a, T> {
        View::part(data, n_cols, 0..n_cols)
    }

    /// Some columns of rows of `width` numbers.
    pub(crate) fn part(data: &'a [T], width: usize, columns: Range<usize>) -> View<'a, T> {
        assert!(data.len().is_multiple_of(width) && columns.end <= width);
        View {
            data: data.get(columns.start..).unwrap_or_default(),
            n_rows: data.len() / width,
            n_cols: columns.len(),
            row_stride: width,
            col_stride: 1,
        }
    }

    /// The matrix with its rows as columns.
    pub(crate) fn t(self) -> View<'a, T> {
        View {
            data: self.data,
            n_rows: self.n_cols,
            n_cols: self.n_rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }
}

impl<'a, T: Real> ViewMut<'a, T> {
    /// Rows of `n_cols` numbers, one after the other.
    pub(crate) fn rows(data: &'a mut [T], n_cols: usize) -> ViewMut<'a, T> {
        ViewMut::part(data, n_cols, 0..n_cols)
    }

    /// Some columns of rows of `width` numbers.
    pub(crate) fn part(data: &'a mut [T], width: usize, columns: Range<usize>) -> ViewMut<'a, T> {
        assert!(data.len().is_multiple_of(width) && columns.end <= width);
        ViewMut {
            n_rows: data.len() / width,
            n_cols: columns.len(),
            data: data.get_mut(columns.start..).unwrap_or_default(),
            row_stride: width,
        }
    }
}

/// What becomes of the numbers that are in the result's place already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// They are overwritten.
    Over,
    /// They are added to.
    Add,
}

/// How a product is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    /// By the calling thread alone.
    One,
    /// By all threads of the pool that the caller runs in.
    All,
}

/// `out = factor * a b`, or `out += factor * a b`.
pub(crate) fn multiply<T: Real>(
    out: ViewMut<'_, T>,
    store: Store,
    factor: T,
    a: View<'_, T>,
    b: View<'_, T>,
    threads: Threads,
) {
    let (m, n, k) = (a.n_rows, b.n_cols, a.n_cols);
    assert!(
        out.n_rows == m && out.n_cols == n && b.n_rows == k,
        "shapes of a product agree"
    );
    if m == 0 || n == 0 {
        return;
    }
    let reach = |rows: usize, row_stride: usize, cols: usize, col_stride: usize| {
        if rows == 0 || cols == 0 {
            0
        } else {
            (rows - 1) * row_stride + (cols - 1) * col_stride + 1
        }
    };
    assert!(
        out.data.len() >= reach(m, out.row_stride, n, 1)
            && a.data.len() >= reach(m, a.row_stride, k, a.col_stride)
            && b.data.len() >= reach(k, b.row_stride, n, b.col_stride),
        "matrices lie inside their memory"
    );
    let parallelism = match threads {
        Threads::One => Parallelism::None,
        Threads::All => Parallelism::Rayon(0),
    };
    // The library wants the result in columns, so both sides are turned: out' = b' a'.
    // SAFETY: all three matrices lie inside their slices, as asserted above, and the result is borrowed alone.
    unsafe {
        T::gemm()(
            n,
            m,
            k,
            out.data.as_mut_ptr(),
            out.row_stride as isize,
            1,
            store == Store::Add,
            b.data.as_ptr(),
            b.row_stride as isize,
            b.col_stride as isize,
            a.data.as_ptr(),
            a.row_stride as isize,
            a.col_stride as isize,
            T::one(),
            factor,
            false,
            false,
            false,
            parallelism,
        );
    }
}
