//! What lies between the products, and its derivatives: norms, rotations, gates.

use crate::real::Real;
use crate::rows::dot;

/// `1 / sqrt(mean(x^2) + epsilon)`: what a norm multiplies a row by.
#[inline(always)]
pub(crate) fn inverse_rms<T: Real>(x: &[T], epsilon: T) -> T {
    let mean = dot(x, x) / T::of(x.len() as f64);
    T::one() / (mean + epsilon).sqrt()
}

/// `out = x / rms(x) * weight`.
#[inline(always)]
pub(crate) fn rms_norm<T: Real>(x: &[T], weight: &[T], epsilon: T, out: &mut [T]) {
    let inverse = inverse_rms(x, epsilon);
    for ((out, &x), &weight) in out.iter_mut().zip(x).zip(weight) {
        *out = x * inverse * weight;
    }
}

/// Adds to `dx` what the gradient `dy` after a norm comes to before it.
#[inline(always)]
pub(crate) fn rms_norm_backward<T: Real>(
    x: &[T],
    weight: &[T],
    epsilon: T,
    dy: &[T],
    dx: &mut [T],
) {
    let inverse = inverse_rms(x, epsilon);
    let mut lanes = [T::zero(); 8];
    // Rows are multiples of 32 numbers, as the model's reader checks.
    let eights = dy.chunks_exact(8).zip(x.chunks_exact(8));
    for ((dy, x), weight) in eights.zip(weight.chunks_exact(8)) {
        let products = dy.iter().zip(x).zip(weight);
        for (lane, ((&dy, &x), &weight)) in lanes.iter_mut().zip(products) {
            *lane += dy * weight * x;
        }
    }
    let along = lanes.into_iter().fold(T::zero(), |sum, lane| sum + lane);
    let factor = inverse * inverse * inverse * along / T::of(x.len() as f64);
    for (((dx, &dy), &x), &weight) in dx.iter_mut().zip(dy).zip(x).zip(weight) {
        *dx += inverse * weight * dy - factor * x;
    }
}

/// How the numbers of a head are paired for rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pairs {
    /// Neighbours.
    Neighbours,
    /// Number `i` of the first half with number `i` of the second.
    Halves,
}

/// Turns the pairs of some heads by the angles of a position, given as cosines and sines; numbers beyond them stay.
/// Turning by `-sin` undoes it, which is its derivative too.
#[inline(always)]
pub(crate) fn rotate<T: Real>(
    heads: &mut [T],
    head_dim: usize,
    turns: &[[T; 2]],
    pairs: Pairs,
    back: bool,
) {
    let sign = if back { -T::one() } else { T::one() };
    let n_pairs = turns.len();
    for head in heads.chunks_exact_mut(head_dim) {
        let head = &mut head[..2 * n_pairs];
        match pairs {
            Pairs::Neighbours => {
                for (pair, &[cos, sin]) in head.chunks_exact_mut(2).zip(turns) {
                    let (a, b, sin) = (pair[0], pair[1], sign * sin);
                    pair[0] = a * cos - b * sin;
                    pair[1] = a * sin + b * cos;
                }
            }
            Pairs::Halves => {
                let (firsts, seconds) = head.split_at_mut(n_pairs);
                for ((a, b), &[cos, sin]) in firsts.iter_mut().zip(seconds).zip(turns) {
                    let sin = sign * sin;
                    (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
                }
            }
        }
    }
}

/// `out = silu(gate) * up`; a row holds the gates, then the ups.
#[inline(always)]
pub(crate) fn swiglu<T: Real>(row: &[T], out: &mut [T]) {
    let (gates, ups) = row.split_at(out.len());
    for ((out, &gate), &up) in out.iter_mut().zip(gates).zip(ups) {
        *out = gate / (T::one() + (-gate).fast_exp()) * up;
    }
}

/// Turns a row of gates and ups into their gradients, given that of their product.
#[inline(always)]
pub(crate) fn swiglu_backward<T: Real>(row: &mut [T], d_out: &[T]) {
    let (gates, ups) = row.split_at_mut(d_out.len());
    for ((gate, up), &d_out) in gates.iter_mut().zip(ups).zip(d_out) {
        let (g, u) = (*gate, *up);
        let sigmoid = T::one() / (T::one() + (-g).fast_exp());
        let silu = g * sigmoid;
        *gate = d_out * u * (sigmoid + silu * (T::one() - sigmoid));
        *up = d_out * silu;
    }
}
