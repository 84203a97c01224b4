use std::ops::Range;

use crate::block::SUB_BLOCK;
use crate::kernel::inputs::TILE;
use crate::kernel::low_rank::{ABREAST, Pair};
use crate::kernel::sums::Sums;
#[cfg(target_arch = "x86_64")]
use crate::kernel::x86;
use crate::kernel::{Inputs, Isa, Shared, portable};
use crate::matrix::{Blocks, LANES, Matrix};
use crate::pool::Pool;

/// Bytes of inputs that stay in the second-level cache while eight rows of weights pass them from the first.
const INPUT_BYTES_IN_CACHE: usize = 192 << 10;

/// Rows of inputs that share each load of weights where registers have 32 bytes; it divides a tile.
const ROWS_AT_A_TIME: usize = 4;

/// Multiplies each row of the inputs with each matrix; a row of `out` holds the results side by side.
///
/// Shapes: inputs `(rows, n_in)`, each matrix `(n_out, n_in)`, out `(rows, sum of n_out)`.
/// What is needed `next` is asked for meanwhile: many rows keep the processor busy and leave the memory alone.
pub(crate) fn multiply(
    pool: &mut Pool,
    isa: Isa,
    inputs: &Inputs,
    matrices: &[&Matrix],
    out: &mut [f32],
    next: &[&[Line]],
) {
    let stride: usize = matrices.iter().map(|matrix| matrix.n_out).sum();
    assert_eq!(out.len(), inputs.n_rows * stride);
    let pieces = split(pool.n_threads(), inputs, matrices);
    let out = Shared::new(out);
    pool.run(pieces.len(), &|piece_idx| {
        let piece = &pieces[piece_idx];
        let part = Part {
            isa,
            matrix: matrices[piece.matrix_idx],
            inputs,
            out,
            stride,
            first_column: piece.first_column,
        };
        // Few rows wait for memory, which gives one stream of weights faster than two.
        let is_many = piece.end_row - piece.first_row > TILE;
        let groups_at_a_time = if is_many || part.is_widest() { 2 } else { 1 };
        let mut next = next
            .iter()
            .flat_map(|lines| share(lines, piece_idx, pieces.len()));
        let n_steps = (piece.end_group - piece.first_group).div_ceil(groups_at_a_time);
        let n_lines = next.clone().count().div_ceil(n_steps);
        let mut group_idx = piece.first_group;
        while group_idx < piece.end_group {
            next.by_ref().take(n_lines).for_each(fetch);
            let n_groups = (piece.end_group - group_idx).min(groups_at_a_time);
            part.groups(group_idx, n_groups, piece.first_row..piece.end_row);
            group_idx += n_groups;
        }
    });
}

/// 64 bytes of weights of an adapter, as memory gives them at a time.
pub(crate) type Line = [Pair; ABREAST];

/// One of so many parts of about equal length.
fn share<T>(all: &[T], idx: usize, n_parts: usize) -> &[T] {
    &all[all.len() * idx / n_parts..all.len() * (idx + 1) / n_parts]
}

fn fetch(line: &Line) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a hint, which touches no memory.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}

/// A part of the result that one thread computes: some rows of inputs times some groups of rows of one matrix.
struct Piece {
    matrix_idx: usize,
    first_column: usize,
    first_group: usize,
    end_group: usize,
    first_row: usize,
    end_row: usize,
}

