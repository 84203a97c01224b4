//! How alike problems are stated.

use std::collections::{BTreeMap, BTreeSet};

use crate::words::{code_tokens, runs, words};

/// Texts that can be compared with each other: rare words weigh more, and those that every text has weigh nothing.
#[derive(Debug)]
pub(crate) struct Library {
    features: Vec<BTreeSet<String>>,
    weights: BTreeMap<String, f64>,
}

impl Library {
    /// A library of texts.
    pub(crate) fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Library {
        let features: Vec<BTreeSet<String>> = texts.into_iter().map(features).collect();
        let mut n_with: BTreeMap<String, usize> = BTreeMap::new();
        for feature in features.iter().flatten() {
            *n_with.entry(feature.clone()).or_default() += 1;
        }
        let n_texts = features.len() as f64;
        let weights = n_with
            .into_iter()
            .map(|(feature, n)| (feature, (n_texts / n as f64).ln()))
            .collect();
        Library { features, weights }
    }

    /// The other texts, from the most alike down, each with its likeness from 0 to 1; equally like ones in their order.
    pub(crate) fn nearest(&self, to: usize) -> Vec<(usize, f64)> {
        let others = (0..self.features.len()).filter(|at| *at != to);
        let mut found: Vec<(usize, f64)> = others.map(|at| (at, self.likeness(to, at))).collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found
    }

    /// Jaccard's index with weights: what both have, of what one of them has.
    fn likeness(&self, a: usize, b: usize) -> f64 {
        let weigh = |features: &mut dyn Iterator<Item = &String>| -> f64 {
            features
                .filter_map(|feature| self.weights.get(feature))
                .sum()
        };
        let (a, b) = (&self.features[a], &self.features[b]);
        let all = weigh(&mut a.union(b));
        if all == 0.0 {
            return 0.0;
        }
        weigh(&mut a.intersection(b)) / all
    }
}

/// Words, and pairs of neighbours.
fn features(text: &str) -> BTreeSet<String> {
    let words = words(text);
    let mut features = runs(&words, 1);
    features.extend(runs(&words, 2));
    features
}

/// How alike two programs are, from 0 to 1: pairs of neighbouring tokens that both have, of those that one of them has.
pub(crate) fn program_likeness(a: &str, b: &str) -> f64 {
    let (a, b) = (runs(&code_tokens(a), 2), runs(&code_tokens(b), 2));
    let n_all = a.union(&b).count();
    a.intersection(&b).count() as f64 / n_all.max(1) as f64
}

/// Places of a MinHash signature.
const N_HASHES: usize = 128;
/// Words in a shingle of a signature.
const SHINGLE: usize = 5;

/// A MinHash signature (Broder, 1997): the share of equal places estimates Jaccard's index of two texts' shingles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature(Vec<u64>);

impl Signature {
    /// The signature of words.
    pub(crate) fn of(words: &[String]) -> Signature {
        let mut least = vec![u64::MAX; N_HASHES];
        for shingle in runs(words, SHINGLE) {
            let hash = fnv(shingle.as_bytes());
            for (number, least) in (1..).zip(&mut least) {
                *least = (*least).min(mixed(hash, number));
            }
        }
        Signature(least)
    }

    /// From 0 to 1.
    pub(crate) fn likeness(&self, other: &Signature) -> f64 {
        let pairs = self.0.iter().zip(&other.0);
        pairs.filter(|(a, b)| a == b).count() as f64 / N_HASHES as f64
    }
}

/// FNV-1a.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// One of many hashes of a hash: SplitMix64's finish.
fn mixed(hash: u64, number: u64) -> u64 {
    let mut bits = hash.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_words_weigh_more() {
        let library = Library::new([
            "write a function to sort a list of tuples",
            "write a function to check a number",
            "write a function for tuples",
            "write a function to find primes",
        ]);
        assert_eq!(library.nearest(0)[0].0, 2);
    }

    #[test]
    fn signatures_estimate_likeness() {
        let text: Vec<String> = (0..400).map(|n| format!("w{n}")).collect();
        let signature = Signature::of(&text);
        assert_eq!(signature.likeness(&Signature::of(&text)), 1.0);
        let half = signature.likeness(&Signature::of(&text[..200]));
        assert!((0.35..0.65).contains(&half), "{half}");
        let other: Vec<String> = (0..400).map(|n| format!("x{n}")).collect();
        assert!(signature.likeness(&Signature::of(&other)) < 0.1);
    }
}
