use std::path::{Path, PathBuf};

use model::{Gguf, Header};
use serde::de::DeserializeOwned;

/// A file beside the script that made it.
pub(crate) fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/reference")
        .join(name)
}

pub(crate) fn json<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&std::fs::read(reference(name)).unwrap()).unwrap()
}

/// The default model, where it is; else says that a test is skipped.
#[expect(
    clippy::disallowed_methods,
    reason = "tests find the model by the environment"
)]
pub(crate) fn default_model() -> Option<Gguf> {
    let name = "mapcoder/models/SmolLM2-135M-Instruct.Q4_1.gguf";
    let cache = || {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
        Some(cache.or_else(home)?.join(name))
    };
    let path = std::env::var_os("MAPCODER_TEST_MODEL")
        .map(PathBuf::from)
        .or_else(cache)
        .filter(|path| path.is_file());
    if path.is_none() {
        println!("skipped: no default model; set MAPCODER_TEST_MODEL to its file");
    }
    path.map(|path| Gguf::open(&path).unwrap())
}

pub(crate) fn tiny_bytes() -> Vec<u8> {
    std::fs::read(reference("tiny-qwen2.gguf")).unwrap()
}

/// A file with these bytes, opened.
pub(crate) fn open(bytes: &[u8]) -> Result<Gguf, model::GgufError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Gguf::open(file.path())
}

/// The tiny model with another string under a key. Its tensors are out of place then.
pub(crate) fn tiny_with_text(key: &str, value: &str) -> Gguf {
    let bytes = tiny_bytes();
    let at = find(&bytes, key.as_bytes()) + key.len() + 4;
    let old_len = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let mut changed = bytes[..at].to_vec();
    changed.extend((value.len() as u64).to_le_bytes());
    changed.extend(value.as_bytes());
    changed.extend(&bytes[at + 8 + old_len..]);
    changed.extend([0; 64]);
    open(&changed).unwrap()
}

/// A value under a key that the tiny model does not have.
pub(crate) enum Entry<'a> {
    Real(f32),
    Text(&'a str),
}

/// The tiny model with more entries, and with a vector of 32-bit floats where one is given.
pub(crate) fn tiny_with(entries: &[(&str, Entry<'_>)], vector: Option<(&str, &[f32])>) -> Gguf {
    let old = tiny_bytes();
    let header = Header::parse(&old).unwrap();
    let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    // Entries of tensors: name, number of dimensions, dimensions, format, offset.
    let places = header.tensors.keys().map(|name| {
        let at = find(&old, &text(name)) + 8 + name.len();
        let n_dimensions = u32::from_le_bytes(old[at..at + 4].try_into().unwrap());
        at + 4 + 8 * n_dimensions as usize + 4 + 8
    });
    let end = places.max().unwrap();
    let data = &old[end.next_multiple_of(32)..];

    let mut new = old[..8].to_vec();
    new.extend((header.tensors.len() as u64 + u64::from(vector.is_some())).to_le_bytes());
    new.extend(((header.metadata.len() + entries.len()) as u64).to_le_bytes());
    for (key, entry) in entries {
        new.extend(text(key));
        match entry {
            Entry::Real(x) => {
                new.extend(6u32.to_le_bytes());
                new.extend(x.to_le_bytes());
            }
            Entry::Text(value) => {
                new.extend(8u32.to_le_bytes());
                new.extend(text(value));
            }
        }
    }
    new.extend(&old[24..end]);
    if let Some((name, numbers)) = vector {
        new.extend(text(name));
        new.extend(1u32.to_le_bytes());
        new.extend((numbers.len() as u64).to_le_bytes());
        new.extend(0u32.to_le_bytes());
        new.extend((data.len().next_multiple_of(32) as u64).to_le_bytes());
    }
    new.resize(new.len().next_multiple_of(32), 0);
    let data_start = new.len();
    new.extend(data);
    new.resize(data_start + data.len().next_multiple_of(32), 0);
    let numbers = vector.map_or(&[][..], |(_, numbers)| numbers);
    new.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
    open(&new).unwrap()
}

/// The tiny model with some bytes replaced by as many others, once.
pub(crate) fn tiny_patched(from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = tiny_bytes();
    let at = find(&bytes, from);
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
        .unwrap()
}
