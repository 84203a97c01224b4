use crate::block::SUB_BLOCK;
use crate::kernel::{Inputs, for_each_isa};
use crate::matrix::{EightBitBlock, FourBitBlock, LANES};

/// `N` rows of inputs times eight rows of 4-bit weights.
pub(crate) fn four_bit<const N: usize>(
    blocks: &[FourBitBlock],
    inputs: &Inputs,
    first_row: usize,
) -> [[f32; LANES]; N] {
    let mut sums = [[0.0; LANES]; N];
    let n_runs = inputs.n_in / SUB_BLOCK;
    for (block_idx, block) in blocks.iter().enumerate() {
        for (row, sums) in (first_row..).zip(&mut sums) {
            let run_idx = row * n_runs + block_idx;
            let quants = &inputs.int8[run_idx * SUB_BLOCK..][..SUB_BLOCK];
            let scale = inputs.int8_scales[run_idx];
            let run_sum = inputs.int8_sums[run_idx];
            let mut dots = [0i32; LANES];
            for (eighth, byte) in block.quants.iter().enumerate() {
                let column = 4 * (eighth / 32) + eighth % 4;
                let (low, high) = (i32::from(byte & 15), i32::from(byte >> 4));
                dots[eighth % 32 / 4] +=
                    low * i32::from(quants[column]) + high * i32::from(quants[column + 16]);
            }
            for lane in 0..LANES {
                let weight_scale = block.scales[lane].to_f32();
                sums[lane] += dots[lane] as f32 * (weight_scale * scale);
                sums[lane] += block.mins[lane].to_f32() * run_sum;
            }
        }
    }
    sums
}

/// `N` rows of inputs times eight rows of 8-bit weights.
pub(crate) fn eight_bit<const N: usize>(
    blocks: &[EightBitBlock],
    inputs: &Inputs,
    first_row: usize,
) -> [[f32; LANES]; N] {
    let mut sums = [[0.0; LANES]; N];
    let n_runs = inputs.n_in / SUB_BLOCK;
    for (block_idx, block) in blocks.iter().enumerate() {
        for (row, sums) in (first_row..).zip(&mut sums) {
            let run_idx = row * n_runs + block_idx;
            let quants = &inputs.int16[run_idx * SUB_BLOCK..][..SUB_BLOCK];
            let scale = inputs.int16_scales[run_idx];
            let mut dots = [0i32; LANES];
            for (idx, &weight) in block.quants.iter().enumerate() {
                let column = 2 * (idx / 16) + idx % 2;
                dots[idx % 16 / 2] += i32::from(weight) * i32::from(quants[column]);
            }
            for lane in 0..LANES {
                sums[lane] += dots[lane] as f32 * (block.scales[lane].to_f32() * scale);
            }
        }
    }
    sums
}

for_each_isa! {
    /// Some rows of inputs times eight rows of weights in floats.
    pub(crate) fn float(columns: &[[f32; LANES]], floats: &[f32], sums: &mut [[f32; LANES]]) {
        for (row, sums) in floats.chunks_exact(columns.len()).zip(sums) {
            let mut total = [0.0; LANES];
            for (column, x) in columns.iter().zip(row) {
                for (total, weight) in total.iter_mut().zip(column) {
                    *total += weight * x;
                }
            }
            *sums = total;
        }
    }
}
