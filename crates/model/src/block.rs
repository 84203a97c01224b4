//! The block formats of GGUF tensors, decoded to plain numbers.
//!
//! A row is a whole number of blocks; each block holds 1, 32 or 256 small integers with their scales.
//! Source: `ggml-common.h` and `ggml-quants.c` of the ggml repository.

use half::{bf16, f16};

#[cfg(test)]
mod tests;

/// How the numbers of a tensor are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 32-bit floating point.
    F32,
    /// 16-bit IEEE floating point.
    F16,
    /// 16-bit brain floating point.
    Bf16,
    /// 32 4-bit integers around zero with one scale.
    Q4_0,
    /// 32 4-bit integers with a scale and a minimum.
    Q4_1,
    /// 32 5-bit integers around zero with one scale.
    Q5_0,
    /// 32 5-bit integers with a scale and a minimum.
    Q5_1,
    /// 32 8-bit integers with one scale.
    Q8_0,
    /// 256 4-bit integers; eight 6-bit scales and minima.
    Q4K,
    /// 256 5-bit integers; eight 6-bit scales and minima.
    Q5K,
    /// 256 6-bit integers; sixteen 8-bit scales.
    Q6K,
}

/// Numbers that share a scale in every 4-bit format.
pub(crate) const SUB_BLOCK: usize = 32;

impl Format {
    /// The format with this number in a GGUF header.
    ///
    /// # Errors
    /// When it is not supported; with its name, where it has one.
    pub fn from_code(code: u32) -> Result<Format, Option<&'static str>> {
        Ok(match code {
            0 => Format::F32,
            1 => Format::F16,
            2 => Format::Q4_0,
            3 => Format::Q4_1,
            6 => Format::Q5_0,
            7 => Format::Q5_1,
            8 => Format::Q8_0,
            12 => Format::Q4K,
            13 => Format::Q5K,
            14 => Format::Q6K,
            30 => Format::Bf16,
            9 => return Err(Some("Q8_1")),
            10 => return Err(Some("Q2_K")),
            11 => return Err(Some("Q3_K")),
            15 => return Err(Some("Q8_K")),
            16 => return Err(Some("IQ2_XXS")),
            17 => return Err(Some("IQ2_XS")),
            18 => return Err(Some("IQ3_XXS")),
            19 => return Err(Some("IQ1_S")),
            20 => return Err(Some("IQ4_NL")),
            21 => return Err(Some("IQ3_S")),
            22 => return Err(Some("IQ2_S")),
            23 => return Err(Some("IQ4_XS")),
            29 => return Err(Some("IQ1_M")),
            39 => return Err(Some("MXFP4")),
            _ => return Err(None),
        })
    }

    /// Numbers in a block.
    pub fn block_len(self) -> usize {
        match self {
            Format::F32 | Format::F16 | Format::Bf16 => 1,
            Format::Q4_0 | Format::Q4_1 | Format::Q5_0 | Format::Q5_1 | Format::Q8_0 => 32,
            Format::Q4K | Format::Q5K | Format::Q6K => 256,
        }
    }

    /// True when its numbers are 4-bit integers with a scale and a minimum for each 32 of them.
    pub(crate) fn is_four_bit(self) -> bool {
        matches!(self, Format::Q4_0 | Format::Q4_1 | Format::Q4K)
    }

    /// Bytes of a block.
    pub fn block_bytes(self) -> usize {
        match self {
            Format::F32 => 4,
            Format::F16 | Format::Bf16 => 2,
            Format::Q4_0 => 2 + 16,
            Format::Q4_1 => 4 + 16,
            Format::Q5_0 => 2 + 4 + 16,
            Format::Q5_1 => 4 + 4 + 16,
            Format::Q8_0 => 2 + 32,
            Format::Q4K => 4 + 12 + 128,
            Format::Q5K => 4 + 12 + 32 + 128,
            Format::Q6K => 128 + 64 + 16 + 2,
        }
    }

    /// Bytes of a row of `n_cols` numbers; none when that is no whole number of blocks.
    pub fn row_bytes(self, n_cols: usize) -> Option<usize> {
        n_cols
            .is_multiple_of(self.block_len())
            .then(|| (n_cols / self.block_len()).checked_mul(self.block_bytes()))
            .flatten()
    }

    /// Decodes a row.
    ///
    /// # Panics
    /// When `bytes` are not exactly the bytes of a row as long as `out`.
    pub fn decode(self, bytes: &[u8], out: &mut [f32]) {
        assert_eq!(
            self.row_bytes(out.len()),
            Some(bytes.len()),
            "row and bytes agree"
        );
        let blocks = bytes.chunks_exact(self.block_bytes());
        for (block, out) in blocks.zip(out.chunks_exact_mut(self.block_len())) {
            match self {
                Format::F32 => {
                    out[0] = f32::from_le_bytes([block[0], block[1], block[2], block[3]])
                }
                Format::F16 => out[0] = half_at(block, 0),
                Format::Bf16 => out[0] = bf16::from_le_bytes([block[0], block[1]]).to_f32(),
                Format::Q4_0 | Format::Q4_1 | Format::Q4K => self.decode_four_bit(block, out),
                Format::Q5_0 => decode_five_bit(half_at(block, 0), None, &block[2..], out),
                Format::Q5_1 => {
                    decode_five_bit(half_at(block, 0), Some(half_at(block, 2)), &block[4..], out);
                }
                Format::Q8_0 => {
                    let scale = half_at(block, 0);
                    for (out, &q) in out.iter_mut().zip(&block[2..]) {
                        *out = scale * f32::from(q as i8);
                    }
                }
                Format::Q5K => decode_q5k(block, out),
                Format::Q6K => decode_q6k(block, out),
            }
        }
    }

    fn decode_four_bit(self, block: &[u8], out: &mut [f32]) {
        for (sub_idx, out) in out.chunks_exact_mut(SUB_BLOCK).enumerate() {
            let four = self.four_bit(block, sub_idx);
            let (low, high) = out.split_at_mut(SUB_BLOCK / 2);
            for ((low, high), &byte) in low.iter_mut().zip(high).zip(&four.quants) {
                *low = four.scale * f32::from(byte & 15) + four.min;
                *high = four.scale * f32::from(byte >> 4) + four.min;
            }
        }
    }

    /// One run of 32 numbers of a 4-bit block, as `scale * quant + min`.
    ///
    /// # Panics
    /// When this is no 4-bit format.
    pub(crate) fn four_bit(self, block: &[u8], sub_idx: usize) -> FourBit {
        let (scale, min, quants) = match self {
            Format::Q4_0 => {
                let scale = half_at(block, 0);
                (scale, -8.0 * scale, sixteen(&block[2..]))
            }
            Format::Q4_1 => (half_at(block, 0), half_at(block, 2), sixteen(&block[4..])),
            Format::Q4K => {
                let (scale, min) = k_scale(&block[4..16], sub_idx);
                let stored = &block[16 + 32 * (sub_idx / 2)..][..32];
                let shift = 4 * (sub_idx % 2);
                let quant = |i: usize| (stored[i] >> shift) & 15;
                let quants = std::array::from_fn(|i| quant(i) | quant(i + 16) << 4);
                (half_at(block, 0) * scale, -half_at(block, 2) * min, quants)
            }
            _ => unreachable!("only called for 4-bit formats"),
        };
        FourBit { quants, scale, min }
    }
}

