//! What this machine can do at most, to measure a model against.

use std::hint::black_box;
use std::time::Instant;

use crate::kernel::{Isa, Shared, for_each_isa};
use crate::pool::Pool;

/// Speed limits of a machine, as measured with all threads at once: the best of several rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Bytes per second that are read from memory, of a buffer that fits no cache.
    pub memory: f64,
    /// Multiplications and additions of 32-bit floats per second, fused where the processor can.
    pub arithmetic: f64,
}

const N_ROUNDS: usize = 5;
const BUFFER_BYTES: usize = 256 << 20;
const PIECE: usize = 1 << 17;

/// Sums that are kept at the same time, so that the latency of one never holds up the others.
const N_SUMS: usize = 12;
const WIDTH: usize = 16;
const N_STEPS: usize = 1 << 22;

impl Limits {
    /// Measures for some hundred milliseconds.
    pub fn measure(n_threads: usize) -> Limits {
        let mut pool = Pool::new(n_threads.max(1));
        let isa = Isa::detect();
        let buffer = vec![1u64; BUFFER_BYTES / size_of::<u64>()];
        let mut sums = vec![0u64; buffer.len() / PIECE];
        let memory = best(|| {
            let shared = Shared::new(&mut sums);
            pool.run(buffer.len() / PIECE, &|piece| {
                // SAFETY: each piece has a sum of its own.
                let sum = unsafe { shared.slice(piece, 1) };
                add_up(isa, &buffer[piece * PIECE..][..PIECE], &mut sum[0]);
            });
            black_box(&sums);
            BUFFER_BYTES as f64
        });
        let n_threads = pool.n_threads();
        let arithmetic = best(|| {
            pool.run(n_threads, &|_| {
                black_box(multiply_and_add(black_box(0.5)));
            });
            (n_threads * N_STEPS * N_SUMS * WIDTH * 2) as f64
        });
        Limits { memory, arithmetic }
    }
}

/// The best rate of some rounds of work that says how much it was.
fn best(mut work: impl FnMut() -> f64) -> f64 {
    let rates = (0..N_ROUNDS).map(|_| {
        let started = Instant::now();
        let amount = work();
        amount / started.elapsed().as_secs_f64()
    });
    rates.fold(0.0, f64::max)
}

for_each_isa! {
    fn add_up(numbers: &[u64], sum: &mut u64) {
        *sum = numbers.iter().fold(0, |sum, number| sum.wrapping_add(*number));
    }
}

fn multiply_and_add(x: f32) -> f32 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // In so many words: what the compiler makes of a loop over arrays is a hundred times slower here.
            #[target_feature(enable = "avx512f")]
            fn widest(x: f32) -> f32 {
                use std::arch::x86_64::*;
                let x = _mm512_set1_ps(x);
                let mut sums = [x; N_SUMS];
                for _ in 0..N_STEPS {
                    for sum in &mut sums {
                        *sum = _mm512_fmadd_ps(*sum, x, x);
                    }
                }
                let mut total = _mm512_setzero_ps();
                for sum in sums {
                    total = _mm512_add_ps(total, sum);
                }
                _mm512_reduce_add_ps(total)
            }
            // SAFETY: the processor has it.
            return unsafe { widest(x) };
        }
        if is_x86_feature_detected!("fma") && is_x86_feature_detected!("avx2") {
            #[target_feature(enable = "avx2,fma")]
            fn wide(x: f32) -> f32 {
                steps(x, f32::mul_add)
            }
            // SAFETY: the processor has both.
            return unsafe { wide(x) };
        }
    }
    steps(x, |a, b, c| a * b + c)
}

#[inline(always)]
fn steps(x: f32, fused: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let mut sums = [[x; WIDTH]; N_SUMS];
    for _ in 0..N_STEPS {
        for sums in &mut sums {
            for sum in sums {
                *sum = fused(*sum, x, x);
            }
        }
    }
    sums.iter().flatten().sum()
}
