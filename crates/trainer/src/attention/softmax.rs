use crate::real::Real;
use crate::rows::{highest, sum};

/// Turns the first `n_valid` scores into probabilities and the others into zeros;
/// gives the logarithm of the sum of exponentials.
#[inline(always)]
pub(super) fn softmax<T: Real>(row: &mut [T], n_valid: usize) -> T {
    let (valid, rest) = row.split_at_mut(n_valid);
    rest.fill(T::zero());
    let highest = highest(valid);
    for x in valid.iter_mut() {
        *x = (*x - highest).fast_exp();
    }
    let sum = sum(valid);
    let factor = T::one() / sum;
    for x in valid {
        *x *= factor;
    }
    highest + sum.ln()
}

/// Turns scores into probabilities, and the gradients of probabilities into those of scores.
/// `along` is the product of a query's result with its gradient.
#[inline(always)]
pub(super) fn softmax_backward<T: Real>(
    scores: &mut [T],
    gradients: &mut [T],
    n_valid: usize,
    log_sum: T,
    along: T,
    scale: T,
) {
    let (valid, rest) = scores.split_at_mut(n_valid);
    rest.fill(T::zero());
    let (d_valid, d_rest) = gradients.split_at_mut(n_valid);
    d_rest.fill(T::zero());
    for (x, d) in valid.iter_mut().zip(d_valid) {
        *x = (*x - log_sum).fast_exp();
        *d = *x * (*d - along) * scale;
    }
}
