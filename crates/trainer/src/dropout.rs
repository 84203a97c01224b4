//! Numbers that an adapter does not see in one step.

use rand_chacha::rand_core::RngCore as _;

use crate::chance::{Purpose, rng};
use crate::real::Real;
use crate::rows::for_rows;

/// Which numbers are dropped: a function of the seed, the place in the run, and the place in the model,
/// so that a step can be repeated, and a block computed again, with the same ones dropped.
///
/// The layers of a group, which read the same vectors, share what is dropped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dropout {
    /// The share of numbers that are dropped; below 1.
    pub(crate) share: f64,
    /// The seed of the run.
    pub(crate) seed: u64,
    /// The place: no two passes, layers or groups of a run have the same.
    pub(crate) stream: u64,
}

impl Dropout {
    /// Drops numbers of each row, and enlarges the others so that the mean stays.
    pub(crate) fn apply<T: Real>(&self, rows: &mut [T], width: usize) {
        let keep = 1.0 - self.share;
        let factor = T::of(1.0 / keep);
        let below = (keep * 4_294_967_296.0) as u64;
        let rng = rng(Purpose::Dropout, self.seed, self.stream);
        for_rows(rows, width, |row_idx, row| {
            let mut rng = rng.clone();
            rng.set_word_pos((row_idx * width) as u128);
            for x in row {
                let is_kept = u64::from(rng.next_u32()) < below;
                *x = if is_kept { *x * factor } else { T::zero() };
            }
        });
    }
}
