use std::collections::HashMap;
use std::path::{Path, PathBuf};

use model::{
    ChatMessage, ChatTemplate, Decoder, Folder, Layout, LoadOptions, ModelError, Source, Tokenizer,
};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::decoder::{best, run};
use crate::memory::most_bytes;
use crate::support::{self, reference};

/// What `tests/reference/folders.py` computed; its `--check` compares it with `transformers`.
#[derive(Deserialize)]
struct Case {
    name: String,
    texts: Vec<Text>,
    starts: Vec<u32>,
    ends: Vec<u32>,
    chats: Vec<Chat>,
    tokens: Vec<u32>,
    logits: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    tokens: Vec<u32>,
}

#[derive(Deserialize)]
struct Chat {
    messages: Vec<HashMap<String, String>>,
    rendered: String,
    tokens: Vec<u32>,
}

fn cases() -> Vec<(Case, Folder)> {
    let cases: Vec<Case> = support::json("folders.json");
    assert_eq!(cases.len(), 2);
    cases
        .into_iter()
        .map(|case| {
            let folder = Folder::open(&reference(&case.name)).unwrap();
            (case, folder)
        })
        .collect()
}

fn options(layout: Layout) -> LoadOptions {
    LoadOptions {
        n_threads: 1,
        layout,
    }
}

/// Llama (F16, tied, one file, stretched as Llama 3.1) and Qwen2 (BF16, biases, two files, stretched evenly).
#[test]
fn logits_are_those_of_the_reference() {
    for (case, folder) in cases() {
        for (layout, tolerance) in [
            // Keys and values are in 16 bits in any case.
            (Layout::Float, 0.002),
            (Layout::Packed, 0.05),
            (Layout::EightBit, 0.05),
            (Layout::FourBit, 0.7),
        ] {
            let mut decoder = Decoder::load(&folder, &options(layout)).unwrap();
            let n_bytes = Decoder::planned_bytes(&folder, layout).unwrap();
            assert_eq!(decoder.n_bytes(), n_bytes, "{} {layout:?}", case.name);
            let logits = run(&mut decoder, &case.tokens, case.tokens.len(), 9);
            let (mut errors, mut squares) = (0.0, 0.0);
            for (position, expected) in [0, 50, 99].into_iter().zip(&case.logits) {
                for (value, expected) in logits[position].iter().step_by(7).zip(expected) {
                    errors += (value - expected).powi(2);
                    squares += expected.powi(2);
                }
            }
            let error = (errors / squares).sqrt();
            println!("{} {layout:?}: relative error {error}", case.name);
            assert!(error < tolerance, "{} {layout:?}: {error}", case.name);
        }
    }
}

#[test]
fn tokens_and_conversations_are_those_of_the_reference() {
    for (case, folder) in cases() {
        let tokenizer = Tokenizer::load(&folder).unwrap();
        assert_eq!(tokenizer.ends(), case.ends, "{}", case.name);
        for Text { text, tokens } in &case.texts {
            assert_eq!(tokenizer.encode(text).unwrap(), *tokens, "{text:?}");
            let whole = tokenizer.encode_with_control(text).unwrap();
            assert_eq!(whole, [case.starts.as_slice(), tokens].concat(), "{text:?}");
        }
        let template = ChatTemplate::load(&folder).unwrap();
        for chat in &case.chats {
            let messages: Vec<ChatMessage> = chat
                .messages
                .iter()
                .map(|message| ChatMessage {
                    role: message["role"].clone(),
                    content: message["content"].clone(),
                })
                .collect();
            let rendered = template.render(&messages, &tokenizer).unwrap();
            assert_eq!(rendered, chat.rendered);
            assert_eq!(template.encode(&messages, &tokenizer).unwrap(), chat.tokens);
        }
    }
}

/// A copy of a tiny folder that a test may spoil.
struct Copy(tempfile::TempDir);

