use crate::block::SUB_BLOCK;
use crate::kernel::{Isa, Shared, for_each_isa};
use crate::matrix::{Blocks, Matrix};
use crate::pool::Pool;

/// Vectors to multiply with, in the forms that the matrices at hand ask for.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) n_rows: usize,
    pub(crate) n_in: usize,
    /// The numbers themselves, for weights in floats.
    pub(crate) floats: Vec<f32>,
    /// In 8 bits, for 4-bit weights: each number is `scale * quant`, with one scale per run of 32.
    pub(crate) int8: Vec<i8>,
    pub(crate) int8_scales: Vec<f32>,
    /// The sum of each run, as rounded: what the minimum of a block is multiplied with.
    pub(crate) int8_sums: Vec<f32>,
    /// In 16 bits, for 8-bit weights.
    pub(crate) int16: Vec<i16>,
    pub(crate) int16_scales: Vec<f32>,
}

/// Adding and subtracting it rounds a float below 2^22 to the nearest integer, ties to even;
/// the sum's low bits then are that integer in two's complement.
const ROUND: f32 = 12_582_912.0;

impl Inputs {
    /// Prepares rows of `n_in` numbers for the products with some matrices.
    pub(crate) fn prepare(
        &mut self,
        pool: &mut Pool,
        isa: Isa,
        rows: &[f32],
        n_in: usize,
        matrices: &[&Matrix],
    ) {
        let n_rows = rows.len() / n_in;
        let n_runs = n_in / SUB_BLOCK;
        (self.n_rows, self.n_in) = (n_rows, n_in);
        let any = |wanted: fn(&Blocks) -> bool| matrices.iter().any(|m| wanted(&m.blocks));
        if any(|blocks| matches!(blocks, Blocks::Float(_))) {
            self.floats.clear();
            self.floats.extend_from_slice(rows);
        }
        if any(|blocks| matches!(blocks, Blocks::Four(_))) {
            self.int8.resize(n_rows * n_in, 0);
            self.int8_scales.resize(n_rows * n_runs, 0.0);
            self.int8_sums.resize(n_rows * n_runs, 0.0);
            let quants = Shared::new(&mut self.int8);
            let scales = Shared::new(&mut self.int8_scales);
            let sums = Shared::new(&mut self.int8_sums);
            pool.run(n_rows, &|row| {
                // SAFETY: each piece writes its own row.
                let (quants, scales, sums) = unsafe {
                    (
                        quants.slice(row * n_in, n_in),
                        scales.slice(row * n_runs, n_runs),
                        sums.slice(row * n_runs, n_runs),
                    )
                };
                round_to_int8(isa, &rows[row * n_in..][..n_in], quants, scales, sums);
            });
        }
        if any(|blocks| matches!(blocks, Blocks::Eight(_))) {
            self.int16.resize(n_rows * n_in, 0);
            self.int16_scales.resize(n_rows * n_runs, 0.0);
            let quants = Shared::new(&mut self.int16);
            let scales = Shared::new(&mut self.int16_scales);
            pool.run(n_rows, &|row| {
                // SAFETY: each piece writes its own row.
                let (quants, scales) = unsafe {
                    (
                        quants.slice(row * n_in, n_in),
                        scales.slice(row * n_runs, n_runs),
                    )
                };
                round_to_int16(isa, &rows[row * n_in..][..n_in], quants, scales);
            });
        }
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
    /// Rounds a row to 8 bits, with one scale per run of 32.
    pub(crate) fn round_to_int8(
        row: &[f32],
        quants: &mut [i8],
        scales: &mut [f32],
        sums: &mut [f32],
    ) {
        let runs = row.chunks_exact(SUB_BLOCK).zip(quants.chunks_exact_mut(SUB_BLOCK));
        for ((run, quants), (scale, sum)) in runs.zip(scales.iter_mut().zip(sums)) {
            let largest = largest(run);
            let per_step = if largest > 0.0 { 127.0 / largest } else { 0.0 };
            let mut total = 0i32;
            for (quant, x) in quants.iter_mut().zip(run) {
                let rounded = (x * per_step + ROUND).to_bits() as i8;
                *quant = rounded;
                total += i32::from(rounded);
            }
            *scale = largest / 127.0;
            *sum = *scale * total as f32;
        }
    }
}

for_each_isa! {
    /// Rounds a row to 16 bits, with one scale per run of 32.
    pub(crate) fn round_to_int16(row: &[f32], quants: &mut [i16], scales: &mut [f32]) {
        let runs = row.chunks_exact(SUB_BLOCK).zip(quants.chunks_exact_mut(SUB_BLOCK));
        for ((run, quants), scale) in runs.zip(scales) {
            let largest = largest(run);
            let per_step = if largest > 0.0 { 32_767.0 / largest } else { 0.0 };
            for (quant, x) in quants.iter_mut().zip(run) {
                *quant = (x * per_step + ROUND).to_bits() as i16;
            }
            *scale = largest / 32_767.0;
        }
    }
}
