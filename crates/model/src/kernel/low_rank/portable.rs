use super::{ABREAST, Pair};

/// `N` rows of inputs times sixteen rows of each of `G` groups of weights.
///
/// Of each pair the second product comes first, as where one instruction takes both.
pub(super) fn low_rank<const N: usize, const G: usize>(
    groups: [&[[Pair; ABREAST]]; G],
    rows: [&[Pair]; N],
) -> [[[f32; ABREAST]; G]; N] {
    let mut sums = [[[0.0f32; ABREAST]; G]; N];
    for (group_idx, group) in groups.into_iter().enumerate() {
        for (pair_idx, weights) in group.iter().enumerate() {
            for (sums, row) in sums.iter_mut().zip(rows) {
                let x = row[pair_idx];
                for (sum, &weight) in sums[group_idx].iter_mut().zip(weights) {
                    let with_second = second(weight).mul_add(second(x), *sum);
                    *sum = first(weight).mul_add(first(x), with_second);
                }
            }
        }
    }
    sums
}

/// The number in the low half.
fn first(pair: Pair) -> f32 {
    f32::from_bits(pair << 16)
}

/// The number in the high half.
fn second(pair: Pair) -> f32 {
    f32::from_bits(pair & 0xffff_0000)
}
