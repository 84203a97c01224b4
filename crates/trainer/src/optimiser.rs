//! AdamW, clipping, and the course of the learning rate.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::real::Real;
use crate::rows::wide;

/// Numbers that a thread updates at a time.
const PIECE: usize = 1 << 14;

/// How an optimiser behaves, besides its learning rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWSettings {
    /// How slowly the mean of gradients moves.
    pub beta1: f64,
    /// How slowly the mean of their squares moves.
    pub beta2: f64,
    /// What keeps it from dividing by zero.
    pub epsilon: f64,
    /// What numbers shrink by in each step, times the learning rate.
    pub weight_decay: f64,
}

/// AdamW (Loshchilov and Hutter 2019), as torch computes it.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamW<T> {
    /// How it behaves.
    pub settings: AdamWSettings,
    /// Steps that were taken.
    pub n_steps: u64,
    /// Means of gradients.
    pub means: Vec<T>,
    /// Means of their squares.
    pub squares: Vec<T>,
}

impl<T: Real> AdamW<T> {
    /// An optimiser that has seen nothing, for so many numbers.
    pub fn new(settings: AdamWSettings, n_numbers: usize) -> AdamW<T> {
        AdamW {
            settings,
            n_steps: 0,
            means: vec![T::zero(); n_numbers],
            squares: vec![T::zero(); n_numbers],
        }
    }

    /// Moves the numbers against their gradient.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn step(&mut self, numbers: &mut [T], gradient: &[T], learning_rate: f64) {
        assert!(numbers.len() == self.means.len() && gradient.len() == self.means.len());
        self.n_steps += 1;
        let AdamWSettings {
            beta1,
            beta2,
            epsilon,
            weight_decay,
        } = self.settings;
        let n_steps = self.n_steps as f64;
        let shrink = T::of(1.0 - learning_rate * weight_decay);
        let rate = T::of(learning_rate / (1.0 - beta1.powf(n_steps)));
        let root = T::of((1.0 - beta2.powf(n_steps)).sqrt());
        let epsilon = T::of(epsilon);
        let [beta1, beta2, rest1, rest2] = [beta1, beta2, 1.0 - beta1, 1.0 - beta2].map(T::of);
        numbers
            .par_chunks_mut(PIECE)
            .zip(gradient.par_chunks(PIECE))
            .zip(self.means.par_chunks_mut(PIECE))
            .zip(self.squares.par_chunks_mut(PIECE))
            .for_each(|(((numbers, gradient), means), squares)| {
                wide(|| {
                    let pairs = numbers.iter_mut().zip(gradient);
                    for (((x, &g), mean), square) in pairs.zip(means).zip(squares) {
                        *mean = beta1 * *mean + rest1 * g;
                        *square = beta2 * *square + rest2 * g * g;
                        *x = *x * shrink - rate * *mean / (square.sqrt() / root + epsilon);
                    }
                });
            });
    }
}

/// Shortens a gradient to a norm, as torch does it; gives the norm that it had.
/// The same bits for any number of threads.
pub fn clip<T: Real>(gradient: &mut [T], max_norm: Option<f64>) -> f64 {
    let squares: Vec<f64> = gradient
        .par_chunks(PIECE)
        .map(|piece| piece.iter().map(|x| x.wide() * x.wide()).sum::<f64>())
        .collect();
    let norm = squares.iter().sum::<f64>().sqrt();
    let factor = max_norm.map_or(1.0, |max_norm| max_norm / (norm + 1e-6));
    if factor < 1.0 {
        let factor = T::of(factor);
        gradient.par_chunks_mut(PIECE).for_each(|piece| {
            wide(|| {
                for x in piece {
                    *x *= factor;
                }
            });
        });
    }
    norm
}

/// The course of the learning rate after its warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Half a cosine, down to zero.
    #[default]
    Cosine,
    /// A straight line, down to zero.
    Linear,
    /// As it is.
    #[serde(alias = "constant_with_warmup")]
    Constant,
}

impl Schedule {
    /// The share of the full learning rate in a step, counted from 0. It rises in a straight line from zero
    /// during the warm-up, so the very first step changes nothing, as in `transformers`.
    pub fn share(self, step: u64, n_warmup: u64, n_steps: u64) -> f64 {
        if step < n_warmup {
            return step as f64 / n_warmup as f64;
        }
        let rest = n_steps.saturating_sub(n_warmup).max(1) as f64;
        let progress = ((step - n_warmup) as f64 / rest).min(1.0);
        match self {
            Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
            Schedule::Linear => 1.0 - progress,
            Schedule::Constant => 1.0,
        }
    }
}
