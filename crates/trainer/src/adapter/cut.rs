//! An adapter made smaller: of a lower rank, in shorter numbers; and how far that is from what it was.

use half::f16;
use model::Config;

use super::StoredAdapter;
use crate::lora::{LoraShape, Places};
use crate::peft;

/// The numbers in which a PEFT folder holds an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 16-bit floats of IEEE 754.
    F16,
}

impl Precision {
    pub(crate) fn round(self, number: f32) -> f32 {
        match self {
            Precision::F32 => number,
            Precision::F16 => f16::from_f32(number).to_f32(),
        }
    }
}

/// Turns of Jacobi's method; small matrices need about six.
const SWEEPS: usize = 30;

/// Columns of equal length.
type Columns = Vec<Vec<f64>>;

impl StoredAdapter {
    /// The adapter of at most this rank whose corrections are the nearest (Eckart and Young 1936), each in numbers of
    /// this precision.
    pub fn cut(&self, rank: usize, precision: Precision, config: &Config) -> StoredAdapter {
        let rank = rank.clamp(1, self.shape.rank);
        let shape = LoraShape {
            rank,
            ..self.shape.clone()
        };
        let (from, to) = (
            Places::new(&self.shape, config),
            Places::new(&shape, config),
        );
        let mut numbers = vec![0.0; to.len];
        for ((_, _, a, b), (_, _, new_a, new_b)) in from.matrices().zip(to.matrices()) {
            if rank == self.shape.rank {
                numbers[new_a].copy_from_slice(&self.numbers[a]);
                numbers[new_b].copy_from_slice(&self.numbers[b]);
            } else {
                let (rows, columns) = nearest(
                    rows(&self.numbers[a], from.rank),
                    columns(&self.numbers[b], from.rank),
                    rank,
                );
                for (row, out) in rows.iter().zip(numbers[new_a].chunks_mut(rows[0].len())) {
                    out.iter_mut()
                        .zip(row)
                        .for_each(|(out, x)| *out = *x as f32);
                }
                for (i, out) in numbers[new_b].chunks_mut(rank).enumerate() {
                    out.iter_mut()
                        .zip(&columns)
                        .for_each(|(out, column)| *out = column[i] as f32);
                }
            }
        }
        for number in &mut numbers {
            *number = precision.round(*number);
        }
        let mut settings = self.settings.clone();
        settings.r = rank;
        settings.lora_alpha = shape.scale * rank as f64;
        settings.use_rslora = false;
        StoredAdapter {
            settings,
            shape,
            numbers,
        }
    }

    /// How far another adapter's corrections are from this one's: the norm of all differences by the norm of all
    /// corrections (Frobenius). Zero for equal ones.
    pub fn distance(&self, other: &StoredAdapter, config: &Config) -> f64 {
        let (ours, theirs) = (
            Places::new(&self.shape, config),
            Places::new(&other.shape, config),
        );
        let (mut difference, mut whole) = (0.0, 0.0);
        for ((_, _, a, b), (_, _, other_a, other_b)) in ours.matrices().zip(theirs.matrices()) {
            let own = (
                rows(&self.numbers[a], ours.rank),
                columns(&self.numbers[b], ours.rank),
                self.shape.scale,
            );
            let other = (
                rows(&other.numbers[other_a], theirs.rank),
                columns(&other.numbers[other_b], theirs.rank),
                other.shape.scale,
            );
            let own_square = inner(&own, &own);
            whole += own_square;
            difference += own_square - 2.0 * inner(&own, &other) + inner(&other, &other);
        }
        if whole == 0.0 {
            return 0.0;
        }
        (difference.max(0.0) / whole).sqrt()
    }

    /// The two files of its PEFT folder, settings and numbers, with numbers of this precision; `base` names its model.
    pub fn to_peft(&self, precision: Precision, base: &str, config: &Config) -> (String, Vec<u8>) {
        let invocation = self.settings.alora_invocation_tokens.as_deref();
        let text = peft::config_json(
            &self.shape,
            self.shape.scale * self.shape.rank as f64,
            0.0,
            base,
            invocation.unwrap_or_default(),
        );
        let places = Places::new(&self.shape, config);
        (
            text,
            peft::weights(&self.numbers, &places, config, precision),
        )
    }
}

/// The rows of A, `(rank, n_in)`.
fn rows(a: &[f32], rank: usize) -> Columns {
    a.chunks_exact(a.len() / rank)
        .map(|row| row.iter().map(|x| f64::from(*x)).collect())
        .collect()
}