fn split(n_threads: usize, inputs: &Inputs, matrices: &[&Matrix]) -> Vec<Piece> {
    let bytes_per_row = inputs.n_in * 5 / 4;
    let rows_per_piece =
        (INPUT_BYTES_IN_CACHE / bytes_per_row / TILE * TILE).clamp(TILE, 64 * TILE);
    let n_row_pieces = inputs.n_rows.div_ceil(rows_per_piece);
    let n_groups: usize = matrices.iter().map(|matrix| matrix.n_groups()).sum();
    let groups_per_piece = if n_threads == 1 {
        n_groups
    } else {
        (n_groups * n_row_pieces)
            .div_ceil(6 * n_threads)
            .clamp(2, 64)
            .next_multiple_of(2)
    };
    let mut pieces = Vec::new();
    for first_row in (0..inputs.n_rows).step_by(rows_per_piece) {
        let mut first_column = 0;
        for (matrix_idx, matrix) in matrices.iter().enumerate() {
            assert_eq!(matrix.n_in, inputs.n_in);
            for first_group in (0..matrix.n_groups()).step_by(groups_per_piece) {
                pieces.push(Piece {
                    matrix_idx,
                    first_column,
                    first_group,
                    end_group: matrix.n_groups().min(first_group + groups_per_piece),
                    first_row,
                    end_row: inputs.n_rows.min(first_row + rows_per_piece),
                });
            }
            first_column += matrix.n_out;
        }
    }
    pieces
}

/// The product with one matrix, and where it goes.
struct Part<'a> {
    isa: Isa,
    matrix: &'a Matrix,
    inputs: &'a Inputs,
    out: Shared<f32>,
    stride: usize,
    first_column: usize,
}

