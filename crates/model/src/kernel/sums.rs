/// The sums of the `N` output rows that lie abreast, of which the matrix may have only the first few.
///
/// All go to memory at once, without a loop over a number that the compiler does not know.
#[derive(Clone, Copy)]
pub(crate) struct Sums<'a, const N: usize> {
    lanes: &'a [f32; N],
    n_lanes: usize,
}

impl<'a, const N: usize> Sums<'a, N> {
    /// The sums of the rows from `first` on of a matrix that has `n_out`.
    pub(crate) fn new(lanes: &'a [f32; N], first: usize, n_out: usize) -> Sums<'a, N> {
        Sums {
            lanes,
            n_lanes: N.min(n_out - first),
        }
    }

    pub(crate) fn len(self) -> usize {
        self.n_lanes
    }

    /// Writes them to as many numbers.
    #[inline(always)]
    pub(crate) fn write(self, target: &mut [f32]) {
        match <&mut [f32; N]>::try_from(&mut *target) {
            Ok(target) => *target = *self.lanes,
            Err(_) => target.copy_from_slice(&self.lanes[..self.n_lanes]),
        }
    }

    /// Adds them to as many numbers.
    #[inline(always)]
    pub(crate) fn add_to(self, target: &mut [f32]) {
        match <&mut [f32; N]>::try_from(&mut *target) {
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
