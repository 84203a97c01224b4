//! Low-rank products: what adapters add to the results of the base's matrices.

use std::ops::Range;

use half::f16;

use crate::kernel::sums::Sums;
use crate::kernel::{Isa, Shared};
use crate::matrix::{Arena, LANES, Store};
use crate::pool::Pool;

/// A matrix of weights in 16-bit floats, eight output rows abreast: `(n_out / 8, n_in, 8)`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Columns {
    /// Numbers in the vectors it is applied to.
    pub(crate) n_in: usize,
    /// Numbers in the vectors it makes.
    pub(crate) n_out: usize,
    weights: Store<f16>,
}

impl Columns {
    /// Packs `n_out` rows of `n_in` numbers; `None` when one of them is not finite in 16 bits.
    pub(crate) fn pack(n_in: usize, n_out: usize, rows: &[f32]) -> Option<Columns> {
        assert_eq!(rows.len(), n_in * n_out);
        let mut weights = vec![f16::ZERO; n_out.div_ceil(LANES) * n_in * LANES];
        for (row_idx, row) in rows.chunks_exact(n_in).enumerate() {
            let first = row_idx / LANES * n_in * LANES + row_idx % LANES;
            for (column, &x) in row.iter().enumerate() {
                let x = f16::from_f32(x);
                if !x.is_finite() {
                    return None;
                }
                weights[first + column * LANES] = x;
            }
        }
        Some(Columns {
            n_in,
            n_out,
            weights: Store::Own(weights),
        })
    }

    /// Moves its weights into an arena, as far as that has room.
    pub(crate) fn move_into(&mut self, arena: &Arena) {
        if let Store::Own(weights) = &mut self.weights {
            self.weights = arena.keep(std::mem::take(weights));
        }
    }

    /// Memory of the weights.
    pub(crate) fn n_bytes(&self) -> usize {
        size_of_val(&*self.weights)
    }

    /// True when it makes nothing but zeros.
    pub(crate) fn is_zero(&self) -> bool {
        self.weights.iter().all(|x| *x == f16::ZERO)
    }

    /// Appends its numbers, little-endian, as they lie in memory.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.weights.iter().flat_map(|x| x.to_le_bytes()));
    }

    fn n_groups(&self) -> usize {
        self.n_out.div_ceil(LANES)
    }

    fn group(&self, group_idx: usize) -> &[f16] {
        &self.weights[group_idx * self.n_in * LANES..][..self.n_in * LANES]
    }
}

/// What an adapter adds to one matrix: `up (down x)`, with the adapter's scale inside `up`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LowRank {
    /// `(rank, n_in)`, PEFT's A.
    pub(crate) down: Columns,
    /// `(n_out, rank)`, PEFT's B.
    pub(crate) up: Columns,
}

/// Neighbouring rows that one adapter serves.
pub(crate) struct Segment<'a> {
    /// The rows.
    pub(crate) rows: Range<usize>,
    /// What the adapter adds, and from which column of the output on.
    pub(crate) parts: Vec<(usize, &'a LowRank)>,
}

/// Adds the adapters' products to an output.
///
/// Shapes: inputs `(rows, n_in)`, out `(rows, stride)`.
/// A row's result depends on the row and its adapter alone, to the last bit.
pub(crate) fn add_low_rank(
    pool: &mut Pool,
    isa: Isa,
    inputs: &[f32],
    segments: &[Segment<'_>],
    out: &mut [f32],
    stride: usize,
    between: &mut Vec<f32>,
) {
    let parts: Vec<Part<'_>> = segments
        .iter()
        .flat_map(|segment| {
            let rows = &segment.rows;
            segment
                .parts
                .iter()
                .map(move |&(column, low_rank)| (rows, column, low_rank))
        })
        .scan(0, |at, (rows, column, low_rank)| {
            let first = *at;
            *at += rows.len() * low_rank.down.n_out;
            Some(Part {
                rows: rows.clone(),
                column,
                low_rank,
                between: first,
            })
        })
        .collect();
    let Some(last) = parts.last() else { return };
    between.resize(
        last.between + last.rows.len() * last.low_rank.down.n_out,
        0.0,
    );

    let pieces = split(&parts, pool.n_threads(), |low_rank| &low_rank.down);
    let shared = Shared::new(between);
    pool.run(pieces.len(), &|piece_idx| {
        let (part, groups) = &pieces[piece_idx];
        let down = &part.low_rank.down;
        let inputs = &inputs[part.rows.start * down.n_in..part.rows.end * down.n_in];
        product(isa, down, groups.clone(), inputs, |row, column, sums| {
            // SAFETY: each piece writes columns of its own, of a part of its own.
            let target =
                unsafe { shared.slice(part.between + row * down.n_out + column, sums.len()) };
            sums.write(target);
        });
    });

    let pieces = split(&parts, pool.n_threads(), |low_rank| &low_rank.up);
    let shared = Shared::new(out);
    let between = &between[..];
    pool.run(pieces.len(), &|piece_idx| {
        let (part, groups) = &pieces[piece_idx];
        let up = &part.low_rank.up;
        let inputs = &between[part.between..][..part.rows.len() * up.n_in];
        product(isa, up, groups.clone(), inputs, |row, column, sums| {
            let at = (part.rows.start + row) * stride + part.column + column;
            // SAFETY: each piece writes columns of its own, in rows of its own.
            let target = unsafe { shared.slice(at, sums.len()) };
            sums.add_to(target);
        });
    });
}

/// One adapter's product with one matrix.
struct Part<'a> {
    rows: Range<usize>,
    column: usize,
    low_rank: &'a LowRank,
    /// Where its `(rows, rank)` numbers lie between the two products.
    between: usize,
}

