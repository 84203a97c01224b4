//! Weight matrices in the layout that the kernels like.
//!
//! Eight output rows lie abreast: a 32-byte register then holds the same few columns of eight rows,
//! and sums stay in their lanes. 4-bit formats are repacked exactly (Q4_0, Q4_1) or up to the rounding
//! of a scale to 16 bits (Q4_K); every other format becomes 8-bit integers with one scale per 32 numbers,
//! which is exact for Q8_0. A caller may ask for 4 or 8 bits throughout; numbers are rounded then.

use half::f16;

use crate::block::{Format, FourBit, SUB_BLOCK};

mod arena;
#[cfg(test)]
mod tests;

pub(crate) use arena::{Arena, Store};

/// Output rows that lie abreast.
pub(crate) const LANES: usize = 8;

/// A matrix of weights, `n_out` rows of `n_in` numbers.
#[derive(Debug)]
pub(crate) struct Matrix {
    /// Numbers in the vectors it is applied to; a multiple of 32.
    pub(crate) n_in: usize,
    /// Numbers in the vectors it makes.
    pub(crate) n_out: usize,
    pub(crate) blocks: Blocks,
}

#[derive(Debug)]
pub(crate) enum Blocks {
    Four(Store<FourBitBlock>),
    Eight(Store<EightBitBlock>),
    Float(Store<[f32; LANES]>),
}

/// 32 columns of eight rows, in 4 bits.
///
/// Byte `32 j + 4 lane + i` holds column `4 j + i` in its low half and column `16 + 4 j + i` in its high half.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
pub(crate) struct FourBitBlock {
    pub(crate) quants: [u8; 16 * LANES],
    pub(crate) scales: [f16; LANES],
    pub(crate) mins: [f16; LANES],
}

/// 32 columns of eight rows, in 8 bits: number `16 j + 2 lane + i` is column `2 j + i`.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(16))]
pub(crate) struct EightBitBlock {
    pub(crate) quants: [i8; 32 * LANES],
    pub(crate) scales: [f16; LANES],
}

/// How weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// 4-bit formats in 4 bits, everything else in 8 bits.
    #[default]
    Packed,
    /// All in 8 bits, with a scale for 32 numbers, as in Q8_0.
    EightBit,
    /// All in 4 bits, with a scale and a minimum for 32 numbers, as in Q4_1; the embedding and the head in 8 bits.
    FourBit,
    /// Decoded to 32-bit floats: the reference that packed weights are checked against.
    Float,
}

/// Why weights cannot be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PackError {
    /// Rows are no multiple of 32 numbers.
    RowLength,
    /// A scale is infinite, no number, or too large for 16 bits.
    Scale,
}

impl Matrix {
    /// Packs `n_out` stored rows of `n_in` numbers, into an arena while it has room.
    pub(crate) fn pack(
        format: Format,
        n_in: usize,
        n_out: usize,
        stored: &[u8],
        layout: Layout,
        arena: &Arena,
    ) -> Result<Matrix, PackError> {
        let row_bytes = format
            .row_bytes(n_in)
            .filter(|_| n_in.is_multiple_of(SUB_BLOCK))
            .ok_or(PackError::RowLength)?;
        let rows: Vec<&[u8]> = stored.chunks_exact(row_bytes).collect();
        debug_assert_eq!(rows.len(), n_out);
        let groups = rows.chunks(LANES);
        let blocks = match n_bits(format, layout) {
            4 => Blocks::Four(arena.keep(pack_four_bit(format, n_in, groups)?)),
            8 => Blocks::Eight(arena.keep(pack_eight_bit(format, n_in, groups)?)),
            _ => Blocks::Float(arena.keep(pack_float(format, n_in, groups)?)),
        };
        Ok(Matrix {
            n_in,
            n_out,
            blocks,
        })
    }

    /// The memory that a matrix will take, in bytes: what [`Matrix::n_bytes`] says once it is packed.
    pub(crate) fn planned_bytes(
        format: Format,
        n_in: usize,
        n_out: usize,
        layout: Layout,
    ) -> usize {
        let block_bytes = match n_bits(format, layout) {
            4 => size_of::<FourBitBlock>(),
            8 => size_of::<EightBitBlock>(),
            _ => SUB_BLOCK * size_of::<[f32; LANES]>(),
        };
        let n_blocks = (n_in / SUB_BLOCK).saturating_mul(n_out.div_ceil(LANES));
        n_blocks.saturating_mul(block_bytes)
    }

