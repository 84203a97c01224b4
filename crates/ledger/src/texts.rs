use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use rusqlite::{Connection, OptionalExtension as _};
use sha2::{Digest as _, Sha256};

use crate::error::corrupt;

/// Texts shorter than this are stored as they are.
const MIN_COMPRESSED: usize = 256;

/// More than zlib can shrink anything; a size beyond it is damaged.
const MAX_RATIO: usize = 1100;

const PLAIN: i64 = 0;
const ZLIB: i64 = 1;

thread_local! {
    // Their tables are far larger than most texts, so each thread keeps its own.
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), true));
    static DECOMPRESS: RefCell<Decompress> = RefCell::new(Decompress::new(true));
}

/// A text on its way into the database.
pub(crate) enum Text {
    /// It is there, under this id.
    Known(i64),
    /// It may have to be stored.
    New { digest: [u8; 32], packed: Packed },
}

/// A text as it is stored.
pub(crate) struct Packed {
    pub(crate) codec: i64,
    pub(crate) size: i64,
    pub(crate) data: Vec<u8>,
}

impl Packed {
    /// Compresses a text where that makes it smaller.
    pub(crate) fn new(text: &str) -> Packed {
        let size = i64::try_from(text.len()).unwrap_or(i64::MAX);
        if text.len() >= MIN_COMPRESSED
            && let Some(data) = compress(text.as_bytes())
        {
            return Packed {
                codec: ZLIB,
                size,
                data,
            };
        }
        Packed {
            codec: PLAIN,
            size,
            data: text.as_bytes().to_vec(),
        }
    }
}

/// The text again.
///
/// # Errors
/// When the bytes are not what [`Packed::new`] made.
pub(crate) fn unpack(codec: i64, size: i64, data: Vec<u8>) -> rusqlite::Result<String> {
    let damaged = |what| corrupt(std::io::Error::other(what));
    let size = usize::try_from(size).map_err(corrupt)?;
    let bytes = match codec {
        PLAIN => data,
        ZLIB => decompress(&data, size).ok_or_else(|| damaged("text that cannot be unpacked"))?,
        _ => return Err(damaged("text of an unknown codec")),
    };
    if bytes.len() != size {
        return Err(damaged("text of a wrong length"));
    }
    String::from_utf8(bytes).map_err(corrupt)
}

/// The bytes in zlib's format, when that is shorter.
fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut packed = Vec::with_capacity(bytes.len() - 1);
    let status = COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        compress.compress_vec(bytes, &mut packed, FlushCompress::Finish)
    });
    // It fills no more than the capacity.
    packed.shrink_to_fit();
    matches!(status, Ok(Status::StreamEnd)).then_some(packed)
}

/// The reverse of [`compress`]; nothing unless the result has the expected size.
fn decompress(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    if size > packed.len().saturating_mul(MAX_RATIO) {
        return None;
    }
    let mut bytes = Vec::with_capacity(size);
    let status = DECOMPRESS.with_borrow_mut(|decompress| {
        decompress.reset(true);
        decompress.decompress_vec(packed, &mut bytes, FlushDecompress::Finish)
    });
    (matches!(status, Ok(Status::StreamEnd)) && bytes.len() == size).then_some(bytes)
}

/// Gets a text ready outside of the writer's thread: compressed only when the database does not have it.
pub(crate) fn prepare(connection: &Connection, text: &str) -> rusqlite::Result<Text> {
    let digest = <[u8; 32]>::from(Sha256::digest(text.as_bytes()));
    Ok(match find(connection, &digest)? {
        Some(id) => Text::Known(id),
        None => Text::New {
            digest,
            packed: Packed::new(text),
        },
    })
}

/// Stores a text if it is not there, and returns its id.
pub(crate) fn store(connection: &Connection, text: &Text) -> rusqlite::Result<i64> {
    let (digest, packed) = match text {
        Text::Known(id) => return Ok(*id),
        Text::New { digest, packed } => (digest, packed),
    };
    if let Some(id) = find(connection, digest)? {
        return Ok(id);
    }
    connection
        .prepare_cached("INSERT INTO texts (digest, codec, size, data) VALUES (?, ?, ?, ?)")?
        .insert((digest, packed.codec, packed.size, &packed.data))
}

/// Reads a text by its id.
pub(crate) fn load(connection: &Connection, id: i64) -> rusqlite::Result<String> {
    let (codec, size, data) = connection
        .prepare_cached("SELECT codec, size, data FROM texts WHERE id = ?")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    unpack(codec, size, data)
}

fn find(connection: &Connection, digest: &[u8; 32]) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM texts WHERE digest = ?")?
        .query_row([digest], |row| row.get(0))
        .optional()
}
