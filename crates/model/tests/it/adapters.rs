//! Adapters against `peft`'s own results, made by `tests/reference/adapters.py`.

use std::path::{Path, PathBuf};

use model::{
    Adapter, AdapterError, Batch, ChatMessage, ChatTemplate, Decoder, KvCache, Layout, LoadOptions,
    PAGE_TOKENS, Row, Tokenizer,
};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::memory::most_bytes;
use crate::support::{self, default_model, open, reference, tiny_bytes};

#[derive(Deserialize)]
struct Case {
    name: String,
    logits: Vec<Vec<f32>>,
    #[serde(default)]
    probes: Vec<usize>,
    #[serde(default)]
    base: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Tiny {
    tokens: Vec<u32>,
}

fn case(name: &str) -> Case {
    let cases: Vec<Case> = support::json("adapters.json");
    cases.into_iter().find(|case| case.name == name).unwrap()
}

fn tokens() -> Vec<u32> {
    support::json::<Tiny>("tiny.json").tokens
}

fn tiny(layout: Layout) -> Decoder {
    let options = LoadOptions {
        n_threads: 2,
        layout,
    };
    Decoder::load(&open(&tiny_bytes()).unwrap(), &options).unwrap()
}

fn folder(name: &str) -> PathBuf {
    reference("adapters").join(name)
}

fn load(name: &str, decoder: &Decoder) -> Adapter {
    Adapter::load(&folder(name), decoder.config()).unwrap()
}

/// One sequence: an adapter and the first position that it acts on.
type Sequence<'a> = Option<(&'a Adapter, usize)>;

