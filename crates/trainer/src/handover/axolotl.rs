use serde_json::{Value, json};

use super::{Handover, TextFile, lines, sharding, with_aside, yaml};
use crate::data::Row;

/// Files for `axolotl train`. Each message says whether it is trained.
pub(super) fn files(run: &Handover<'_>) -> Vec<TextFile> {
    let settings = run.settings;
    let data = |path: &str| {
        json!([{
            "path": path,
            "ds_type": "json",
            "split": "train",
            "type": "chat_template",
            "field_messages": "messages",
            "message_field_training": "training",
            "roles_to_train": [],
            "train_on_eos": "turn",
        }])
    };
    let mut keys: Vec<(&str, Value)> = vec![
        ("base_model", json!(run.base)),
        ("datasets", data("train.jsonl")),
    ];
    if !run.aside.is_empty() {
        keys.push(("test_datasets", data("test.jsonl")));
    }
    keys.extend([
        ("output_dir", json!("out")),
        ("adapter", json!("lora")),
        ("lora_r", json!(settings.lora_r)),
        ("lora_alpha", json!(settings.lora_alpha as i64)),
        ("lora_dropout", json!(settings.lora_dropout)),
        ("lora_target_modules", json!(run.targets())),
        ("sequence_len", json!(settings.sequence_len)),
        ("excess_length_strategy", json!("raise")),
        ("sample_packing", json!(settings.sample_packing)),
        ("micro_batch_size", json!(settings.micro_batch_size)),
        ("num_epochs", json!(settings.num_epochs)),
        ("lr_scheduler", json!(run.scheduler())),
        ("optimizer", json!("adamw_torch")),
    ]);
    if settings.sample_packing {
        keys.push(("attn_implementation", json!("flash_attention_2")));
    }
    if let Some(patience) = settings.early_stopping_patience {
        keys.push(("early_stopping_patience", json!(patience)));
    }
    keys.extend(run.common());
    let mut sharded = keys.clone();
    sharded.push(("fsdp_version", json!(2)));
    let fsdp = json!({
        "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "cpu_ram_efficient_loading": true,
        "offload_params": false,
        "reshard_after_forward": true,
        "state_dict_type": "FULL_STATE_DICT",
    });
    sharded.push(("fsdp_config", fsdp));
    let mut deep = keys.clone();
    deep.push(("deepspeed", json!("zero3.json")));
    let commands = [
        ("On one GPU", "axolotl train axolotl.yaml"),
        ("Sharded by FSDP", "axolotl train axolotl-fsdp.yaml"),
        (
            "Sharded by DeepSpeed",
            "axolotl train axolotl-deepspeed.yaml",
        ),
    ];
    let mut files = vec![
        ("README.md", run.readme("axolotl", &commands, &[])),
        ("axolotl.yaml", yaml::write("for `axolotl train`", &keys)),
        (
            "axolotl-fsdp.yaml",
            yaml::write("for `axolotl train`, sharded by FSDP", &sharded),
        ),
        (
            "axolotl-deepspeed.yaml",
            yaml::write("for `axolotl train`, sharded by DeepSpeed", &deep),
        ),
        ("zero3.json", sharding::zero3()),
        ("train.jsonl", examples(run.rows)),
    ];
    files.extend(with_aside("test.jsonl", run.aside, examples));
    files
}

fn examples(rows: &[Row]) -> String {
    lines(rows.iter().map(|row| {
        let last = row.last_reply();
        let messages = row.messages.iter().enumerate().map(|(i, message)| {
            let is_trained = message.role == "assistant" && (!row.last_only || Some(i) == last);
            json!({ "role": message.role, "content": message.content, "training": is_trained })
        });
        json!({ "messages": messages.collect::<Vec<Value>>() })
    }))
}
