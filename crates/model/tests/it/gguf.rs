use model::{ChatTemplate, Decoder, Gguf, Header, Layout, LoadOptions, Tokenizer, Value};
use proptest::prelude::*;

use crate::memory::most_bytes;
use crate::support::{open, tiny_bytes, tiny_patched};

fn load(gguf: &Gguf) -> Result<Decoder, model::ModelError> {
    let options = LoadOptions {
        n_threads: 1,
        layout: Layout::Packed,
    };
    Decoder::load(gguf, &options)
}

#[test]
fn a_file_is_read_as_it_was_written() {
    let gguf = open(&tiny_bytes()).unwrap();
    assert_eq!(gguf.text("general.architecture").unwrap(), Some("qwen2"));
    assert_eq!(gguf.count("qwen2.block_count").unwrap(), Some(2));
    assert_eq!(
        gguf.get("tokenizer.ggml.add_bos_token"),
        Some(&Value::Bool(false))
    );
    let tensor = gguf.tensor("blk.1.ffn_down.weight").unwrap();
    assert_eq!((tensor.n_rows, tensor.n_cols), (64, 96));
    assert_eq!(gguf.tensor_bytes(tensor).len(), 64 * 96 / 32 * 20);
    let decoder = load(&gguf).unwrap();
    assert_eq!(decoder.config().head_dim, 16);
}

#[test]
fn errors_are_one_clear_line() {
    let of_file = |bytes: &[u8]| open(bytes).unwrap_err().to_string();
    let of_model = |from: &[u8], to: &[u8]| {
        let gguf = open(&tiny_patched(from, to)).unwrap();
        load(&gguf).err().unwrap().to_string()
    };
    let tiny = tiny_bytes();
    assert_eq!(of_file(b""), "read the model: not a GGUF file");
    assert_eq!(
        of_file(b"PK\x03\x04 a zip"),
        "read the model: not a GGUF file"
    );
    assert_eq!(
        of_file(b"GGUF\x01\0\0\0"),
        "read the model: GGUF version 1 is not supported, only 2 and 3"
    );
    assert_eq!(
        of_file(&tiny[..12]),
        "read the model: the file is truncated (it ends inside the header)"
    );
    let error = of_file(&tiny[..tiny.len() - 40]);
    assert!(
        error.starts_with("read the model: the file is truncated (tensor `"),
        "{error}"
    );
    let mut absurd = tiny.clone();
    absurd[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(
        of_file(&absurd),
        "read the model: the file is truncated (it declares 18446744073709551615 tensors, which cannot fit into it)"
    );
    assert_eq!(
        of_model(b"\x05\0\0\0\0\0\0\0qwen2", b"\x05\0\0\0\0\0\0\0mamba"),
        "load the model: architecture `mamba` is not supported, only llama and qwen2"
    );
    assert_eq!(
        of_model(b"qwen2.block_count", b"qwen2.block_c0unt"),
        "read the model: `qwen2.block_count` is missing"
    );
    assert_eq!(
        of_model(b"blk.1.ffn_up.weight", b"blk.1.ffn_ip.weight"),
        "read the model: `blk.1.ffn_up.weight` is missing"
    );
    let missing = Gguf::open("no-such-model.gguf".as_ref())
        .unwrap_err()
        .to_string();
    assert!(
        missing.starts_with("open no-such-model.gguf: "),
        "{missing}"
    );
}

#[test]
fn an_unknown_format_is_named() {
    let tiny = tiny_bytes();
    // The entry of a tensor: name, two dimensions, format.
    let at = crate::support::find(&tiny, b"token_embd.weight") + 17 + 4 + 16;
    let mut changed = tiny.clone();
    changed[at..at + 4].copy_from_slice(&20u32.to_le_bytes());
    assert_eq!(
        open(&changed).unwrap_err().to_string(),
        "read the model: tensor `token_embd.weight` has the unsupported format IQ4_NL"
    );
}

/// Everything that reads a file, on bytes that nobody vouches for. Whatever they say, memory stays within what the file
/// itself could fill.
fn read_all(bytes: &[u8]) {
    let n_bytes = most_bytes(|| {
        let Ok(gguf) = open(bytes) else { return };
        let _ = load(&gguf);
        let _ = Tokenizer::load(&gguf);
        let _ = ChatTemplate::load(&gguf);
    });
    assert!(n_bytes < MOST_BYTES, "{n_bytes} bytes");
}

/// Several times what the whole file takes.
const MOST_BYTES: usize = 4 << 20;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_mutated_file_gives_an_error_or_a_model(
        edits in proptest::collection::vec((0usize..20_000, any::<u8>()), 1..6),
        cut in proptest::option::of(0usize..160_000),
    ) {
        let mut bytes = tiny_bytes();
        for (at, byte) in edits {
            let n_bytes = bytes.len();
            bytes[at % n_bytes] = byte;
        }
        bytes.truncate(cut.unwrap_or(bytes.len()));
        read_all(&bytes);
    }

    /// Large numbers where small ones belong: counts, lengths, dimensions, offsets.
    #[test]
    fn absurd_numbers_give_an_error_or_a_model(at in 0usize..16_000, n in prop_oneof![
        Just(u64::MAX), Just(u64::MAX / 2), Just(1u64 << 40), Just(1u64 << 32), Just(1u64 << 31), any::<u64>(),
    ]) {
        let mut bytes = tiny_bytes();
        bytes[at..at + 8].copy_from_slice(&n.to_le_bytes());
        read_all(&bytes);
    }

    #[test]
    fn arbitrary_bytes_are_no_header(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend(bytes);
        let n_bytes = most_bytes(|| drop(Header::parse(&file)));
        prop_assert!(n_bytes < 64 << 10, "{n_bytes} bytes");
    }
}
