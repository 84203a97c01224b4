use std::fmt;

/// What replaces a secret in text.
const MASK: &str = "[redacted]";

/// Parts of a key from this length on are masked too: servers like to quote a key's beginning and end.
const MIN_PART: usize = 6;

/// A key that never shows itself: neither printed nor in an error.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key; white space around it is dropped.
    pub fn new(key: &str) -> Secret {
        Secret(key.trim().to_string())
    }

    /// The key itself, for the request's header only.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// The text with every part of the key masked.
    pub(crate) fn redact(&self, text: &str) -> String {
        let key = self.0.as_bytes();
        let n_part = MIN_PART.min(key.len());
        if n_part == 0 {
            return text.to_string();
        }
        let bytes = text.as_bytes();
        let mut hidden = vec![false; bytes.len()];
        for (start, part) in bytes.windows(n_part).enumerate() {
            if key.windows(n_part).any(|window| window == part) {
                hidden[start..start + n_part].fill(true);
            }
        }
        let mut shown = String::with_capacity(text.len());
        let mut masked = false;
        for (start, char) in text.char_indices() {
            if !hidden[start] {
                shown.push(char);
            } else if !masked {
                shown.push_str(MASK);
            }
            masked = hidden[start];
        }
        shown
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}
