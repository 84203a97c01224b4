use crate::kernel::for_each_isa;

/// `e^x` to within 2 units in the last place for |x| < 87; beyond, the value at that bound.
///
/// Source: the range reduction and polynomial of Cephes' `expf`. Plain arithmetic only, so that it vectorises
/// and gives the same bits everywhere.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 87.0 { 87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = (p * r * r + r) + 1.0;
    // The low bits of `shifted` are n; moved into the exponent they scale by 2^n.
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    p * power
}

for_each_isa! {
    /// `out = row / sqrt(mean(row^2) + epsilon) * weight`.
    pub(crate) fn rms_norm(row: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
        let mut lanes = [0.0f32; 8];
        for eight in row.chunks_exact(8) {
            for (lane, x) in lanes.iter_mut().zip(eight) {
                *lane += x * x;
            }
        }
        let total: f32 = lanes.iter().sum();
        let scale = 1.0 / (total / row.len() as f32 + epsilon).sqrt();
        for ((out, x), weight) in out.iter_mut().zip(row).zip(weight) {
            *out = x * scale * weight;
        }
    }
}

for_each_isa! {
    /// `out = silu(gate) * up`; a row holds the gates, then the ups.
    pub(crate) fn swiglu(row: &[f32], out: &mut [f32]) {
        let (gates, ups) = row.split_at(out.len());
        for ((out, gate), up) in out.iter_mut().zip(gates).zip(ups) {
            *out = gate / (1.0 + exp(-gate)) * up;
        }
    }
}

for_each_isa! {
    /// `row += other`.
    pub(crate) fn add(row: &mut [f32], other: &[f32]) {
        for (x, y) in row.iter_mut().zip(other) {
            *x += y;
        }
    }
}

for_each_isa! {
    /// Turns pairs of numbers of each head by the angles of a position.
    ///
    /// A head of `2 n` numbers has `n` pairs: neighbours when `interleaved`, else numbers `i` and `i + n`.
    /// Numbers beyond the `n` turned pairs stay as they are.
    pub(crate) fn rotate(heads: &mut [f32], head_dim: usize, turns: &[[f32; 2]], interleaved: bool) {
        let n_pairs = turns.len();
        for head in heads.chunks_exact_mut(head_dim) {
            let head = &mut head[..2 * n_pairs];
            if interleaved {
                for (pair, [cos, sin]) in head.chunks_exact_mut(2).zip(turns) {
                    let (a, b) = (pair[0], pair[1]);
                    pair[0] = a * cos - b * sin;
                    pair[1] = a * sin + b * cos;
                }
            } else {
                let (firsts, seconds) = head.split_at_mut(n_pairs);
                for ((a, b), [cos, sin]) in firsts.iter_mut().zip(seconds).zip(turns) {
                    (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
                }
            }
        }
    }
}
