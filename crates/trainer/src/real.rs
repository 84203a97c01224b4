//! The numbers that a pass computes with: 32 bits for training, 64 to check derivatives.

use std::fmt::Debug;

use gemm_common::Parallelism;
use num_traits::{Float, NumAssign};

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

    /// Within 2 units in the last place for |x| < 87; beyond, the value at that bound.
    ///
    /// Source: the range reduction and polynomial of Cephes' `expf`.
    #[inline(always)]
    fn fast_exp(self) -> f32 {
        const ROUND: f32 = 12_582_912.0;
        let x = if self < -87.0 { -87.0 } else { self };
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

    fn borrow_f32(bytes: &[u8]) -> Option<&[f32]> {
        if cfg!(target_endian = "little") {
            bytemuck::try_cast_slice(bytes).ok()
        } else {
            None
        }
    }

    fn gemm() -> Gemm<f32> {
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
