use crate::kernel::for_each_isa;
use crate::kernel::inputs::{Int8Run, Int16Run, TILE};
use crate::matrix::{EightBitBlock, FourBitBlock, LANES};

/// `N` rows of a tile of inputs, from `first` on, times eight rows of 4-bit weights.
pub(crate) fn four_bit<const N: usize>(
    blocks: &[FourBitBlock],
    runs: &[Int8Run],
    first: usize,
) -> [[f32; LANES]; N] {
    let mut sums = [[0.0f32; LANES]; N];
    for (block, runs) in blocks.iter().zip(runs.chunks_exact(TILE)) {
        for (run, sums) in runs[first..].iter().zip(&mut sums) {
            let mut dots = [0i32; LANES];
            for (eighth, byte) in block.quants.iter().enumerate() {
                let column = 4 * (eighth / 32) + eighth % 4;
                let (low, high) = (i32::from(byte & 15), i32::from(byte >> 4));
                dots[eighth % 32 / 4] +=
                    low * i32::from(run.quants[column]) + high * i32::from(run.quants[column + 16]);
            }
            for lane in 0..LANES {
                let scale = block.scales[lane].to_f32() * run.scale;
                let sum = (dots[lane] as f32).mul_add(scale, sums[lane]);
                sums[lane] = block.mins[lane].to_f32().mul_add(run.sum, sum);
            }
        }
    }
    sums
}

/// `N` rows of a tile of inputs, from `first` on, times eight rows of 8-bit weights.
pub(crate) fn eight_bit<const N: usize>(
    blocks: &[EightBitBlock],
    runs: &[Int16Run],
    first: usize,
) -> [[f32; LANES]; N] {
    let mut sums = [[0.0f32; LANES]; N];
    for (block, runs) in blocks.iter().zip(runs.chunks_exact(TILE)) {
        for (run, sums) in runs[first..].iter().zip(&mut sums) {
            let mut dots = [0i32; LANES];
            for (idx, &weight) in block.quants.iter().enumerate() {
                let column = 2 * (idx / 16) + idx % 2;
                dots[idx % 16 / 2] += i32::from(weight) * i32::from(run.quants[column]);
            }
            for lane in 0..LANES {
                let scale = block.scales[lane].to_f32() * run.scale;
                sums[lane] = (dots[lane] as f32).mul_add(scale, sums[lane]);
            }
        }
    }
    sums
}

for_each_isa! {
    /// Some rows of inputs times eight rows of weights in floats.
    pub(crate) fn float(columns: &[[f32; LANES]], floats: &[f32], sums: &mut [[f32; LANES]]) {
        for (row, sums) in floats.chunks_exact(columns.len()).zip(sums) {
            let mut total = [0.0f32; LANES];
            for (column, x) in columns.iter().zip(row) {
                for (total, weight) in total.iter_mut().zip(column) {
                    *total = weight.mul_add(*x, *total);
                }
            }
            *sums = total;
        }
    }
}
