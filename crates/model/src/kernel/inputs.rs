use crate::block::SUB_BLOCK;
use crate::kernel::{Isa, Shared, for_each_isa};
use crate::matrix::{Blocks, Matrix};
use crate::pool::Pool;

/// Rows of inputs that lie abreast: as many as one pass over the weights serves at most.
pub(crate) const TILE: usize = 8;

/// Vectors to multiply with, in the forms that the matrices at hand ask for.
///
/// Integers come in runs of 32 with one scale. The runs of [`TILE`] rows lie abreast: run `i` of row `r` is number
/// `(r / TILE * n_runs + i) * TILE + r % TILE`.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) n_rows: usize,
    pub(crate) n_in: usize,
    /// The numbers themselves, for weights in floats.
    pub(crate) floats: Vec<f32>,
    /// For 4-bit weights.
    pub(crate) int8: Vec<Int8Run>,
    /// For 8-bit weights.
    pub(crate) int16: Vec<Int16Run>,
}

/// 32 numbers of a row, each `scale * quant`.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Int8Run {
    pub(crate) quants: [i8; SUB_BLOCK],
    pub(crate) scale: f32,
    /// The sum of the numbers, as rounded: what the minimum of a block is multiplied with.
    pub(crate) sum: f32,
}

/// 32 numbers of a row, each `scale * quant`.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Int16Run {
    pub(crate) quants: [i16; SUB_BLOCK],
    pub(crate) scale: f32,
}

/// Adding and subtracting it rounds a float below 2^22 to the nearest integer, ties to even;
/// the sum's low bits then are that integer in two's complement.
const ROUND: f32 = 12_582_912.0;

impl Inputs {
    /// Prepares rows of `n_in` numbers for the products with some matrices.
    /// `make` gives the final touch to each row, by its index, before it is rounded.
    pub(crate) fn prepare(
        &mut self,
        pool: &mut Pool,
        isa: Isa,
        rows: &mut [f32],
        n_in: usize,
        matrices: &[&Matrix],
        make: &(dyn Fn(usize, &mut [f32]) + Sync),
    ) {
        let n_rows = rows.len() / n_in;
        let n_tiles = n_rows.div_ceil(TILE);
        let runs_per_tile = n_in / SUB_BLOCK * TILE;
        (self.n_rows, self.n_in) = (n_rows, n_in);
        let any = |wanted: fn(&Blocks) -> bool| matrices.iter().any(|m| wanted(&m.blocks));
        let room = |wanted, len| if any(wanted) { len } else { 0 };
        let n_runs = n_tiles * runs_per_tile;
        let n_floats = room(|blocks| matches!(blocks, Blocks::Float(_)), n_rows * n_in);
        let n_int8 = room(|blocks| matches!(blocks, Blocks::Four(_)), n_runs);
        let n_int16 = room(|blocks| matches!(blocks, Blocks::Eight(_)), n_runs);
        grow(&mut self.floats, n_floats);
        grow(&mut self.int8, n_int8);
        grow(&mut self.int16, n_int16);
        let floats = Shared::new(&mut self.floats);
        let int8 = Shared::new(&mut self.int8);
        let int16 = Shared::new(&mut self.int16);
        let rows = Shared::new(rows);
        pool.run(n_tiles, &|tile| {
            let tile_runs = (tile * runs_per_tile, runs_per_tile);
            for row_idx in tile * TILE..n_rows.min((tile + 1) * TILE) {
                // SAFETY: each piece has rows of its own, and what is made of them.
                let row = unsafe { rows.slice(row_idx * n_in, n_in) };
                make(row_idx, row);
                if n_floats > 0 {
                    // SAFETY: as above.
                    unsafe { floats.slice(row_idx * n_in, n_in) }.copy_from_slice(row);
                }
                if n_int8 > 0 {
                    // SAFETY: as above.
                    let runs = unsafe { int8.slice(tile_runs.0, tile_runs.1) };
                    round_to_int8(isa, row, &mut runs[row_idx % TILE..]);
                }
                if n_int16 > 0 {
                    // SAFETY: as above.
                    let runs = unsafe { int16.slice(tile_runs.0, tile_runs.1) };
                    round_to_int16(isa, row, &mut runs[row_idx % TILE..]);
                }
            }
        });
    }
}

/// Makes a buffer at least this long; it never shrinks.
fn grow<T: Clone + Default>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
}

#[inline(always)]
fn largest(run: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    for eight in run.chunks_exact(8) {
        for (lane, x) in lanes.iter_mut().zip(eight) {
            let x = x.abs();
            *lane = if x > *lane { x } else { *lane };
        }
    }
    lanes
        .into_iter()
        .fold(0.0, |max, x| if x > max { x } else { max })
}

for_each_isa! {
    /// Rounds a row to 8 bits, with one scale per run of 32; its runs are every [`TILE`]th one.
    pub(crate) fn round_to_int8(row: &[f32], runs: &mut [Int8Run]) {
        for (numbers, run) in row.chunks_exact(SUB_BLOCK).zip(runs.iter_mut().step_by(TILE)) {
            let largest = largest(numbers);
            let per_step = if largest > 0.0 { 127.0 / largest } else { 0.0 };
            let mut total = 0i32;
            for (quant, x) in run.quants.iter_mut().zip(numbers) {
                let rounded = (x * per_step + ROUND).to_bits() as i8;
                *quant = rounded;
                total += i32::from(rounded);
            }
            run.scale = largest / 127.0;
            run.sum = run.scale * total as f32;
        }
    }
}

for_each_isa! {
    /// Rounds a row to 16 bits, with one scale per run of 32; its runs are every [`TILE`]th one.
    pub(crate) fn round_to_int16(row: &[f32], runs: &mut [Int16Run]) {
        for (numbers, run) in row.chunks_exact(SUB_BLOCK).zip(runs.iter_mut().step_by(TILE)) {
            let largest = largest(numbers);
            let per_step = if largest > 0.0 { 32_767.0 / largest } else { 0.0 };
            for (quant, x) in run.quants.iter_mut().zip(numbers) {
                *quant = (x * per_step + ROUND).to_bits() as i16;
            }
            run.scale = largest / 32_767.0;
        }
    }
}
