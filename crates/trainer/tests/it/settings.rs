use proptest::prelude::*;
use trainer::{Schedule, SetAside, Settings, SettingsError, Target};

const LEAST: &str = "base_model: m.gguf\ndatasets: rows.jsonl\noutput_dir: out\n";

fn parse(more: &str) -> Result<Settings, SettingsError> {
    Settings::parse(&format!("{LEAST}{more}"))
}

#[test]
fn the_paper_is_the_default() {
    let settings = parse("").unwrap();
    assert_eq!((settings.lora_r, settings.lora_alpha), (32, 64.0));
    assert_eq!(settings.lora_target_modules, Target::ALL);
    assert_eq!(settings.shape().scale, 2.0);
    assert_eq!(settings.lr_scheduler, Schedule::Cosine);
    assert_eq!(settings.val_set_size, SetAside::Count(0));
    assert_eq!(settings.datasets[0].path.to_str(), Some("rows.jsonl"));
}

#[test]
fn names_of_axolotl_and_of_hugging_face_are_understood() {
    let axolotl = "\
base_model: m.gguf
datasets:
  - path: rows.jsonl
    type: chat_template
output_dir: out
adapter: lora
lora_r: 8
lora_alpha: 16
lora_dropout: 0.05
lora_target_modules: [q_proj, v_proj]
learning_rate: 1e-4
lr_scheduler: linear
warmup_ratio: 0.1
micro_batch_size: 2
gradient_accumulation_steps: 3
num_epochs: 2
sequence_len: 512
sample_packing: true
max_grad_norm: 0.5
weight_decay: 0.01
optimizer: adamw_torch
seed: 7
save_steps: 10
eval_steps: 5
val_set_size: 0.1
";
    let hugging_face = axolotl
        .replace("base_model", "model_name_or_path")
        .replace("lora_r:", "r:")
        .replace(
            "lora_target_modules: [q_proj, v_proj]",
            "target_modules: q_proj,v_proj",
        )
        .replace("lr_scheduler", "lr_scheduler_type")
        .replace("micro_batch_size", "per_device_train_batch_size")
        .replace("num_epochs", "num_train_epochs")
        .replace("sequence_len", "max_seq_length")
        .replace("sample_packing", "packing")
        .replace("optimizer", "optim");
    let settings = Settings::parse(axolotl).unwrap();
    assert_eq!(settings, Settings::parse(&hugging_face).unwrap());
    assert_eq!((settings.lora_r, settings.learning_rate), (8, 1e-4));
    assert_eq!(settings.lora_target_modules, [Target::Q, Target::V]);
    assert_eq!(settings.lr_scheduler, Schedule::Linear);
    assert_eq!(settings.val_set_size, SetAside::Share(0.1));
    assert_eq!(settings.n_warmup(100), 10);
}

fn check(more: &str, message: &str) {
    assert_eq!(
        parse(more).unwrap_err().to_string(),
        format!("read the settings: {message}")
    );
}

#[test]
fn mistakes_are_named() {
    check(
        "lora_rang: 3",
        "the key `lora_rang` is unknown; `lora_rank` is known",
    );
    check("fsdp: full", "the key `fsdp` is unknown");
    check(
        "lora_r: 3\nr: 4",
        "`lora_r` and `r` are two names of the same setting",
    );
    check("lora_r: 0", "`lora_r` must be a whole number above 0");
    check("lora_dropout: 1", "`lora_dropout` cannot be 1");
    check("learning_rate: '1e999'", "`learning_rate` cannot be inf");
    check(
        "seed: no",
        "`seed` cannot be read: invalid type: boolean `false`, expected u64",
    );
    check(
        "optimizer: sgd",
        "`optimizer` cannot be `sgd`, only `adamw`",
    );
    check(
        "lora_target_modules: [embed]",
        "`lora_target_modules` names `embed`; known are q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj",
    );
    check(
        "test_datasets: [{type: chat_template}]",
        "`test_datasets` has an entry without a `path`",
    );
    check(
        "test_datasets: [{path: a, split: train}]",
        "the key `test_datasets.split` is unknown",
    );
    let error = Settings::parse("datasets: a\noutput_dir: b").unwrap_err();
    assert_eq!(error, SettingsError::Missing("base_model"));
    let error = Settings::parse("base_model: a\noutput_dir: b").unwrap_err();
    assert_eq!(error, SettingsError::Missing("datasets"));
    for broken in ["", "- a", "a: [", "a: 1\na: 2", "\0"] {
        assert!(
            matches!(Settings::parse(broken), Err(SettingsError::Yaml(_))),
            "{broken:?}"
        );
    }
}

proptest! {
    /// Whatever is given, there is an answer.
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z_: \\[\\]{},0-9.\n-]{0,200}") {
        drop(Settings::parse(&text));
        drop(parse(&text));
    }
}

/// The published schema knows every setting, and every one of its examples is understood.
#[test]
fn the_schema_tells_what_is_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/train.schema.json");
    let schema: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let settings = serde_json::json!(parse("").unwrap());
    for key in settings.as_object().unwrap().keys() {
        assert!(properties.contains_key(key), "`{key}` is not in the schema");
    }
    for (name, property) in properties {
        let target = property["$ref"].as_str().map_or(property, |target| {
            &properties[target.rsplit('/').next().unwrap()]
        });
        let example = &target["examples"][0];
        let mut given = serde_json::json!({
            "base_model": "m", "datasets": "d", "output_dir": "o", "val_set_size": 1,
        });
        let own = property["$ref"]
            .as_str()
            .map_or(name.as_str(), |target| target.rsplit('/').next().unwrap());
        given.as_object_mut().unwrap().remove(own);
        given[name] = example.clone();
        // JSON is YAML.
        let read = Settings::parse(&given.to_string());
        assert!(read.is_ok(), "`{name}`: {read:?}");
        if let Some(default) = target
            .get("default")
            .filter(|_| settings.get(own).is_some())
        {
            assert_eq!(settings[own].as_f64(), default.as_f64(), "`{name}`");
        }
    }
}
