//! The inner loops: products with packed matrices, attention, and the element-wise work between them.
//!
//! Every kernel has a portable form and, on x86-64, a form for processors with AVX2 that is chosen at run time;
//! products and attention have one for AVX-512 too.
//! All give the same bits: integer sums are exact, and floating-point sums are taken in one fixed order; the hot ones
//! round once for a product and its sum, as `f32::mul_add` does everywhere, in software where the processor cannot.
//! For the same reason a row's result does not depend on the rows beside it.

mod attention;
mod elementwise;
mod inputs;
mod low_rank;
mod portable;
mod product;
mod sums;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use attention::{Heads, Place, attend, attention_scores};
pub use elementwise::exp;
pub(crate) use elementwise::{add, rms_norm, rotate, swiglu};
pub(crate) use inputs::Inputs;
pub(crate) use low_rank::{Between, Columns, LowRank, Segment, add_low_rank};
pub(crate) use product::{Line, multiply};

/// What the processor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
    /// Anything that Rust compiles for.
    Portable,
    /// x86-64 with AVX2, FMA and F16C; made only where the processor has all three.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// All of that, and AVX-512 with its products of small integers (F, BW, VL and VNNI).
    #[cfg(target_arch = "x86_64")]
    Avx512 {
        /// And its products of brain floats (BF16), which round as [`f32::mul_add`] does.
        has_brain_floats: bool,
    },
}

impl Isa {
    /// The best that this processor can do.
    pub(crate) fn detect() -> Isa {
        Isa::all().pop().unwrap_or(Isa::Portable)
    }

    /// Everything that this processor can do, the best last.
    pub(crate) fn all() -> Vec<Isa> {
        let mut all = vec![Isa::Portable];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
        {
            all.push(Isa::Avx2);
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vnni")
            {
                all.push(Isa::Avx512 {
                    has_brain_floats: false,
                });
                if is_x86_feature_detected!("avx512bf16") && x86::avx512::fuses_brain_floats() {
                    all.push(Isa::Avx512 {
                        has_brain_floats: true,
                    });
                }
            }
        }
        all
    }

    /// True where brain floats are multiplied by an instruction of their own.
    fn has_brain_floats(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return self
            == Isa::Avx512 {
                has_brain_floats: true,
            };
        #[cfg(not(target_arch = "x86_64"))]
        false
    }
}

/// Compiles a function twice: for any processor, and with AVX2, so that the compiler vectorises its loops widely.
macro_rules! for_each_isa {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $vis fn $name(isa: $crate::kernel::Isa, $($arg: $ty),*) {
            #[inline(always)]
            fn body($($arg: $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,f16c,fma")]
            fn wide($($arg: $ty),*) {
                body($($arg),*)
            }

            match isa {
                $crate::kernel::Isa::Portable => body($($arg),*),
                #[cfg(target_arch = "x86_64")]
                // SAFETY: both are made only where the processor has AVX2, FMA and F16C.
                $crate::kernel::Isa::Avx2 | $crate::kernel::Isa::Avx512 { .. } => unsafe {
                    wide($($arg),*)
                },
            }
        }
    };
}
pub(crate) use for_each_isa;

/// A slice that the pieces of a parallel run write to, each its own part.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T> {
    ptr: *mut T,
    len: usize,
}

// SAFETY: a pointer to `T`s that are sent between threads; `slice` says what its callers owe.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn new(slice: &mut [T]) -> Shared<T> {
        Shared {
            ptr: slice.as_mut_ptr(),
            len: slice.len(),
        }
    }

    /// A part of the slice.
    ///
    /// # Safety
    /// The slice given to `new` is still borrowed by the caller,
    /// and no two parts that are alive at the same time overlap.
    #[expect(
        clippy::mut_from_ref,
        reason = "parts handed to different threads do not overlap"
    )]
    pub(crate) unsafe fn slice(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start <= self.len && len <= self.len - start);
        // SAFETY: inside the slice; not aliased, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.add(start), len) }
    }
}
