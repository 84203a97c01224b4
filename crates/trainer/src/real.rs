//! The numbers that a pass computes with: 32 bits for training, 64 to check derivatives.

use std::fmt::Debug;

use gemm_common::Parallelism;
use num_traits::{Float, NumAssign};

#[cfg(target_arch = "x86_64")]
mod avx2;

/// What matrix products take: sizes, places with their strides (columns first), factors, and threads.
type Gemm<T> = unsafe fn(
    usize,
    usize,
    usize,
    *mut T,
    isize,
    isize,
    bool,
    *const T,
    isize,
    isize,
    *const T,
    isize,
    isize,
    T,
    T,
    bool,
    bool,
    bool,
    Parallelism,
);

/// A floating-point number that passes can be computed with: `f32` or `f64`.
pub trait Real: Float + NumAssign + Default + Debug + Send + Sync + 'static {
    /// The nearest number of this kind.
    fn of(x: f64) -> Self;

    /// The number in 64 bits.
    fn wide(self) -> f64;

    /// `e^x`, in a form that compilers vectorise where speed matters.
    fn fast_exp(self) -> Self;

    /// Stored little-endian 32-bit floats as they lie, where no number needs to change for that.
    #[doc(hidden)]
    fn borrow_f32(bytes: &[u8]) -> Option<&[Self]>;

    /// The function that multiplies matrices.
    #[doc(hidden)]
    fn gemm() -> Gemm<Self>;
}

impl Real for f32 {
    fn of(x: f64) -> f32 {
        x as f32
    }

    fn wide(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn fast_exp(self) -> f32 {
        model::exp(self)
    }

    fn borrow_f32(bytes: &[u8]) -> Option<&[f32]> {
        if cfg!(target_endian = "little") {
            bytemuck::try_cast_slice(bytes).ok()
        } else {
            None
        }
    }

    fn gemm() -> Gemm<f32> {
        #[cfg(target_arch = "x86_64")]
        if avx2::is_here() {
            return avx2::multiply;
        }
        gemm_f32::gemm::f32::get_gemm_fn()
    }
}

impl Real for f64 {
    fn of(x: f64) -> f64 {
        x
    }

    fn wide(self) -> f64 {
        self
    }

    fn fast_exp(self) -> f64 {
        self.exp()
    }

    fn borrow_f32(_: &[u8]) -> Option<&[f64]> {
        None
    }

    fn gemm() -> Gemm<f64> {
        gemm_f64::gemm::f64::get_gemm_fn()
    }
}
