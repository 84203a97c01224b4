//! The one pickle that LiveCodeBench uses: a single string. Nothing else of Python's format is read, so that no byte of
//! a file can do more than be text.

/// Reads a pickle that holds one string: protocols 2 to 5, whose opcodes are listed in Python's `pickletools`.
///
/// # Errors
/// What else it holds, or where it breaks off.
pub(crate) fn string(bytes: &[u8]) -> Result<String, String> {
    let mut reader = Reader { bytes, at: 0 };
    let mut found: Option<String> = None;
    loop {
        let at = reader.at;
        match reader.byte()? {
            // PROTO
            0x80 => match reader.byte()? {
                2..=5 => {}
                version => return Err(format!("pickle protocol {version} is not read")),
            },
            // FRAME: a length that streams need and we do not.
            0x95 => {
                reader.take(8)?;
            }
            // SHORT_BINUNICODE, BINUNICODE and BINUNICODE8: a length and text.
            opcode @ (0x8c | b'X' | 0x8d) => {
                let width = match opcode {
                    0x8c => 1,
                    b'X' => 4,
                    _ => 8,
                };
                let length = reader.length(width)?;
                let text = std::str::from_utf8(reader.take(length)?)
                    .map_err(|_| format!("the string at byte {at} is not UTF-8"))?;
                if found.replace(text.to_string()).is_some() {
                    return Err(format!("it holds a second value at byte {at}"));
                }
            }
            // MEMOIZE, BINPUT and LONG_BINPUT: a number under which a value could be fetched again.
            0x94 => {}
            b'q' => {
                reader.take(1)?;
            }
            b'r' => {
                reader.take(4)?;
            }
            // STOP
            b'.' => {
                return match (found, reader.at == bytes.len()) {
                    (Some(text), true) => Ok(text),
                    (Some(_), false) => Err(format!("something follows its end at byte {at}")),
                    (None, _) => Err("it holds no string".to_string()),
                };
            }
            opcode => {
                return Err(format!(
                    "it holds something else than a string: opcode 0x{opcode:02x} at byte {at}"
                ));
            }
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let end = self
            .at
            .checked_add(n)
            .filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| format!("it breaks off at byte {}", self.bytes.len()))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    /// A length in little-endian order.
    fn length(&mut self, width: usize) -> Result<usize, String> {
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(self.take(width)?);
        let length = u64::from_le_bytes(bytes);
        usize::try_from(length).map_err(|_| format!("a string of {length} bytes is too long"))
    }
}

#[cfg(test)]
mod tests;