/// The columns of B, `(n_out, rank)`.
fn columns(b: &[f32], rank: usize) -> Columns {
    (0..rank)
        .map(|i| {
            b.iter()
                .skip(i)
                .step_by(rank)
                .map(|x| f64::from(*x))
                .collect()
        })
        .collect()
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// The inner product of two corrections, each scale x B x A.
fn inner(x: &(Columns, Columns, f64), y: &(Columns, Columns, f64)) -> f64 {
    let pairs = (0..x.0.len()).flat_map(|i| (0..y.0.len()).map(move |j| (i, j)));
    let sum: f64 = pairs
        .map(|(i, j)| dot(&x.0[i], &y.0[j]) * dot(&x.1[i], &y.1[j]))
        .sum();
    x.2 * y.2 * sum
}

/// Rows of A and columns of B of a lower rank, whose product is the nearest to that of the given ones.
fn nearest(mut a: Columns, mut b: Columns, rank: usize) -> (Columns, Columns) {
    // B x A stays what it is while columns of B and rows of A are turned alike: first until the rows of A are at right
    // angles to each other and of length one, then until the columns of B are at right angles too.
    turn(&mut a, |i, j, (cos, sin)| rotate(&mut b, i, j, cos, sin));
    for (row, column) in a.iter_mut().zip(&mut b) {
        let length = dot(row, row).sqrt();
        let inverse = if length > 0.0 { 1.0 / length } else { 0.0 };
        row.iter_mut().for_each(|x| *x *= inverse);
        column.iter_mut().for_each(|x| *x *= length);
    }
    turn(&mut b, |i, j, (cos, sin)| rotate(&mut a, i, j, cos, sin));
    let mut order: Vec<usize> = (0..b.len()).collect();
    let size = |i: &usize| dot(&b[*i], &b[*i]);
    order.sort_by(|i, j| size(j).total_cmp(&size(i)));
    order.truncate(rank);
    // Both sides get the root of what the pair weighs.
    let halves = |i: &usize| size(i).powf(0.25);
    let part = |of: &Columns, by: &dyn Fn(f64) -> f64| -> Columns {
        let scaled = |i: &usize| of[*i].iter().map(|x| x * by(halves(i))).collect();
        order.iter().map(scaled).collect()
    };
    let inverse = |half: f64| if half > 0.0 { 1.0 / half } else { 0.0 };
    (part(&a, &|half| half), part(&b, &inverse))
}

/// Turns vectors in pairs until all are at right angles (one-sided Jacobi), and tells of each turn.
fn turn(vectors: &mut Columns, mut tell: impl FnMut(usize, usize, (f64, f64))) {
    for _ in 0..SWEEPS {
        let mut is_done = true;
        for i in 0..vectors.len() {
            for j in i + 1..vectors.len() {
                let (x, y) = (dot(&vectors[i], &vectors[i]), dot(&vectors[j], &vectors[j]));
                let between = dot(&vectors[i], &vectors[j]);
                if between.abs() <= 1e-14 * (x * y).sqrt() {
                    continue;
                }
                is_done = false;
                let zeta = (y - x) / (2.0 * between);
                let tan = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                let cos = 1.0 / (1.0 + tan * tan).sqrt();
                let sin = cos * tan;
                rotate(vectors, i, j, cos, sin);
                tell(i, j, (cos, sin));
            }
        }
        if is_done {
            return;
        }
    }
}

fn rotate(vectors: &mut Columns, i: usize, j: usize, cos: f64, sin: f64) {
    let (head, tail) = vectors.split_at_mut(j);
    for (x, y) in head[i].iter_mut().zip(&mut tail[0]) {
        (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn product(a: &Columns, b: &Columns) -> Vec<f64> {
        let mut sum = vec![0.0; a[0].len() * b[0].len()];
        for (row, column) in a.iter().zip(b) {
            for (i, out) in sum.chunks_mut(row.len()).enumerate() {
                out.iter_mut()
                    .zip(row)
                    .for_each(|(out, x)| *out += column[i] * x);
            }
        }
        sum
    }

    fn vectors(n: usize, len: usize) -> impl Strategy<Value = Columns> {
        prop::collection::vec(prop::collection::vec(-2.0..2.0f64, len), n)
    }

    proptest! {
        #[test]
        fn nothing_is_lost_at_full_rank(a in vectors(4, 9), b in vectors(4, 7)) {
            let (small_a, small_b) = nearest(a.clone(), b.clone(), 4);
            for (x, y) in product(&a, &b).iter().zip(product(&small_a, &small_b)) {
                prop_assert!((x - y).abs() < 1e-9, "{x} {y}");
            }
        }

        #[test]
        fn no_choice_of_pairs_is_nearer(a in vectors(3, 6), b in vectors(3, 5), kept in 0usize..3) {
            let whole = product(&a, &b);
            let far = |a: &Columns, b: &Columns| -> f64 {
                let other = product(a, b);
                whole.iter().zip(other).map(|(x, y)| (x - y) * (x - y)).sum()
            };
            let (small_a, small_b) = nearest(a.clone(), b.clone(), 1);
            let ours = far(&small_a, &small_b);
            prop_assert!(ours <= far(&vec![a[kept].clone()], &vec![b[kept].clone()]) + 1e-9);
            // What is left is at right angles to what is kept.
            let kept: f64 = product(&small_a, &small_b).iter().map(|x| x * x).sum();
            let all: f64 = whole.iter().map(|x| x * x).sum();
            prop_assert!((ours + kept - all).abs() < 1e-8 * (1.0 + all));
        }
    }
}
