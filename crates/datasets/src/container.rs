//! What rows are kept in: plain text, gzip, Zstandard, or Parquet.

use std::io::{self, Read};
use std::panic::AssertUnwindSafe;

use flate2::read::MultiGzDecoder;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use crate::LoadError;

/// A packed file that grows beyond this is refused.
const MAX_UNPACKED_BYTES: u64 = 4 << 30;

/// The endings of names of packed files.
const PACKED: [&str; 3] = [".gz", ".zst", ".zstd"];

/// The name of a file in lowercase letters, without the ending that says how it is packed.
pub(crate) fn plain_name(file: &str) -> String {
    let lower = file.to_ascii_lowercase();
    let packed = PACKED.iter().find_map(|ending| lower.strip_suffix(ending));
    packed.map_or(lower.clone(), str::to_string)
}

/// The text of a file: unpacked where the ending of its name says that it is packed, and as JSON lines where it is Parquet.
///
/// # Errors
/// When the file is damaged, no text, or unpacks to too much.
pub(crate) fn text_of(file: &str, bytes: Vec<u8>) -> Result<String, LoadError> {
    let lower = file.to_ascii_lowercase();
    let damaged = |source| LoadError::Io {
        path: file.into(),
        source,
    };
    let bytes = if lower.ends_with(".gz") {
        unpack(MultiGzDecoder::new(&bytes[..])).map_err(damaged)?
    } else if lower.ends_with(".zst") || lower.ends_with(".zstd") {
        zstd::Decoder::new(&bytes[..])
            .and_then(unpack)
            .map_err(damaged)?
    } else {
        bytes
    };
    if plain_name(file).ends_with(".parquet") {
        return json_lines(bytes).map_err(|reason| damaged(io::Error::other(reason)));
    }
    String::from_utf8(bytes).map_err(|_| LoadError::NotText {
        file: file.to_string(),
    })
}

fn unpack(packed: impl Read) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    packed
        .take(MAX_UNPACKED_BYTES + 1)
        .read_to_end(&mut unpacked)?;
    if unpacked.len() as u64 > MAX_UNPACKED_BYTES {
        return Err(io::Error::other("it unpacks to more than 4 GiB"));
    }
    Ok(unpacked)
}

/// The rows of a Parquet file, a line of JSON each.
fn json_lines(bytes: Vec<u8>) -> Result<String, String> {
    let read = || -> parquet::errors::Result<String> {
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes))?;
        let mut text = String::new();
        for row in reader.get_row_iter(None)? {
            text += &row?.to_json_value().to_string();
            text.push('\n');
        }
        Ok(text)
    };
    // The library panics at some damaged files, which are no fault of this program.
    match std::panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(text) => text.map_err(|error| error.to_string()),
        Err(_) => Err("it is damaged".to_string()),
    }
}