impl Part<'_> {
    /// True where a register holds two groups.
    fn is_widest(&self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return matches!(self.isa, Isa::Avx512 { .. });
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// Some rows of inputs, the first of which begins a tile, times one group of weights or two.
    fn groups(&self, group_idx: usize, n_groups: usize, rows: Range<usize>) {
        #[cfg(target_arch = "x86_64")]
        if n_groups == 2 && self.is_widest() && !matches!(self.matrix.blocks, Blocks::Float(_)) {
            for first_row in rows.clone().step_by(TILE) {
                match rows.end - first_row {
                    8.. => self.pair::<8>(group_idx, first_row),
                    7 => self.pair::<7>(group_idx, first_row),
                    6 => self.pair::<6>(group_idx, first_row),
                    5 => self.pair::<5>(group_idx, first_row),
                    4 => self.pair::<4>(group_idx, first_row),
                    3 => self.pair::<3>(group_idx, first_row),
                    2 => self.pair::<2>(group_idx, first_row),
                    _ => self.pair::<1>(group_idx, first_row),
                }
            }
            return;
        }
        for first_row in rows.clone().step_by(ROWS_AT_A_TIME) {
            match (n_groups, rows.end - first_row) {
                (2, 4..) => self.tile::<4, 2>(group_idx, first_row),
                (2, 3) => self.tile::<3, 2>(group_idx, first_row),
                (2, 2) => self.tile::<2, 2>(group_idx, first_row),
                (2, _) => self.tile::<1, 2>(group_idx, first_row),
                (_, 4..) => self.tile::<4, 1>(group_idx, first_row),
                (_, 3) => self.tile::<3, 1>(group_idx, first_row),
                (_, 2) => self.tile::<2, 1>(group_idx, first_row),
                (_, _) => self.tile::<1, 1>(group_idx, first_row),
            }
        }
    }

    /// `N` rows of inputs, of one tile, times eight rows of each of `G` groups of weights.
    fn tile<const N: usize, const G: usize>(&self, group_idx: usize, first_row: usize) {
        let (matrix, inputs) = (self.matrix, self.inputs);
        let n_blocks = matrix.n_in / SUB_BLOCK;
        let groups: [usize; G] = std::array::from_fn(|idx| group_idx + idx);
        let (runs, first) = self.runs(first_row);
        match &matrix.blocks {
            Blocks::Four(all) => {
                let groups = groups.map(|group| &all[group * n_blocks..][..n_blocks]);
                let runs = &inputs.int8[runs];
                let sums: [[[f32; LANES]; G]; N] = match self.isa {
                    Isa::Portable => {
                        transpose(groups.map(|blocks| portable::four_bit(blocks, runs, first)))
                    }
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: both are made only where the processor has AVX2, FMA and F16C.
                    Isa::Avx2 | Isa::Avx512 { .. } => unsafe { x86::four_bit(groups, runs, first) },
                };
                self.store_all(group_idx, first_row, &sums);
            }
            Blocks::Eight(all) => {
                let runs = &inputs.int16[runs];
                for group in groups {
                    let blocks = &all[group * n_blocks..][..n_blocks];
                    let sums: [[f32; LANES]; N] = match self.isa {
                        Isa::Portable => portable::eight_bit(blocks, runs, first),
                        #[cfg(target_arch = "x86_64")]
                        // SAFETY: as above.
                        Isa::Avx2 | Isa::Avx512 { .. } => unsafe {
                            x86::eight_bit(blocks, runs, first)
                        },
                    };
                    self.store_all(group, first_row, &sums.map(|sums| [sums]));
                }
            }
            Blocks::Float(columns) => {
                let floats = &inputs.floats[first_row * inputs.n_in..][..N * inputs.n_in];
                for group in groups {
                    let columns = &columns[group * matrix.n_in..][..matrix.n_in];
                    let mut sums = [[0.0; LANES]; N];
                    portable::float(self.isa, columns, floats, &mut sums);
                    self.store_all(group, first_row, &sums.map(|sums| [sums]));
                }
            }
        }
    }

    /// `N` rows of inputs, the first of which begins a tile, times eight rows of each of two groups of packed weights.
    #[cfg(target_arch = "x86_64")]
    fn pair<const N: usize>(&self, group_idx: usize, first_row: usize) {
        let (matrix, inputs) = (self.matrix, self.inputs);
        let n_blocks = matrix.n_in / SUB_BLOCK;
        let (runs, _) = self.runs(first_row);
        let blocks =
            [group_idx, group_idx + 1].map(|group| group * n_blocks..(group + 1) * n_blocks);
        let sums: [[[f32; LANES]; 2]; N] = match &matrix.blocks {
            Blocks::Four(all) => {
                let groups = blocks.map(|blocks| &all[blocks]);
                // SAFETY: the caller has seen `Isa::Avx512`, which is made only where the processor has it.
                unsafe { x86::four_bit_pair(groups, &inputs.int8[runs]) }
            }
            Blocks::Eight(all) => {
                let groups = blocks.map(|blocks| &all[blocks]);
                // SAFETY: as above.
                unsafe { x86::eight_bit_pair(groups, &inputs.int16[runs]) }
            }
            Blocks::Float(_) => unreachable!("floats have no kernel for pairs"),
        };
        self.store_all(group_idx, first_row, &sums);
    }

    /// Where the runs of a row's tile lie, and which row of the tile it is.
    fn runs(&self, row: usize) -> (Range<usize>, usize) {
        let n_blocks = self.matrix.n_in / SUB_BLOCK;
        let first = row % TILE;
        let tile = row - first;
        (tile * n_blocks..(tile + TILE) * n_blocks, first)
    }

    fn store_all<const N: usize, const G: usize>(
        &self,
        first_group: usize,
        first_row: usize,
        sums: &[[[f32; LANES]; G]; N],
    ) {
        for (sums, row) in sums.iter().zip(first_row..) {
            for (sums, group) in sums.iter().zip(first_group..) {
                self.store(group, row, sums);
            }
        }
    }

    fn store(&self, group_idx: usize, row: usize, sums: &[f32; LANES]) {
        let first = group_idx * LANES;
        let sums = Sums::new(sums, first, self.matrix.n_out);
        let at = row * self.stride + self.first_column + first;
        // SAFETY: each piece writes its own rows and columns.
        sums.write(unsafe { self.out.slice(at, sums.len()) });
    }
}

fn transpose<T: Copy, const N: usize, const G: usize>(groups: [[T; N]; G]) -> [[T; G]; N] {
    std::array::from_fn(|row| std::array::from_fn(|group| groups[group][row]))
}