/// 32 numbers, each `scale * quant + min`.
pub(crate) struct FourBit {
    /// Byte `i` holds quant `i` in its low half and quant `16 + i` in its high half.
    pub(crate) quants: [u8; SUB_BLOCK / 2],
    pub(crate) scale: f32,
    pub(crate) min: f32,
}

fn sixteen(bytes: &[u8]) -> [u8; SUB_BLOCK / 2] {
    std::array::from_fn(|i| bytes[i])
}

fn half_at(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

/// The 6-bit scale and minimum of one of the eight runs in a Q4_K or Q5_K block.
fn k_scale(packed: &[u8], sub_idx: usize) -> (f32, f32) {
    let (scale, min) = if sub_idx < 4 {
        (packed[sub_idx] & 63, packed[sub_idx + 4] & 63)
    } else {
        let low = packed[sub_idx + 4];
        (
            (low & 15) | ((packed[sub_idx - 4] >> 6) << 4),
            (low >> 4) | ((packed[sub_idx] >> 6) << 4),
        )
    };
    (f32::from(scale), f32::from(min))
}

fn decode_five_bit(scale: f32, min: Option<f32>, packed: &[u8], out: &mut [f32]) {
    let high = u32::from_le_bytes([packed[0], packed[1], packed[2], packed[3]]);
    for (i, out) in out.iter_mut().enumerate() {
        let byte = packed[4 + i % 16];
        let low = if i < 16 { byte & 15 } else { byte >> 4 };
        let quant = f32::from(low | (((high >> i) & 1) as u8) << 4);
        *out = match min {
            Some(min) => scale * quant + min,
            None => scale * (quant - 16.0),
        };
    }
}

fn decode_q5k(block: &[u8], out: &mut [f32]) {
    let (scale, min) = (half_at(block, 0), half_at(block, 2));
    let (high, low) = (&block[16..48], &block[48..]);
    for (sub_idx, out) in out.chunks_exact_mut(SUB_BLOCK).enumerate() {
        let (sub_scale, sub_min) = k_scale(&block[4..16], sub_idx);
        let (scale, min) = (scale * sub_scale, min * sub_min);
        for (i, out) in out.iter_mut().enumerate() {
            let low = (low[32 * (sub_idx / 2) + i] >> (4 * (sub_idx % 2))) & 15;
            let quant = low | ((high[i] >> sub_idx) & 1) << 4;
            *out = scale * f32::from(quant) - min;
        }
    }
}

fn decode_q6k(block: &[u8], out: &mut [f32]) {
    let scale = half_at(block, 208);
    for (i, out) in out.iter_mut().enumerate() {
        let (half_idx, i) = (i / 128, i % 128);
        let low = (block[64 * half_idx + i % 64] >> (4 * (i / 64))) & 15;
        let high = (block[128 + 32 * half_idx + i % 32] >> (2 * (i / 32))) & 3;
        let sub_scale = block[192 + 8 * half_idx + i / 16] as i8;
        *out = scale * f32::from(sub_scale) * (f32::from(low | high << 4) - 32.0);
    }
}
