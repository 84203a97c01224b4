use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, written as 64 lowercase hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Digest {
        Digest(hex(&Sha256::digest(bytes.as_ref())))
    }

    /// The digest of everything that a reader yields, without holding it in memory.
    ///
    /// # Errors
    /// Whatever the reader fails with.
    pub fn of_reader(mut reader: impl std::io::Read) -> std::io::Result<Digest> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n_bytes = reader.read(&mut buffer)?;
            if n_bytes == 0 {
                return Ok(Digest(hex(&hasher.finalize())));
            }
            hasher.update(&buffer[..n_bytes]);
        }
    }

    /// The digest of a value's JSON form.
    /// Give it structs and sequences only: their order is fixed, that of a hash map is not.
    ///
    /// # Panics
    /// When the value has no JSON form, such as a map with keys that are not strings.
    pub fn of_json(value: &impl Serialize) -> Digest {
        Digest::of(serde_json::to_vec(value).expect("plain data has a JSON form"))
    }

    /// A digest from its 64 hexadecimal digits; absent when the text is none.
    pub fn from_hex(text: &str) -> Option<Digest> {
        let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| Digest(text.to_ascii_lowercase()))
    }

    /// The 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits: enough to tell things apart when printed.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string succeeds");
        text
    })
}
