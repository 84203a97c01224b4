//! Drawing a token from logits.

use crate::kernel::{Isa, for_each_isa};

#[cfg(test)]
mod tests;

/// How tokens are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplerSettings {
    /// Logits are divided by it; 0 takes the largest.
    pub temperature: f32,
    /// Keep this many of the most probable tokens; 0 keeps all.
    pub top_k: usize,
    /// Keep the smallest set of tokens whose probability reaches this; 1 keeps all.
    pub top_p: f32,
    /// Drop tokens less probable than this share of the most probable one; 0 drops none.
    pub min_p: f32,
    /// Seed of the random numbers.
    pub seed: u64,
}

/// Draws the tokens of one reply.
#[derive(Debug, Clone)]
pub struct Sampler {
    settings: SamplerSettings,
    state: u64,
    /// Candidates, most probable first: token and weight.
    candidates: Vec<(u32, f32)>,
}

impl Sampler {
    /// A sampler at the start of its random numbers.
    pub fn new(settings: SamplerSettings) -> Sampler {
        Sampler {
            state: settings.seed,
            settings,
            candidates: Vec::new(),
        }
    }

    /// Draws a token. Temperature comes first, then top-k, top-p and min-p, as vLLM and OpenAI's API do.
    ///
    /// # Panics
    /// When there are no logits.
    pub fn sample(&mut self, logits: &[f32]) -> u32 {
        let SamplerSettings {
            temperature,
            top_k,
            top_p,
            min_p,
            ..
        } = self.settings;
        let best = argmax(logits);
        // Logits that are no numbers leave nothing to draw from.
        let largest = logits[best];
        if temperature <= 0.0 || top_k == 1 || !largest.is_finite() {
            return best as u32;
        }
        let weight = |logit: f32| ((logit - largest) / temperature).exp();

        // Everything below `least` can only be dropped; most of a large vocabulary is.
        let least = if min_p > 0.0 {
            largest + temperature * min_p.min(1.0).ln()
        } else {
            f32::NEG_INFINITY
        };
        let candidates = &mut self.candidates;
        let n_wanted = if top_k == 0 { logits.len() } else { top_k };
        most_probable(logits, least, n_wanted, candidates);
        for (_, value) in candidates.iter_mut() {
            *value = weight(*value);
        }

        let total: f32 = candidates.iter().map(|(_, weight)| weight).sum();
        let mut kept = 0.0;
        if top_p < 1.0 {
            let mut n_kept = 0;
            for (_, weight) in candidates.iter() {
                kept += weight;
                n_kept += 1;
                if kept >= top_p * total {
                    break;
                }
            }
            candidates.truncate(n_kept);
        } else {
            kept = total;
        }
        let mut mark = self.next_uniform() * kept;
        for &(token, weight) in &self.candidates {
            mark -= weight;
            if mark < 0.0 {
                return token;
            }
        }
        self.candidates
            .last()
            .map_or(best as u32, |&(token, _)| token)
    }

    /// A number in [0, 1). Source: Steele, Lea and Flood, SplitMix64 (2014).
    fn next_uniform(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// The place of the largest logit; the first of equals, and never one that is no number.
fn argmax(logits: &[f32]) -> usize {
    assert!(!logits.is_empty(), "logits have a vocabulary");
    let mut largest = f32::NEG_INFINITY;
    raise(Isa::detect(), logits, &mut largest);
    let best = logits.iter().position(|&logit| logit == largest);
    best.unwrap_or(0)
}

for_each_isa! {
    /// Raises a number to the largest logit; what is no number counts for nothing.
    fn raise(logits: &[f32], largest: &mut f32) {
        let mut lanes = [*largest; 32];
        let (chunks, rest) = logits.as_chunks::<32>();
        for chunk in chunks {
            for (lane, &logit) in lanes.iter_mut().zip(chunk) {
                *lane = if logit > *lane { logit } else { *lane };
            }
        }
        for (lane, &logit) in lanes.iter_mut().zip(rest) {
            *lane = if logit > *lane { logit } else { *lane };
        }
        *largest = lanes.into_iter().fold(*largest, f32::max);
    }
}

for_each_isa! {
    /// Whether some logit is at least so large.
    fn reaches(logits: &[f32; 64], least: f32, any: &mut bool) {
        *any = logits.iter().fold(false, |any, &logit| any | (logit >= least));
    }
}

/// Collects the `n` largest logits that are at least `least`, largest first; among equals the lower token comes first.
fn most_probable(logits: &[f32], mut least: f32, n: usize, out: &mut Vec<(u32, f32)>) {
    // Whenever the buffer is full, its lower half goes and the threshold rises: a pass over the logits, hardly a sort.
    let by_rank = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    let capacity = n.saturating_mul(2).min(logits.len());
    out.clear();
    let isa = Isa::detect();
    for (chunk, first) in logits.chunks(64).zip((0u32..).step_by(64)) {
        let mut any = true;
        if let Ok(chunk) = chunk.try_into() {
            reaches(isa, chunk, least, &mut any);
        }
        if !any {
            continue;
        }
        for (token, &logit) in (first..).zip(chunk) {
            if logit >= least {
                out.push((token, logit));
                if out.len() >= capacity && out.len() > n {
                    out.select_nth_unstable_by(n - 1, by_rank);
                    out.truncate(n);
                    least = out[n - 1].1;
                }
            }
        }
    }
    out.sort_unstable_by(by_rank);
    out.truncate(n);
}