/// Logits of every position of some sequences over the same tokens, in chunks that hold rows of all of them.
fn run(
    decoder: &mut Decoder,
    tokens: &[u32],
    sequences: &[Sequence<'_>],
    chunk: usize,
) -> Vec<Vec<Vec<f32>>> {
    let n_pages = tokens.len().div_ceil(PAGE_TOKENS) as u32;
    let mut cache = KvCache::new(decoder.config(), n_pages as usize * sequences.len());
    let tables: Vec<Vec<u32>> = (0..sequences.len() as u32)
        .map(|sequence| (sequence * n_pages..(sequence + 1) * n_pages).collect())
        .collect();
    let pages: Vec<&[u32]> = tables.iter().map(Vec::as_slice).collect();
    let adapters: Vec<&Adapter> = sequences
        .iter()
        .flatten()
        .map(|(adapter, _)| *adapter)
        .collect();
    let mut logits = vec![Vec::new(); sequences.len()];
    for first in (0..tokens.len()).step_by(chunk) {
        let mut rows = Vec::new();
        let mut n_adapters = 0;
        for (sequence, part) in sequences.iter().enumerate() {
            let end = tokens.len().min(first + chunk);
            for (position, &token) in (first..end).zip(&tokens[first..end]) {
                rows.push(Row {
                    token,
                    sequence,
                    adapter: part
                        .is_some_and(|(_, from)| position >= from)
                        .then_some(n_adapters),
                    position,
                    wants_logits: true,
                });
            }
            n_adapters += usize::from(part.is_some());
        }
        let batch = Batch {
            rows: &rows,
            pages: &pages,
            adapters: &adapters,
        };
        let values = decoder.forward(&mut cache, batch);
        for (row, values) in rows.iter().zip(values.rows()) {
            logits[row.sequence].push(values.to_vec());
        }
    }
    logits
}

fn bits(logits: &[Vec<f32>]) -> Vec<u32> {
    logits.iter().flatten().map(|x| x.to_bits()).collect()
}

#[test]
fn adapters_agree_with_peft() {
    let tokens = tokens();
    for (layout, tolerance) in [(Layout::Float, 0.05), (Layout::Packed, 0.3)] {
        let mut decoder = tiny(layout);
        for (name, first) in [("all", 0), ("some", 0), ("activated", 20)] {
            let adapter = load(name, &decoder);
            assert_eq!(adapter.invocation().is_empty(), name != "activated");
            let logits = run(&mut decoder, &tokens, &[Some((&adapter, first))], 7).remove(0);
            let mut worst = 0.0f32;
            for (position, expected) in [0, 7, 19, 20, 39].into_iter().zip(case(name).logits) {
                for (value, expected) in logits[position].iter().step_by(37).zip(expected) {
                    worst = worst.max((value - expected).abs());
                }
            }
            println!("{layout:?}, {name}: largest error {worst}");
            assert!(worst < tolerance, "{layout:?}, {name}: {worst}");
        }
    }
}

/// How far the log-probabilities of some tokens are from what they should be.
fn differences(
    logits: &[f32],
    expected: impl Iterator<Item = (usize, f64)>,
) -> impl Iterator<Item = f64> {
    let total: f64 = logits.iter().map(|x| f64::from(*x).exp()).sum();
    expected.map(move |(token, expected)| (f64::from(logits[token]) - total.ln() - expected).abs())
}

/// llama.cpp rounds what goes into each product to 8 bits, which shows in models as small as these.
fn assert_like_llama_cpp(name: &str, errors: Vec<f64>) {
    let worst = errors.iter().copied().fold(0.0, f64::max);
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    println!("{name}: largest difference {worst:.3}, mean {mean:.3}");
    assert!(worst < 0.6 && mean < 0.15, "{name}: {worst}, {mean}");
}

/// Log-probabilities of some tokens behind the tiny model's text, as `tests/reference/llama_cpp.py` got them.
#[derive(Deserialize)]
struct LlamaCpp {
    probes: Vec<usize>,
    base: Vec<f32>,
    adapted: Vec<f32>,
}

#[test]
fn base_and_adapter_agree_with_llama_cpp() {
    let theirs: LlamaCpp = support::json("llama_cpp.json");
    let tokens = tokens();
    let mut decoder = tiny(Layout::Float);
    let adapter = load("all.gguf", &decoder);
    for (name, sequence, expected) in [
        ("base", None, &theirs.base),
        ("adapted", Some((&adapter, 0)), &theirs.adapted),
    ] {
        let logits = run(&mut decoder, &tokens, &[sequence], tokens.len()).remove(0);
        let pairs = theirs.probes.iter().zip(expected);
        let theirs = pairs.map(|(&token, &expected)| (token, f64::from(expected)));
        assert_like_llama_cpp(name, differences(logits.last().unwrap(), theirs).collect());
    }
    // What the adapter does is far larger than that.
    let effects = theirs.base.iter().zip(&theirs.adapted);
    let effect: f32 = effects.map(|(a, b)| (a - b).abs()).sum();
    assert!(effect > 1.5 * theirs.probes.len() as f32);
}

/// Greedy replies of the default model, alone and through an activated adapter: for each step the most probable tokens
/// with their log-probabilities, as `tests/reference/llama_cpp.py` got them.
#[derive(Deserialize)]
struct Replies {
    system: String,
    user: String,
    base: Vec<Vec<(usize, f64)>>,
    adapted: Vec<Vec<(usize, f64)>>,
}

#[test]
fn an_adapter_that_ships_agrees_with_llama_cpp() {
    let Some(gguf) = default_model() else { return };
    let theirs: Replies = support::json("llama_cpp_default.json");
    let message = |role: &str, content: &str| ChatMessage {
        role: role.to_string(),
        content: content.to_string(),
    };
    let tokenizer = Tokenizer::load(&gguf).unwrap();
    let prompt = ChatTemplate::load(&gguf)
        .unwrap()
        .encode(
            &[
                message("system", &theirs.system),
                message("user", &theirs.user),
            ],
            &tokenizer,
        )
        .unwrap();
    let options = LoadOptions {
        n_threads: 2,
        layout: Layout::Float,
    };
    let mut decoder = Decoder::load(&gguf, &options).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/adapters/coding");
    let adapter = Adapter::load(&folder, decoder.config()).unwrap();
    let first = prompt.len() - adapter.invocation().len();
    assert_eq!(prompt[first..], *adapter.invocation());
    for (name, sequence, steps) in [
        ("base", None, &theirs.base),
        ("adapted", Some((&adapter, first)), &theirs.adapted),
    ] {
        let written = steps[..steps.len() - 1].iter().map(|step| step[0].0 as u32);
        let tokens: Vec<u32> = prompt.iter().copied().chain(written).collect();
        let logits = run(&mut decoder, &tokens, &[sequence], tokens.len()).remove(0);
        let errors = logits[prompt.len() - 1..]
            .iter()
            .zip(steps)
            .flat_map(|(logits, step)| differences(logits, step.iter().copied()));
        assert_like_llama_cpp(name, errors.collect());
    }
    // What the adapter does is larger: another first token is hardly thought of any more.
    assert!(theirs.base[0][0].1 < -0.2 && theirs.adapted[0][0].1 > -0.01);
}

#[test]
fn an_adapter_is_the_same_from_either_kind_of_file() {
    let decoder = tiny(Layout::Packed);
    let peft = load("all", &decoder);
    let gguf = load("all.gguf", &decoder);
    assert_eq!(peft, gguf);
    assert_eq!(peft.to_bytes(), gguf.to_bytes());
    assert_ne!(peft.to_bytes(), load("activated", &decoder).to_bytes());
    assert_eq!(peft.rank(), 4);
    assert_eq!(load("some", &decoder).rank(), 8);
}

#[test]
fn a_mixed_batch_gives_each_row_what_it_gets_alone() {
    let tokens = tokens();
    for layout in [Layout::Packed, Layout::Float] {
        let mut decoder = tiny(layout);
        let [all, some, activated] = ["all", "some", "activated"].map(|name| load(name, &decoder));
        let sequences = [
            Some((&all, 0)),
            None,
            Some((&activated, 20)),
            Some((&some, 0)),
            Some((&all, 0)),
        ];
        let together = run(&mut decoder, &tokens, &sequences, 9);
        for (sequence, logits) in sequences.iter().zip(&together) {
            let alone = run(&mut decoder, &tokens, &[*sequence], tokens.len()).remove(0);
            assert_eq!(bits(&alone), bits(logits), "{layout:?}");
        }
        let base = bits(&together[1]);
        assert_ne!(base, bits(&together[0]));
        let n_vocab = decoder.config().n_vocab;
        assert_eq!(base[..20 * n_vocab], bits(&together[2])[..20 * n_vocab]);
        assert_ne!(base[20 * n_vocab..], bits(&together[2])[20 * n_vocab..]);
    }
}

/// A tensor of an adapter: shape and numbers.
pub(crate) type Tensors = Vec<(String, [usize; 2], Vec<f32>)>;

pub(crate) fn write_adapter(folder: &Path, config: &Value, tensors: &Tensors) {
    let mut header = serde_json::Map::new();
    let mut data = Vec::new();
    for (name, shape, numbers) in tensors {
        let start = data.len();
        data.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]});
        header.insert(name.clone(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    std::fs::write(folder.join("adapter_model.safetensors"), file).unwrap();
    std::fs::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
}

pub(crate) fn plain_config(rank: usize) -> Value {
    json!({"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": "all-linear"})
}

const PARTS: [(&str, &str); 7] = [
    ("q_proj", "self_attn"),
    ("k_proj", "self_attn"),
    ("v_proj", "self_attn"),
    ("o_proj", "self_attn"),
    ("gate_proj", "mlp"),
    ("up_proj", "mlp"),
    ("down_proj", "mlp"),
];

/// All tensors of an adapter for a decoder, filled by (layer, part, is B, number of the element).
pub(crate) fn tensors(
    config: &model::Config,
    rank: usize,
    fill: impl Fn(usize, usize, bool, u64) -> f32,
) -> Tensors {
    let (q, kv) = (
        config.n_heads * config.head_dim,
        config.n_kv_heads * config.head_dim,
    );
    let (e, f) = (config.n_embd, config.n_ff);
    let shapes = [(q, e), (kv, e), (kv, e), (e, q), (f, e), (f, e), (e, f)];
    let mut tensors = Tensors::new();
    for layer in 0..config.n_layers {
        for (part, ((name, block), (n_out, n_in))) in PARTS.into_iter().zip(shapes).enumerate() {
            for (is_b, shape) in [(false, [rank, n_in]), (true, [n_out, rank])] {
                let side = if is_b { "B" } else { "A" };
                let numbers = (0..(shape[0] * shape[1]) as u64).map(|i| fill(layer, part, is_b, i));
                let name = format!(
                    "base_model.model.model.layers.{layer}.{block}.{name}.lora_{side}.weight"
                );
                tensors.push((name, shape, numbers.collect()));
            }
        }
    }
    tensors
}

pub(crate) fn noise(seed: u64, i: u64, scale: f64) -> f32 {
    let bits = (i * 2_654_435_761 + seed * 40_503) % (1 << 32);
    ((bits as f64 / f64::from(1u32 << 31) - 1.0) * scale) as f32
}

/// Rows of queries and keys lie in another order in Llama's GGUF files than in PEFT's.
#[test]
fn an_adapter_on_the_default_model_agrees_with_peft() {
    let Some(gguf) = default_model() else { return };
    let folder = tempfile::tempdir().unwrap();
    let options = LoadOptions {
        n_threads: 2,
        layout: Layout::Float,
    };
    let mut decoder = Decoder::load(&gguf, &options).unwrap();
    let tensors = tensors(decoder.config(), 4, |layer, part, is_b, i| {
        let seed = 14 * layer + 2 * part + usize::from(is_b);
        noise(seed as u64, i, if is_b { 0.2 } else { 0.02 })
    });
    write_adapter(folder.path(), &plain_config(4), &tensors);
    let adapter = Adapter::load(folder.path(), decoder.config()).unwrap();

    #[derive(Deserialize)]
    struct Logits {
        cases: Vec<Tiny>,
    }
    let tokens = support::json::<Logits>("logits.json")
        .cases
        .remove(0)
        .tokens;
    let case = case("default");
    let mut error = |sequence, expected: &[f32]| {
        let logits = run(&mut decoder, &tokens, &[sequence], tokens.len()).remove(0);
        let last = logits.last().unwrap();
        let probed = case.probes.iter().map(|&token| last[token]);
        let errors = probed
            .zip(expected)
            .map(|(value, expected)| (value - expected).abs());
        errors.fold(0.0f32, f32::max)
    };
    let (adapted, base) = (
        error(Some((&adapter, 0)), &case.logits[0]),
        error(None, &case.base[0]),
    );
    let effect = case.logits[0].iter().zip(&case.base[0]);
    let effect = effect.map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
    println!("largest error: base {base}, adapted {adapted}; the adapter moves logits by {effect}");
    assert!(base < 0.02 && adapted < 0.02 && effect > 1.0);
}

#[test]
fn an_adapter_that_adds_nothing_changes_no_bit() {
    let tokens = tokens();
    let folder = tempfile::tempdir().unwrap();
    let mut decoder = tiny(Layout::Packed);
    let tensors = tensors(decoder.config(), 3, |_, part, is_b, i| {
        if is_b {
            0.0
        } else {
            noise(part as u64, i, 1.0)
        }
    });
    write_adapter(folder.path(), &plain_config(3), &tensors);
    let adapter = Adapter::load(folder.path(), decoder.config()).unwrap();
    let adapted = run(&mut decoder, &tokens, &[Some((&adapter, 0))], 11).remove(0);
    let base = run(&mut decoder, &tokens, &[None], 11).remove(0);
    assert_eq!(bits(&adapted), bits(&base));
}

/// What loading says after a change to a good folder.
fn failure(change: impl FnOnce(&mut Value, &mut Tensors)) -> String {
    let decoder = tiny(Layout::Packed);
    let folder = tempfile::tempdir().unwrap();
    let mut config = plain_config(2);
    config["target_modules"] = json!([
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj"
    ]);
    let mut tensors = tensors(decoder.config(), 2, |_, _, _, _| 0.5);
    change(&mut config, &mut tensors);
    write_adapter(folder.path(), &config, &tensors);
    match Adapter::load(folder.path(), decoder.config()) {
        Ok(_) => "loaded".to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_would_be_left_out_silently_is_refused() {
    assert_eq!(failure(|_, _| {}), "loaded");
    let says = |failure: String, words: &str| {
        assert!(
            failure.starts_with("load the adapter: ") && !failure.contains('\n'),
            "{failure}"
        );
        assert!(failure.contains(words), "{failure}");
    };
    let key = |key: &'static str, value: Value| failure(move |config, _| config[key] = value);
    says(key("use_dora", json!(true)), "`use_dora`");
    says(key("lora_bias", json!(true)), "`lora_bias`");
    says(key("bias", json!("all")), "`bias`");
    says(
        key("modules_to_save", json!(["lm_head"])),
        "`modules_to_save`",
    );
    says(
        key("init_lora_weights", json!("pissa")),
        "`init_lora_weights`",
    );
    says(key("peft_type", json!("IA3")), "`peft_type`");
    says(
        key("a_key_of_tomorrow", json!(3)),
        "unknown key `a_key_of_tomorrow`",
    );
    says(key("r", json!(0)), "`r`");
    says(key("r", json!(3)), "its rank is 2");
    says(key("lora_alpha", json!("much")), "`lora_alpha`");
    says(key("rank_pattern", json!({"q.*": 4})), "`rank_pattern`");
    says(
        key("target_modules", json!(["q_proj"])),
        "`target_modules` does not name",
    );
    says(
        key("alora_invocation_tokens", json!([70_000])),
        "no token 70000",
    );
    says(
        key("alora_invocation_tokens", json!("x")),
        "`alora_invocation_tokens`",
    );
    says(failure(|config, _| *config = json!([1])), "no JSON object");
    says(
        failure(|config, _| *config = json!({"peft_type": "LORA"})),
        "lacks `r`",
    );
    says(failure(|_, tensors| drop(tensors.pop())), "is missing");
    says(failure(|_, tensors| drop(tensors.drain(..2))), "is missing");
    says(failure(|_, tensors| tensors.clear()), "missing");
    says(failure(|_, tensors| tensors[0].0 += "x"), "no part of");
    says(
        failure(|_, tensors| tensors[0].0 = "base_model.model.lm_head.lora_A.weight".into()),
        "no such linear layer",
    );
    says(
        failure(|_, tensors| tensors[1].1 = [32, 4]),
        "its shape is (32, 4)",
    );
    says(failure(|_, tensors| tensors[1].2[0] = f32::NAN), "infinite");
    let nowhere = Adapter::load(Path::new("/nowhere"), tiny(Layout::Packed).config());
    assert!(matches!(nowhere, Err(AdapterError::Unknown(_))));
    let base = Adapter::load(&reference("tiny-qwen2.gguf"), tiny(Layout::Packed).config());
    says(base.unwrap_err().to_string(), "general.type");
}

/// Several times what the weights of a tiny adapter take.
const MOST_BYTES: usize = 2 << 20;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Damaged files are errors, or adapters that differ in their numbers; never a panic, never much memory.
    #[test]
    fn damaged_files_are_errors(
        // In the header, or anywhere.
        changes in prop::collection::vec((prop_oneof![0usize..1500, 0usize..1 << 20], any::<u8>()), 1..6),
        cut in 0usize..4000,
        is_gguf in any::<bool>(),
    ) {
        let decoder = tiny(Layout::Packed);
        let scratch = tempfile::tempdir().unwrap();
        let (source, target) = if is_gguf {
            (folder("all.gguf"), scratch.path().join("damaged.gguf"))
        } else {
            let config = std::fs::read(folder("all").join("adapter_config.json")).unwrap();
            std::fs::write(scratch.path().join("adapter_config.json"), config).unwrap();
            let name = "adapter_model.safetensors";
            (folder("all").join(name), scratch.path().join(name))
        };
        let mut bytes = std::fs::read(source).unwrap();
        for (at, byte) in changes {
            let n_bytes = bytes.len();
            bytes[at % n_bytes] = byte;
        }
        if cut < 1500 {
            bytes.truncate(bytes.len() - cut);
        }
        std::fs::write(&target, bytes).unwrap();
        let path = if is_gguf { target.as_path() } else { scratch.path() };
        let n_bytes = most_bytes(|| drop(Adapter::load(path, decoder.config())));
        prop_assert!(n_bytes < MOST_BYTES, "{n_bytes} bytes");
    }

    /// Any value of any setting is refused, or changes what its documentation says; never a panic.
    #[test]
    fn any_setting_gives_an_error_or_an_adapter(
        key in 0usize..60,
        value in prop::sample::select(vec![
            json!(null), json!(true), json!(0), json!(-1), json!(4), json!(1e300), json!(u64::MAX), json!(""),
            json!("q_proj"), json!([]), json!(["q_proj"]), json!([7, 8]), json!([-1]), json!({}), json!({"q_proj": 4}),
            json!({"model.layers.0.mlp.up_proj": 0}), json!([[[]]]),
        ]),
        is_removed in any::<bool>(),
    ) {
        let decoder = tiny(Layout::Packed);
        let scratch = tempfile::tempdir().unwrap();
        let source = folder("all");
        let text = std::fs::read_to_string(source.join("adapter_config.json")).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        let keys: Vec<String> = config.as_object().unwrap().keys().cloned().collect();
        let key = &keys[key % keys.len()];
        if is_removed {
            config.as_object_mut().unwrap().remove(key);
        } else {
            config[key] = value;
        }
        std::fs::write(scratch.path().join("adapter_config.json"), config.to_string()).unwrap();
        let weights = "adapter_model.safetensors";
        std::fs::copy(source.join(weights), scratch.path().join(weights)).unwrap();
        let mut loaded = Err(AdapterError::Unknown(PathBuf::new()));
        let n_bytes = most_bytes(|| loaded = Adapter::load(scratch.path(), decoder.config()));
        prop_assert!(n_bytes < MOST_BYTES, "{n_bytes} bytes");
        match loaded {
            Ok(adapter) => prop_assert_eq!(adapter.rank(), 4),
            Err(error) => prop_assert!(!error.to_string().contains('\n')),
        }
    }
}
