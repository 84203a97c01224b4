use crate::matrix::LANES;

/// The sums of eight output rows, of which the matrix may have only the first few.
///
/// All eight go to memory at once, without a loop over a number that the compiler does not know.
#[derive(Clone, Copy)]
pub(crate) struct Sums<'a> {
    lanes: &'a [f32; LANES],
    n_lanes: usize,
}

impl<'a> Sums<'a> {
    /// The sums of the rows from `first` on of a matrix that has `n_out`.
    pub(crate) fn new(lanes: &'a [f32; LANES], first: usize, n_out: usize) -> Sums<'a> {
        Sums {
            lanes,
            n_lanes: LANES.min(n_out - first),
        }
    }

    pub(crate) fn len(self) -> usize {
        self.n_lanes
    }

    /// Writes them to as many numbers.
    #[inline(always)]
    pub(crate) fn write(self, target: &mut [f32]) {
        match <&mut [f32; LANES]>::try_from(&mut *target) {
            Ok(target) => *target = *self.lanes,
            Err(_) => target.copy_from_slice(&self.lanes[..self.n_lanes]),
        }
    }

    /// Adds them to as many numbers.
    #[inline(always)]
    pub(crate) fn add_to(self, target: &mut [f32]) {
        match <&mut [f32; LANES]>::try_from(&mut *target) {
            Ok(target) => add(target, self.lanes),
            Err(_) => add(target, &self.lanes[..self.n_lanes]),
        }
    }
}

#[inline(always)]
fn add(target: &mut [f32], sums: &[f32]) {
    for (target, sum) in target.iter_mut().zip(sums) {
        *target += sum;
    }
}