/// Cuts the products into pieces of some groups of eight output rows.
fn split<'a, 'b>(
    parts: &'b [Part<'a>],
    n_threads: usize,
    matrix: impl Fn(&'a LowRank) -> &'a Columns,
) -> Vec<(&'b Part<'a>, Range<usize>)> {
    let n_groups: usize = parts
        .iter()
        .map(|part| matrix(part.low_rank).n_groups())
        .sum();
    // Four groups at a time are computed best.
    let per_piece = n_groups.div_ceil(4 * n_threads).next_multiple_of(4).min(32);
    parts
        .iter()
        .flat_map(|part| {
            let n_groups = matrix(part.low_rank).n_groups();
            (0..n_groups)
                .step_by(per_piece)
                .map(move |first| (part, first..n_groups.min(first + per_piece)))
        })
        .collect()
}

/// Rows of inputs that share each load of weights, and groups of weights that share each number of a row.
/// Together they have registers for their sums, and enough of them that none waits for the one before.
const FEW_ROWS: usize = 3;
const MANY_ROWS: usize = 6;
/// The same where a register holds two groups and there are twice as many of them.
#[cfg(target_arch = "x86_64")]
const ROWS_OF_PAIRS: usize = 8;

/// Multiplies rows with some groups of a matrix and hands over the sums by row and first column.
fn product(
    isa: Isa,
    matrix: &Columns,
    groups: Range<usize>,
    inputs: &[f32],
    give: impl Fn(usize, usize, Sums<'_>),
) {
    let n_rows = inputs.len() / matrix.n_in;
    let tile = Tile {
        isa,
        matrix,
        inputs,
        give,
    };
    let mut group_idx = groups.start;
    #[cfg(target_arch = "x86_64")]
    if isa == Isa::Avx512 {
        while groups.end - group_idx >= 2 {
            let n_pairs = if groups.end - group_idx >= 4 { 2 } else { 1 };
            for (row, n) in even_tiles(n_rows, ROWS_OF_PAIRS) {
                match n_pairs {
                    2 => tile.rows_of_pairs::<2>(group_idx, row, n),
                    _ => tile.rows_of_pairs::<1>(group_idx, row, n),
                }
            }
            group_idx += 2 * n_pairs;
        }
    }
    while group_idx < groups.end {
        let n_left = groups.end - group_idx;
        let n_groups = match n_left {
            4.. if n_rows <= FEW_ROWS => 4,
            2.. => 2,
            _ => 1,
        };
        let most = if n_groups == 4 { FEW_ROWS } else { MANY_ROWS };
        for (row, n) in even_tiles(n_rows, most) {
            match (n_groups, n) {
                (4, 3) => tile.run::<3, 4>(group_idx, row),
                (4, 2) => tile.run::<2, 4>(group_idx, row),
                (4, _) => tile.run::<1, 4>(group_idx, row),
                (2, n) => tile.rows::<2>(group_idx, row, n),
                (_, n) => tile.rows::<1>(group_idx, row, n),
            }
        }
        group_idx += n_groups;
    }
}

/// Cuts rows into tiles of about equal size, since a small one would wait for its own sums: first row and number.
fn even_tiles(n_rows: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut row = 0;
    std::iter::from_fn(move || {
        let n_left = n_rows - row;
        let n = n_left.div_ceil(n_left.div_ceil(most).max(1));
        row += n;
        (n > 0).then_some((row - n, n))
    })
}

struct Tile<'a, F> {
    isa: Isa,
    matrix: &'a Columns,
    inputs: &'a [f32],
    give: F,
}