    /// Memory of the weights.
    pub(crate) fn n_bytes(&self) -> usize {
        match &self.blocks {
            Blocks::Four(blocks) => size_of_val(&**blocks),
            Blocks::Eight(blocks) => size_of_val(&**blocks),
            Blocks::Float(columns) => size_of_val(&**columns),
        }
    }

    /// Groups of rows that lie abreast.
    pub(crate) fn n_groups(&self) -> usize {
        self.n_out.div_ceil(LANES)
    }

    /// Decodes one row.
    pub(crate) fn row(&self, row_idx: usize, out: &mut [f32]) {
        assert!(row_idx < self.n_out && out.len() == self.n_in);
        let (group_idx, lane) = (row_idx / LANES, row_idx % LANES);
        let n_blocks = self.n_in / SUB_BLOCK;
        let blocks = group_idx * n_blocks..(group_idx + 1) * n_blocks;
        match &self.blocks {
            Blocks::Four(all) => {
                for (block, out) in all[blocks].iter().zip(out.chunks_exact_mut(SUB_BLOCK)) {
                    let (scale, min) = (block.scales[lane].to_f32(), block.mins[lane].to_f32());
                    for (column, out) in out.iter_mut().enumerate() {
                        *out = scale * f32::from(block.quant(lane, column)) + min;
                    }
                }
            }
            Blocks::Eight(all) => {
                for (block, out) in all[blocks].iter().zip(out.chunks_exact_mut(SUB_BLOCK)) {
                    let scale = block.scales[lane].to_f32();
                    for (column, out) in out.iter_mut().enumerate() {
                        *out = scale * f32::from(block.quant(lane, column));
                    }
                }
            }
            Blocks::Float(columns) => {
                let columns = &columns[group_idx * self.n_in..(group_idx + 1) * self.n_in];
                for (column, out) in columns.iter().zip(out) {
                    *out = column[lane];
                }
            }
        }
    }
}

impl FourBitBlock {
    pub(crate) fn quant(&self, lane: usize, column: usize) -> u8 {
        let byte = self.quants[32 * (column % 16 / 4) + 4 * lane + column % 4];
        if column < 16 { byte & 15 } else { byte >> 4 }
    }
}

impl EightBitBlock {
    pub(crate) fn quant(&self, lane: usize, column: usize) -> i8 {
        self.quants[16 * (column / 2) + 2 * lane + column % 2]
    }
}

/// Bits of a number of a format in a layout; 32 for floats.
fn n_bits(format: Format, layout: Layout) -> usize {
    match layout {
        Layout::Float => 32,
        Layout::EightBit => 8,
        Layout::FourBit => 4,
        Layout::Packed if format.is_four_bit() => 4,
        Layout::Packed => 8,
    }
}

type Groups<'a> = std::slice::Chunks<'a, &'a [u8]>;

fn pack_four_bit(
    format: Format,
    n_in: usize,
    groups: Groups<'_>,
) -> Result<Vec<FourBitBlock>, PackError> {
    let n_blocks = n_in / SUB_BLOCK;
    let mut packed = Vec::with_capacity(groups.len() * n_blocks);
    let empty = FourBitBlock {
        quants: [0; 16 * LANES],
        scales: [f16::ZERO; LANES],
        mins: [f16::ZERO; LANES],
    };
    let sub_blocks_per_block = format.block_len().div_ceil(SUB_BLOCK);
    let mut numbers = vec![0.0; n_in];
    for rows in groups {
        let first = packed.len();
        packed.resize(first + n_blocks, empty);
        for (lane, row) in rows.iter().enumerate() {
            if !format.is_four_bit() {
                format.decode(row, &mut numbers);
            }
            for (sub_idx, block) in packed[first..].iter_mut().enumerate() {
                let four = if format.is_four_bit() {
                    let at = sub_idx / sub_blocks_per_block * format.block_bytes();
                    let stored = &row[at..at + format.block_bytes()];
                    format.four_bit(stored, sub_idx % sub_blocks_per_block)
                } else {
                    round_to_four_bit(&numbers[sub_idx * SUB_BLOCK..][..SUB_BLOCK])?
                };
                for (j, columns) in four.quants.as_chunks::<4>().0.iter().enumerate() {
                    block.quants[32 * j + 4 * lane..][..4].copy_from_slice(columns);
                }
                block.scales[lane] = finite_half(four.scale)?;
                block.mins[lane] = finite_half(four.min)?;
            }
        }
    }
    Ok(packed)
}

