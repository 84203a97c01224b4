//! A text as testlib reads it.

use super::{Outcome, Quit, quoted};

/// An output or an answer, read from its beginning.
pub(super) struct Stream<'a> {
    rest: &'a [u8],
    /// What is malformed here is the fault of the test.
    is_answer: bool,
}

impl<'a> Stream<'a> {
    /// An output; a byte order mark at its beginning is skipped.
    pub(super) fn output(text: &'a [u8]) -> Stream<'a> {
        Stream {
            rest: text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text),
            is_answer: false,
        }
    }

    pub(super) fn answer(text: &'a [u8]) -> Stream<'a> {
        Stream {
            rest: text,
            is_answer: true,
        }
    }

    /// What it means that this text is not in the form that it must have.
    pub(super) fn malformed(&self, message: impl Into<String>) -> Quit {
        Quit {
            outcome: if self.is_answer {
                Outcome::Fail
            } else {
                Outcome::Presentation
            },
            message: if self.is_answer {
                format!("the accepted answer is malformed: {}", message.into())
            } else {
                message.into()
            },
        }
    }

    pub(super) fn eof(&self) -> bool {
        self.rest.is_empty()
    }

    /// Skips white space; true when nothing else is left.
    pub(super) fn seek_eof(&mut self) -> bool {
        let n_blanks = self.rest.iter().take_while(|byte| is_blank(**byte)).count();
        self.rest = &self.rest[n_blanks..];
        self.eof()
    }

    /// The next token.
    pub(super) fn word(&mut self) -> Result<&'a [u8], Quit> {
        if self.seek_eof() {
            return Err(self.malformed("it ends where a token is expected"));
        }
        let n_bytes = self
            .rest
            .iter()
            .take_while(|byte| !is_blank(**byte))
            .count();
        let (word, rest) = self.rest.split_at(n_bytes);
        self.rest = rest;
        Ok(word)
    }

    /// The next line, without its end. A carriage return inside it is dropped, and the byte after it kept as it is.
    pub(super) fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        loop {
            match self.rest {
                [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => {
                    self.rest = rest;
                    return line;
                }
                [b'\r', next, rest @ ..] => {
                    line.push(*next);
                    self.rest = rest;
                }
                // At the end of the text, testlib's mark for the end takes the place of the next byte.
                [b'\r'] => {
                    line.push(0xff);
                    self.rest = &[];
                }
                [byte, rest @ ..] => {
                    line.push(*byte);
                    self.rest = rest;
                }
                [] => return line,
            }
        }
    }

    /// A 64-bit integer without leading zeros.
    pub(super) fn long(&mut self) -> Result<i64, Quit> {
        let word = self.word()?;
        self.long_of(word)
    }

    pub(super) fn long_of(&self, word: &[u8]) -> Result<i64, Quit> {
        std::str::from_utf8(word)
            .ok()
            .filter(|_| super::is_integer(word))
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| self.malformed(format!("expected an int64, found {}", quoted(word))))
    }

    /// A 32-bit integer without leading zeros.
    pub(super) fn int(&mut self) -> Result<i32, Quit> {
        let long = self.long()?;
        i32::try_from(long)
            .map_err(|_| self.malformed(format!("expected an int32, found `{long}`")))
    }

    /// A number in the usual or the exponent notation. Too large ones are infinite.
    /// An exponent without digits is passed over, as the C library does.
    pub(super) fn double(&mut self) -> Result<f64, Quit> {
        let word = self.word()?;
        let is_plain = |byte: &u8| byte.is_ascii_digit() || b".eE+-".contains(byte);
        std::str::from_utf8(word)
            .ok()
            .filter(|_| word.iter().all(is_plain))
            .map(
                |text| match text.trim_end_matches(['+', '-']).strip_suffix(['e', 'E']) {
                    Some(mantissa)
                        if text.len() <= mantissa.len() + 2 && !mantissa.contains(['e', 'E']) =>
                    {
                        mantissa
                    }
                    _ => text,
                },
            )
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.malformed(format!("expected a number, found {}", quoted(word))))
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | b' ' | b'\t')
}