impl Copy {
    fn of(name: &str) -> Copy {
        let copy = tempfile::tempdir().unwrap();
        for entry in reference(name).read_dir().unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        Copy(copy)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// Sets a key of a JSON file; null removes it.
    fn set(&self, file: &str, key: &str, value: Value) {
        let text = std::fs::read(self.path(file)).unwrap();
        let mut json: Value = serde_json::from_slice(&text).unwrap();
        json[key] = value;
        std::fs::write(self.path(file), json.to_string()).unwrap();
    }

    fn error(&self) -> String {
        match load_all(self.0.path()) {
            Err(error) => error,
            Ok(()) => panic!("the folder was loaded"),
        }
    }
}

/// Everything that reads a folder.
fn load_all(path: &Path) -> Result<(), String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let folder = Folder::open(path).map_err(|error| text(&error))?;
    Decoder::load(&folder, &options(Layout::Packed)).map_err(|error| text(&error))?;
    let tokenizer = Tokenizer::load(&folder).map_err(|error| text(&error))?;
    ChatTemplate::load(&folder).map_err(|error| text(&error))?;
    tokenizer
        .encode("some text")
        .map_err(|error| text(&error))?;
    Ok(())
}

#[test]
fn settings_that_are_not_known_are_named_with_their_values() {
    let of_config = |name: &str, key: &str, value: Value| {
        let copy = Copy::of(name);
        copy.set("config.json", key, value);
        copy.error()
    };
    for (name, key, value, expected) in [
        (
            "tiny-llama",
            "rope_scaling",
            json!({"rope_type": "yarn", "factor": 4.0}),
            "`rope_scaling.rope_type` is yarn",
        ),
        (
            "tiny-llama",
            "rope_scaling",
            json!({"type": "dynamic", "factor": 4.0}),
            "`rope_scaling.rope_type` is dynamic",
        ),
        (
            "tiny-llama",
            "rope_parameters",
            json!({"full_attention": {"rope_type": "default"}}),
            "`rope_parameters` is {\"full_attention\":{\"rope_type\":\"default\"}}",
        ),
        (
            "tiny-qwen2",
            "use_sliding_window",
            json!(true),
            "`use_sliding_window` is true",
        ),
        (
            "tiny-qwen2",
            "layer_types",
            json!(["full_attention", "sliding_attention"]),
            "`layer_types` is \"sliding_attention\"",
        ),
        (
            "tiny-llama",
            "attention_bias",
            json!(true),
            "`attention_bias` is true",
        ),
        ("tiny-llama", "mlp_bias", json!(true), "`mlp_bias` is true"),
        (
            "tiny-llama",
            "hidden_act",
            json!("gelu"),
            "`hidden_act` is \"gelu\"",
        ),
        (
            "tiny-llama",
            "partial_rotary_factor",
            json!(0.5),
            "`partial_rotary_factor` is 0.5",
        ),
        (
            "tiny-llama",
            "quantization_config",
            json!({"quant_method": "gptq", "bits": 4}),
            "`quantization_config` is \"gptq\"",
        ),
        (
            "tiny-llama",
            "architectures",
            json!(["LlamaForSequenceClassification"]),
            "`architectures` is [\"LlamaForSequenceClassification\"]",
        ),
    ] {
        assert_eq!(
            of_config(name, key, value),
            format!("read the model: {expected} in config.json, which is not supported")
        );
    }
    assert_eq!(
        of_config("tiny-llama", "model_type", json!("mamba")),
        "load the model: architecture `mamba` is not supported, only llama and qwen2"
    );
    assert_eq!(
        of_config("tiny-llama", "hidden_size", json!(-64)),
        "read the model: invalid config.json (`hidden_size` is not a count)"
    );
    assert_eq!(
        of_config("tiny-llama", "hidden_size", Value::Null),
        "read the model: invalid config.json (`hidden_size` is missing)"
    );
    assert_eq!(
        of_config("tiny-llama", "intermediate_size", json!(96)),
        "load the model: tensor `model.layers.0.mlp.gate_proj.weight` has shape (64, 64) instead of (96, 64)"
    );
    assert_eq!(
        of_config("tiny-llama", "tie_word_embeddings", json!(false)),
        "read the model: `lm_head.weight` is missing"
    );
    assert_eq!(
        of_config("tiny-llama", "num_hidden_layers", json!(1)),
        "read the model: tensor `model.layers.1.input_layernorm.weight` in model.safetensors is not supported"
    );
    let of_tokenizer = |key: &str, value: Value| {
        let copy = Copy::of("tiny-llama");
        copy.set("tokenizer.json", key, value);
        copy.error()
    };
    assert_eq!(
        of_tokenizer("model", json!({"type": "Unigram"})),
        "read the model: `model.type` is Unigram in tokenizer.json, which is not supported"
    );
    assert_eq!(
        of_tokenizer("pre_tokenizer", json!({"type": "Metaspace"})),
        "read the model: `pre_tokenizer` is \"Metaspace\" in tokenizer.json, which is not supported"
    );
    assert_eq!(
        of_tokenizer("normalizer", json!({"type": "Lowercase"})),
        "read the model: `normalizer` is \"Lowercase\" in tokenizer.json, which is not supported"
    );
}