fn round_to_four_bit(numbers: &[f32]) -> Result<FourBit, PackError> {
    if numbers.iter().any(|x| !x.is_finite()) {
        return Err(PackError::Scale);
    }
    let (least, most) = numbers
        .iter()
        .fold((f32::MAX, f32::MIN), |(least, most), &x| {
            (least.min(x), most.max(x))
        });
    let min = finite_half(least)?.to_f32();
    let scale = finite_half((most - least) / 15.0)?.to_f32();
    let quant = |column: usize| {
        if scale == 0.0 {
            0
        } else {
            ((numbers[column] - min) / scale).round().clamp(0.0, 15.0) as u8
        }
    };
    let quants = std::array::from_fn(|column| quant(column) | quant(column + 16) << 4);
    Ok(FourBit { quants, scale, min })
}

fn pack_eight_bit(
    format: Format,
    n_in: usize,
    groups: Groups<'_>,
) -> Result<Vec<EightBitBlock>, PackError> {
    let mut packed = Vec::with_capacity(groups.len() * (n_in / SUB_BLOCK));
    let empty = EightBitBlock {
        quants: [0; 32 * LANES],
        scales: [f16::ZERO; LANES],
    };
    let mut numbers = vec![0.0; n_in];
    for rows in groups {
        let first = packed.len();
        packed.resize(first + n_in / SUB_BLOCK, empty);
        for (lane, row) in rows.iter().enumerate() {
            if format != Format::Q8_0 {
                format.decode(row, &mut numbers);
            }
            for (sub_idx, block) in packed[first..].iter_mut().enumerate() {
                let (scale, quants) = if format == Format::Q8_0 {
                    let stored = &row[sub_idx * format.block_bytes()..][..format.block_bytes()];
                    let scale = f16::from_le_bytes([stored[0], stored[1]]);
                    let quants: [i8; SUB_BLOCK] =
                        std::array::from_fn(|column| stored[2 + column] as i8);
                    (finite_half(scale.to_f32())?, quants)
                } else {
                    round_to_eight_bit(&numbers[sub_idx * SUB_BLOCK..][..SUB_BLOCK])?
                };
                block.scales[lane] = scale;
                for (j, columns) in quants.as_chunks::<2>().0.iter().enumerate() {
                    block.quants[16 * j + 2 * lane..][..2].copy_from_slice(columns);
                }
            }
        }
    }
    Ok(packed)
}

fn round_to_eight_bit(numbers: &[f32]) -> Result<(f16, [i8; SUB_BLOCK]), PackError> {
    let largest = numbers.iter().fold(0.0f32, |max, x| max.max(x.abs()));
    if numbers.iter().any(|x| !x.is_finite()) {
        return Err(PackError::Scale);
    }
    let scale = finite_half(largest / 127.0)?;
    let step = scale.to_f32();
    let quants = std::array::from_fn(|column| {
        if step == 0.0 {
            0
        } else {
            (numbers[column] / step).round().clamp(-127.0, 127.0) as i8
        }
    });
    Ok((scale, quants))
}

fn pack_float(
    format: Format,
    n_in: usize,
    groups: Groups<'_>,
) -> Result<Vec<[f32; LANES]>, PackError> {
    let mut packed = Vec::with_capacity(groups.len() * n_in);
    let mut numbers = vec![0.0; n_in];
    for rows in groups {
        let first = packed.len();
        packed.resize(first + n_in, [0.0; LANES]);
        for (lane, row) in rows.iter().enumerate() {
            format.decode(row, &mut numbers);
            if numbers.iter().any(|x| !x.is_finite()) {
                return Err(PackError::Scale);
            }
            for (column, &x) in packed[first..].iter_mut().zip(&numbers) {
                column[lane] = x;
            }
        }
    }
    Ok(packed)
}

fn finite_half(x: f32) -> Result<f16, PackError> {
    let half = f16::from_f32(x);
    if half.is_finite() {
        Ok(half)
    } else {
        Err(PackError::Scale)
    }
}
