use crate::tokenizer::Tokenizer;

/// Turns tokens into text as they come, whole characters only.
#[derive(Debug, Default, Clone)]
pub struct TextStream {
    text: String,
    /// The beginning of a character whose end has not come yet.
    pending: Vec<u8>,
}

impl TextStream {
    /// Takes a token in. [`TextStream::text`] grows by the characters that it completes.
    pub fn push(&mut self, tokenizer: &Tokenizer, token: u32) {
        self.push_bytes(tokenizer.token_bytes(token));
    }

    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        loop {
            match std::str::from_utf8(&self.pending) {
                Ok(text) => {
                    self.text.push_str(text);
                    self.pending.clear();
                    return;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    self.text
                        .push_str(&String::from_utf8_lossy(&self.pending[..valid]));
                    match error.error_len() {
                        // The rest may still become a character.
                        None => {
                            self.pending.drain(..valid);
                            return;
                        }
                        Some(n_broken) => {
                            self.text.push(char::REPLACEMENT_CHARACTER);
                            self.pending.drain(..valid + n_broken);
                        }
                    }
                }
            }
        }
    }

    /// All whole characters so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text; a character without its end is replaced.
    pub fn finish(mut self) -> String {
        if !self.pending.is_empty() {
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
        self.text
    }
}