#[test]
fn missing_and_damaged_files_are_named() {
    let without = |file: &str| {
        let copy = Copy::of("tiny-qwen2");
        std::fs::remove_file(copy.path(file)).unwrap();
        copy.error()
    };
    assert_eq!(
        without("config.json"),
        "read the model: the folder has no config.json"
    );
    assert_eq!(
        without("model.safetensors.index.json"),
        "read the model: the folder has no model.safetensors"
    );
    assert_eq!(
        without("tokenizer.json"),
        "read the model: the folder has no tokenizer.json"
    );
    let error = without("model-00002-of-00002.safetensors");
    assert!(
        error.starts_with("open ") && error.contains("model-00002-of-00002"),
        "{error}"
    );

    let with_weights = |change: &dyn Fn(&mut Vec<u8>)| {
        let copy = Copy::of("tiny-llama");
        let path = copy.path("model.safetensors");
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(path, bytes).unwrap();
        copy.error()
    };
    let invalid = "read the model: invalid model.safetensors (";
    for change in [
        &|bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1),
        &|bytes: &mut Vec<u8>| bytes.truncate(100),
        &|bytes: &mut Vec<u8>| bytes.clear(),
        &|bytes: &mut Vec<u8>| bytes.push(0),
        &|bytes: &mut Vec<u8>| bytes[..8].fill(0xff),
        &|bytes: &mut Vec<u8>| bytes[8] = b'[',
    ] as [&dyn Fn(&mut Vec<u8>); 6]
    {
        let error = with_weights(change);
        assert!(error.starts_with(invalid), "{error}");
    }
    let replaced = |from: &'static [u8], to: &'static [u8]| {
        with_weights(&move |bytes| {
            let at = support::find(bytes, from);
            bytes[at..at + from.len()].copy_from_slice(to);
        })
    };
    assert_eq!(
        replaced(b"\"F16\"", b"\"I16\""),
        "read the model: tensor `model.embed_tokens.weight` in model.safetensors has the unsupported format I16"
    );
    assert_eq!(
        replaced(b"1.self_attn.q_proj.weight", b"1.self_attn.q_norm.weight"),
        "read the model: tensor `model.layers.1.self_attn.q_norm.weight` in model.safetensors is not supported"
    );
    // Two tensors at one place.
    let overlap = replaced(b"\"data_offsets\":[45568", b"\"data_offsets\":[45560");
    assert!(overlap.starts_with(invalid), "{overlap}");

    let copy = Copy::of("tiny-qwen2");
    let map = json!({"lm_head.weight": "../../etc/x.safetensors"});
    copy.set("model.safetensors.index.json", "weight_map", map);
    assert_eq!(
        copy.error(),
        "read the model: invalid model.safetensors.index.json (`../../etc/x.safetensors` is no name of a file)"
    );
}