impl<F: Fn(usize, usize, Sums<'_>)> Tile<'_, F> {
    fn rows<const G: usize>(&self, group_idx: usize, row: usize, n: usize) {
        match n {
            6 => self.run::<6, G>(group_idx, row),
            5 => self.run::<5, G>(group_idx, row),
            4 => self.run::<4, G>(group_idx, row),
            3 => self.run::<3, G>(group_idx, row),
            2 => self.run::<2, G>(group_idx, row),
            _ => self.run::<1, G>(group_idx, row),
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn rows_of_pairs<const P: usize>(&self, group_idx: usize, row: usize, n: usize) {
        match n {
            8 => self.run_pairs::<8, P>(group_idx, row),
            7 => self.run_pairs::<7, P>(group_idx, row),
            6 => self.run_pairs::<6, P>(group_idx, row),
            5 => self.run_pairs::<5, P>(group_idx, row),
            4 => self.run_pairs::<4, P>(group_idx, row),
            3 => self.run_pairs::<3, P>(group_idx, row),
            2 => self.run_pairs::<2, P>(group_idx, row),
            _ => self.run_pairs::<1, P>(group_idx, row),
        }
    }

    /// `N` rows of inputs times eight rows of each of two groups of weights for each of `P` pairs.
    #[cfg(target_arch = "x86_64")]
    fn run_pairs<const N: usize, const P: usize>(&self, group_idx: usize, first_row: usize) {
        let pairs: [[&[f16]; 2]; P] = std::array::from_fn(|idx| {
            let first = group_idx + 2 * idx;
            [self.matrix.group(first), self.matrix.group(first + 1)]
        });
        // SAFETY: the caller has seen `Isa::Avx512`, which is made only where the processor has it.
        let sums: [_; N] =
            unsafe { crate::kernel::x86::low_rank_pairs(pairs, self.inputs(first_row)) };
        for (row, sums) in (first_row..).zip(&sums) {
            self.hand_over(row, group_idx, sums.as_flattened());
        }
    }

    /// `N` rows of inputs.
    fn inputs<const N: usize>(&self, first_row: usize) -> [&[f32]; N] {
        let n_in = self.matrix.n_in;
        std::array::from_fn(|idx| &self.inputs[(first_row + idx) * n_in..][..n_in])
    }

    /// Gives the sums of a row of inputs with some groups of weights.
    fn hand_over(&self, row: usize, first_group: usize, sums: &[[f32; LANES]]) {
        for (group_idx, sums) in (first_group..).zip(sums) {
            let column = group_idx * LANES;
            (self.give)(row, column, Sums::new(sums, column, self.matrix.n_out));
        }
    }

    /// `N` rows of inputs times eight rows of each of `G` groups of weights.
    fn run<const N: usize, const G: usize>(&self, group_idx: usize, first_row: usize) {
        let groups: [&[f16]; G] = std::array::from_fn(|idx| self.matrix.group(group_idx + idx));
        let rows: [&[f32]; N] = self.inputs(first_row);
        let sums = match self.isa {
            Isa::Portable => portable(groups, rows),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: both are made only where the processor has AVX2, FMA and F16C.
            Isa::Avx2 | Isa::Avx512 => unsafe { crate::kernel::x86::low_rank(groups, rows) },
        };
        for (row, sums) in (first_row..).zip(&sums) {
            self.hand_over(row, group_idx, sums);
        }
    }
}

/// Each sum is taken in the order of the columns.
fn portable<const N: usize, const G: usize>(
    groups: [&[f16]; G],
    rows: [&[f32]; N],
) -> [[[f32; LANES]; G]; N] {
    let mut sums = [[[0.0f32; LANES]; G]; N];
    for (group_idx, group) in groups.into_iter().enumerate() {
        for (column, weights) in group.as_chunks::<LANES>().0.iter().enumerate() {
            let weights = weights.map(f16::to_f32);
            for (sums, row) in sums.iter_mut().zip(rows) {
                for (sum, weight) in sums[group_idx].iter_mut().zip(weights) {
                    *sum = weight.mul_add(row[column], *sum);
                }
            }
        }
    }
    sums
}
