//! Guessing what comes next from what was there before, for replies that repeat much of their prompt.
//!
//! Source: prompt-lookup decoding (Saxena 2023). A guess is checked by passing it through the decoder together with
//! the latest token, which costs less than passing its tokens one by one; a wrong one costs only time.

use std::collections::HashMap;

#[cfg(test)]
mod tests;

/// Tokens that must have been there before in a row.
const N_GRAM: usize = 3;
/// Tokens of the first guess, and of the longest.
const FIRST: usize = 4;
const LONGEST: usize = 16;
/// The longest pause after guesses that were all wrong, in tokens.
const LONGEST_PAUSE: usize = 64;

/// What was there before, and how well guesses from it did.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// What follows a run of tokens where it was seen last: the place behind it.
    behind: HashMap<[u32; N_GRAM], usize>,
    /// Runs that end at this place or before are known.
    n_known: usize,
    n_guess: usize,
    /// Tokens to wait before the next guess, and how many that was last.
    n_wait: usize,
    n_pause: usize,
}

impl Lookup {
    pub(crate) fn new() -> Lookup {
        Lookup {
            behind: HashMap::new(),
            n_known: N_GRAM - 1,
            n_guess: FIRST,
            n_wait: 0,
            n_pause: 0,
        }
    }

    /// Guesses at most `most` tokens that follow these, which only ever grow.
    pub(crate) fn guess(&mut self, tokens: &[u32], most: usize) -> Vec<u32> {
        if self.n_wait > 0 {
            self.n_wait -= 1;
            return Vec::new();
        }
        // The newest run is looked up before it is known, or it would find itself.
        for end in self.n_known + 1..tokens.len() {
            self.behind.insert(run(tokens, end), end);
            self.n_known = end;
        }
        if tokens.len() < N_GRAM {
            return Vec::new();
        }
        let n = self.n_guess.min(most);
        match self.behind.get(&run(tokens, tokens.len())) {
            Some(&start) => tokens[start..].iter().take(n).copied().collect(),
            None => Vec::new(),
        }
    }

    /// Learns how many tokens of a guess were right, from the first on.
    pub(crate) fn learn(&mut self, n_guessed: usize, n_right: usize) {
        if n_guessed == 0 {
            return;
        }
        if n_right == n_guessed {
            self.n_guess = (2 * self.n_guess).min(LONGEST);
        } else {
            self.n_guess = n_right.max(1);
        }
        self.n_pause = match n_right {
            0 => (2 * self.n_pause + 1).min(LONGEST_PAUSE),
            _ => 0,
        };
        self.n_wait = self.n_pause;
    }
}

/// The run of tokens that ends at a place.
fn run(tokens: &[u32], end: usize) -> [u32; N_GRAM] {
    std::array::from_fn(|i| tokens[end - N_GRAM + i])
}