#[test]
fn templates_are_found_where_transformers_puts_them() {
    let copy = Copy::of("tiny-llama");
    let template = || Folder::open(copy.0.path()).unwrap().chat_template();
    copy.set(
        "tokenizer_config.json",
        "chat_template",
        json!([
            {"name": "tools", "template": "t"}, {"name": "default", "template": "from the list"},
        ]),
    );
    assert!(
        template().unwrap().contains("bos_token"),
        "the file of its own comes first"
    );
    std::fs::remove_file(copy.path("chat_template.jinja")).unwrap();
    assert_eq!(template().unwrap(), "from the list");
    std::fs::write(
        copy.path("chat_template.json"),
        r#"{"chat_template": "old"}"#,
    )
    .unwrap();
    assert_eq!(template().unwrap(), "old");
    std::fs::remove_file(copy.path("chat_template.json")).unwrap();
    copy.set("tokenizer_config.json", "chat_template", Value::Null);
    assert!(template().is_err());
}

/// The default model's own weights as a folder of floats, made by `tests/reference/unpack.py`.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "tests find the folder by the environment"
)]
fn the_default_model_as_a_folder_is_the_same_model() {
    let Some(path) = std::env::var_os("MAPCODER_TEST_FOLDER") else {
        println!("skipped: no folder; make it with `unpack.py` and set MAPCODER_TEST_FOLDER");
        return;
    };
    let Some(gguf) = support::default_model() else {
        return;
    };
    let folder = Folder::open(path.as_ref()).unwrap();
    let [ours, theirs] = [&folder as &dyn Source, &gguf].map(|source| {
        let tokenizer = Tokenizer::load(source).unwrap();
        let template = ChatTemplate::load(source).unwrap();
        let message = ChatMessage {
            role: "user".to_string(),
            content: "Write a Python function that adds 12 and 345.".to_string(),
        };
        let tokens = template.encode(&[message], &tokenizer).unwrap();
        let mut decoder = Decoder::load(source, &options(Layout::Float)).unwrap();
        let logits = run(&mut decoder, &tokens, tokens.len(), 64);
        (tokens, tokenizer.ends().to_vec(), logits)
    });
    assert_eq!(ours.0, theirs.0);
    assert_eq!(ours.1, theirs.1);
    let pairs = ours.2.iter().flatten().zip(theirs.2.iter().flatten());
    let worst = pairs.fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()));
    println!(
        "{} tokens: largest difference of logits {worst}",
        ours.0.len()
    );
    assert!(worst < 2e-3, "{worst}");

    // In 8 bits a folder's greedy reply is that of its floats.
    let greedy = |layout| {
        let mut decoder = Decoder::load(&folder, &options(layout)).unwrap();
        let mut tokens = ours.0.clone();
        for _ in 0..12 {
            let logits = run(&mut decoder, &tokens, 1, 64).remove(0);
            tokens.push(best(&logits));
        }
        (decoder.n_bytes(), tokens)
    };
    let (float_bytes, float) = greedy(Layout::Float);
    let (packed_bytes, packed) = greedy(Layout::Packed);
    println!("weights: {float_bytes} bytes in floats, {packed_bytes} in 8 bits");
    assert_eq!(packed, float);
}

/// Files of tiny folders, each of which is read.
const FILES: [(&str, &str); 8] = [
    ("tiny-llama", "config.json"),
    ("tiny-llama", "generation_config.json"),
    ("tiny-llama", "model.safetensors"),
    ("tiny-llama", "tokenizer.json"),
    ("tiny-llama", "tokenizer_config.json"),
    ("tiny-llama", "chat_template.jinja"),
    ("tiny-qwen2", "model.safetensors.index.json"),
    ("tiny-qwen2", "model-00002-of-00002.safetensors"),
];

