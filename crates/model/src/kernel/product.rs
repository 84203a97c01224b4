use crate::block::SUB_BLOCK;
use crate::kernel::{Inputs, Isa, Shared, portable};
use crate::matrix::{Blocks, LANES, Matrix};
use crate::pool::Pool;

/// Rows of inputs that one pass over eight rows of weights serves: as many as have registers for their sums.
const TILE: usize = 4;

/// Bytes of inputs that stay in the first-level cache while weights stream past.
const INPUT_BYTES_IN_CACHE: usize = 24 << 10;

/// Multiplies each row of the inputs with each matrix; a row of `out` holds the results side by side.
///
/// Shapes: inputs `(rows, n_in)`, each matrix `(n_out, n_in)`, out `(rows, sum of n_out)`.
pub(crate) fn multiply(
    pool: &mut Pool,
    isa: Isa,
    inputs: &Inputs,
    matrices: &[&Matrix],
    out: &mut [f32],
) {
    let stride: usize = matrices.iter().map(|matrix| matrix.n_out).sum();
    assert_eq!(out.len(), inputs.n_rows * stride);
    let pieces = split(pool.n_threads(), inputs, matrices);
    let out = Shared::new(out);
    pool.run(pieces.len(), &|piece_idx| {
        let piece = &pieces[piece_idx];
        let matrix = matrices[piece.matrix_idx];
        for group_idx in piece.first_group..piece.end_group {
            let group_out = Out {
                out,
                stride,
                column: piece.first_column + group_idx * LANES,
                n_lanes: LANES.min(matrix.n_out - group_idx * LANES),
            };
            let mut row = piece.first_row;
            while piece.end_row - row >= TILE {
                tile::<TILE>(isa, matrix, group_idx, inputs, row, group_out);
                row += TILE;
            }
            match piece.end_row - row {
                3 => tile::<3>(isa, matrix, group_idx, inputs, row, group_out),
                2 => tile::<2>(isa, matrix, group_idx, inputs, row, group_out),
                1 => tile::<1>(isa, matrix, group_idx, inputs, row, group_out),
                _ => {}
            }
        }
    });
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
        (INPUT_BYTES_IN_CACHE / bytes_per_row / TILE * TILE).clamp(TILE, 16 * TILE);
    let n_row_pieces = inputs.n_rows.div_ceil(rows_per_piece);
    let n_groups: usize = matrices.iter().map(|matrix| matrix.n_groups()).sum();
    let groups_per_piece = if n_threads == 1 {
        n_groups
    } else {
        (n_groups * n_row_pieces)
            .div_ceil(6 * n_threads)
            .clamp(2, 64)
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

#[derive(Clone, Copy)]
struct Out {
    out: Shared<f32>,
    stride: usize,
    column: usize,
    n_lanes: usize,
}

/// `N` rows of inputs times eight rows of weights.
fn tile<const N: usize>(
    isa: Isa,
    matrix: &Matrix,
    group_idx: usize,
    inputs: &Inputs,
    first_row: usize,
    out: Out,
) {
    let n_blocks = matrix.n_in / SUB_BLOCK;
    let blocks = group_idx * n_blocks..(group_idx + 1) * n_blocks;
    let sums: [[f32; LANES]; N] = match (&matrix.blocks, isa) {
        (Blocks::Four(all), Isa::Portable) => portable::four_bit(&all[blocks], inputs, first_row),
        (Blocks::Eight(all), Isa::Portable) => portable::eight_bit(&all[blocks], inputs, first_row),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Isa::Avx2` is made only where the processor has it.
        (Blocks::Four(all), Isa::Avx2) => unsafe {
            super::x86::four_bit(&all[blocks], inputs, first_row)
        },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Isa::Avx2` is made only where the processor has it.
        (Blocks::Eight(all), Isa::Avx2) => unsafe {
            super::x86::eight_bit(&all[blocks], inputs, first_row)
        },
        (Blocks::Float(columns), isa) => {
            let columns = &columns[group_idx * matrix.n_in..(group_idx + 1) * matrix.n_in];
            let mut sums = [[0.0; LANES]; N];
            let floats = &inputs.floats[first_row * inputs.n_in..][..N * inputs.n_in];
            portable::float(isa, columns, floats, &mut sums);
            sums
        }
    };
    for (row, sums) in (first_row..).zip(&sums) {
        // SAFETY: each piece writes its own rows and columns.
        let part = unsafe { out.out.slice(row * out.stride + out.column, out.n_lanes) };
        part.copy_from_slice(&sums[..out.n_lanes]);
    }
}
