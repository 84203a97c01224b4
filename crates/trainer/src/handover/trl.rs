use serde_json::{Value, json};

use super::{Handover, TextFile, lines, message, replies, sharding, with_aside, yaml};
use crate::data::Row;

/// Files for `trl sft`. Each trained reply is an example of its own, as TRL's loss is that of a completion.
pub(super) fn files(run: &Handover<'_>) -> Vec<TextFile> {
    let settings = run.settings;
    let mut keys: Vec<(&str, Value)> = vec![
        ("model_name_or_path", json!(run.base)),
        ("dtype", json!("bfloat16")),
        ("dataset_name", json!("./data")),
        ("output_dir", json!("out")),
        ("use_peft", json!(true)),
        ("lora_r", json!(settings.lora_r)),
        ("lora_alpha", json!(settings.lora_alpha as i64)),
        ("lora_dropout", json!(settings.lora_dropout)),
        ("lora_target_modules", json!(run.targets())),
        ("max_length", json!(settings.sequence_len)),
        ("packing", json!(settings.sample_packing)),
        ("completion_only_loss", json!(true)),
    ];
    keys.extend(run.arguments());
    if settings.sample_packing {
        keys.push(("attn_implementation", json!("flash_attention_2")));
    }
    keys.extend(run.common());
    let commands = [
        ("On one GPU", "trl sft --config sft.yaml"),
        (
            "Sharded by FSDP",
            "trl sft --config sft.yaml --accelerate_config fsdp.yaml",
        ),
        (
            "Sharded by DeepSpeed",
            "trl sft --config sft.yaml --accelerate_config deepspeed.yaml",
        ),
    ];
    let mut notes = Vec::new();
    if settings.early_stopping_patience.is_some() {
        notes.push(
            "`early_stopping_patience` has no setting in TRL, so the run takes all of its steps.",
        );
    }
    if settings.sample_packing {
        notes.push(
            "Packing keeps examples apart only with FlashAttention, which `sft.yaml` asks for.",
        );
    }
    let mut files = vec![
        ("README.md", run.readme("TRL", &commands, &notes)),
        ("sft.yaml", yaml::write("for `trl sft --config`", &keys)),
        ("fsdp.yaml", sharding::accelerate_fsdp(run.n_gpus)),
        ("deepspeed.yaml", sharding::accelerate_deepspeed(run.n_gpus)),
        ("data/train.jsonl", examples(run.rows)),
    ];
    files.extend(with_aside("data/test.jsonl", run.aside, examples));
    files
}

fn examples(rows: &[Row]) -> String {
    lines(rows.iter().flat_map(replies).map(|(prompt, reply)| {
        let prompt: Vec<Value> = prompt.iter().map(message).collect();
        json!({ "prompt": prompt, "completion": [message(reply)] })
    }))
}