/// Several times what a whole folder takes.
const MOST_BYTES: usize = 16 << 20;

/// Reads a folder that nobody vouches for. Whatever it says, memory stays within what its files could fill.
fn within_memory(path: &Path) -> Result<(), String> {
    let mut outcome = Ok(());
    let n_bytes = most_bytes(|| outcome = load_all(path));
    assert!(n_bytes < MOST_BYTES, "{n_bytes} bytes");
    outcome
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_mutated_folder_gives_an_error_or_a_model(
        (folder, file) in prop::sample::select(&FILES[..]),
        edits in proptest::collection::vec((0usize..20_000, any::<u8>()), 1..6),
        cut in proptest::option::of(0usize..160_000),
    ) {
        let copy = Copy::of(folder);
        let mut bytes = std::fs::read(copy.path(file)).unwrap();
        let n_bytes = bytes.len();
        for (at, byte) in edits {
            bytes[at % n_bytes] = byte;
        }
        bytes.truncate(cut.unwrap_or(n_bytes));
        std::fs::write(copy.path(file), bytes).unwrap();
        let _ = within_memory(copy.0.path());
    }

    /// Any shape, any place: nothing is read beyond the file, and nothing large is reserved.
    #[test]
    fn absurd_headers_are_errors(
        shape in proptest::collection::vec(prop_oneof![0usize..100, Just(1 << 31), Just(1 << 40), Just(usize::MAX / 4)], 0..4),
        start in 0usize..200,
        end in prop_oneof![0usize..200, Just(1 << 40), Just(usize::MAX / 4)],
        n_bytes in 0usize..200,
        length in prop_oneof![Just(None), any::<u64>().prop_map(Some), (0u64..300).prop_map(Some)],
    ) {
        let header = json!({"model.norm.weight": {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}});
        let header = header.to_string().into_bytes();
        let mut bytes = length.unwrap_or(header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        bytes.resize(bytes.len() + n_bytes, 0);
        let copy = Copy::of("tiny-llama");
        std::fs::write(copy.path("model.safetensors"), bytes).unwrap();
        // The rest of the model is missing in any case.
        prop_assert!(within_memory(copy.0.path()).is_err());
    }

    /// Any value of any setting.
    #[test]
    fn any_setting_gives_an_error_or_a_model(
        key in prop::sample::select(&[
            "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
            "head_dim", "max_position_embeddings", "vocab_size", "rms_norm_eps", "rope_theta", "rope_scaling",
            "eos_token_id", "tie_word_embeddings", "architectures",
        ][..]),
        value in prop_oneof![
            Just(Value::Null), any::<u64>().prop_map(Value::from), any::<i8>().prop_map(Value::from),
            (0u32..300).prop_map(Value::from), any::<f64>().prop_map(Value::from), ".{0,8}".prop_map(Value::from),
            any::<bool>().prop_map(Value::from), any::<f64>().prop_map(|factor| json!({"type": "linear", "factor": factor})),
        ],
    ) {
        let copy = Copy::of("tiny-llama");
        copy.set("config.json", key, value);
        let _ = within_memory(copy.0.path());
    }
}

#[test]
fn a_folder_is_opened_by_its_path() {
    let source = model::open(&reference("tiny-qwen2")).unwrap();
    let names: Vec<&str> = source.files().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "config.json",
            "generation_config.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "tokenizer.json",
            "tokenizer_config.json",
        ]
    );
    // Embedding and head of 356 tokens; two layers of 24,576 numbers in matrices, 128 in norms, 128 in biases; a norm.
    assert_eq!(
        source.n_parameters(),
        2 * 356 * 64 + 2 * (24_576 + 256) + 64
    );
    let error = model::open("no-such-folder".as_ref()).err().unwrap();
    assert!(matches!(error, ModelError::Gguf(_)), "{error}");
}
