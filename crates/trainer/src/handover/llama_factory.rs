use model::ChatMessage;
use serde_json::{Value, json};

use super::{
    Handover, HandoverError, TextFile, lines, message, replies, sharding, with_aside, yaml,
};
use crate::data::Row;

/// Files for `llamafactory-cli train`. Each trained reply is the last one of an example of its own.
///
/// # Errors
/// When a conversation does not alternate.
pub(super) fn files(run: &Handover<'_>) -> Result<Vec<TextFile>, HandoverError> {
    for (i, row) in run.rows.iter().chain(run.aside).enumerate() {
        let mut all = replies(row);
        if all.any(|(prompt, reply)| !alternates(prompt, reply)) {
            return Err(HandoverError::Turns(i + 1));
        }
    }
    let settings = run.settings;
    let mut keys: Vec<(&str, Value)> = vec![
        ("model_name_or_path", json!(run.base)),
        ("stage", json!("sft")),
        ("do_train", json!(true)),
        ("finetuning_type", json!("lora")),
        ("lora_rank", json!(settings.lora_r)),
        ("lora_alpha", json!(settings.lora_alpha as i64)),
        ("lora_dropout", json!(settings.lora_dropout)),
        ("lora_target", json!(run.targets().join(","))),
        ("dataset_dir", json!(".")),
        ("dataset", json!("train")),
        ("mask_history", json!(true)),
        ("cutoff_len", json!(settings.sequence_len)),
        ("output_dir", json!("out")),
    ];
    keys.extend(run.arguments());
    if settings.sample_packing {
        keys.push(("neat_packing", json!(true)));
        keys.push(("flash_attn", json!("fa2")));
    }
    let mut info = json!({ "train": entry("train.jsonl") });
    if !run.aside.is_empty() {
        keys.push(("eval_dataset", json!("test")));
        info["test"] = entry("test.jsonl");
    }
    keys.extend(run.common());
    let mut sharded = keys.clone();
    sharded.push(("fsdp", json!("full_shard auto_wrap")));
    sharded.push(("fsdp_config", json!("fsdp.json")));
    let mut deep = keys.clone();
    deep.push(("deepspeed", json!("zero3.json")));
    let fsdp = json!({
        "reshard_after_forward": true,
        "cpu_ram_efficient_loading": true,
        "state_dict_type": "FULL_STATE_DICT",
    });
    let commands = [
        ("On one GPU", "llamafactory-cli train train.yaml"),
        (
            "Sharded by FSDP",
            "FORCE_TORCHRUN=1 llamafactory-cli train train-fsdp.yaml",
        ),
        (
            "Sharded by DeepSpeed",
            "FORCE_TORCHRUN=1 llamafactory-cli train train-deepspeed.yaml",
        ),
    ];
    let mut notes = vec!["The chat template is the tokenizer's own, since `template` is not set."];
    if settings.early_stopping_patience.is_some() {
        notes.push(
            "`early_stopping_patience` has no setting in LLaMA-Factory, so the run takes all of its steps.",
        );
    }
    let mut files = vec![
        ("README.md", run.readme("LLaMA-Factory", &commands, &notes)),
        (
            "train.yaml",
            yaml::write("for `llamafactory-cli train`", &keys),
        ),
        (
            "train-fsdp.yaml",
            yaml::write("for `llamafactory-cli train`, sharded by FSDP", &sharded),
        ),
        (
            "train-deepspeed.yaml",
            yaml::write("for `llamafactory-cli train`, sharded by DeepSpeed", &deep),
        ),
        ("fsdp.json", format!("{fsdp:#}\n")),
        ("zero3.json", sharding::zero3()),
        ("dataset_info.json", format!("{info:#}\n")),
        ("train.jsonl", examples(run.rows)),
    ];
    files.extend(with_aside("test.jsonl", run.aside, examples));
    Ok(files)
}

/// What `dataset_info.json` says of a file.
fn entry(file: &str) -> Value {
    json!({
        "file_name": file,
        "formatting": "sharegpt",
        "columns": { "messages": "messages" },
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    })
}

fn examples(rows: &[Row]) -> String {
    lines(rows.iter().flat_map(replies).map(|(prompt, reply)| {
        let messages: Vec<Value> = prompt.iter().chain([reply]).map(message).collect();
        json!({ "messages": messages })
    }))
}

/// True for user and assistant in turn, behind at most one message of the system.
fn alternates(prompt: &[ChatMessage], reply: &ChatMessage) -> bool {
    let first = prompt.first().filter(|message| message.role == "system");
    let turns = prompt[usize::from(first.is_some())..].iter().chain([reply]);
    let mut n = 0;
    let is_due = turns.into_iter().all(|message| {
        let role = if n % 2 == 0 { "user" } else { "assistant" };
        n += 1;
        message.role == role
    });
    is_due && n % 2 == 0
}
