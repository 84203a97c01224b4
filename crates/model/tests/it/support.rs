use std::path::{Path, PathBuf};

use model::Gguf;
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
