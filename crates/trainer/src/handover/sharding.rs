use serde_json::{Value, json};

use super::yaml;

/// DeepSpeed's third stage, which shards parameters, gradients and the optimiser; sizes follow from the run.
pub(super) fn zero3() -> String {
    let config = json!({
        "bf16": { "enabled": "auto" },
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "zero_optimization": {
            "stage": 3,
            "overlap_comm": true,
            "contiguous_gradients": true,
            "reduce_bucket_size": "auto",
            "stage3_prefetch_bucket_size": "auto",
            "stage3_param_persistence_threshold": "auto",
            "stage3_gather_16bit_weights_on_model_save": true,
        },
    });
    format!("{config:#}\n")
}

/// What accelerate's files have in common.
fn accelerate(kind: &str, n_gpus: usize, own: (&'static str, Value)) -> String {
    let keys = [
        ("compute_environment", json!("LOCAL_MACHINE")),
        ("distributed_type", json!(kind)),
        own,
        ("machine_rank", json!(0)),
        ("main_training_function", json!("main")),
        ("mixed_precision", json!("bf16")),
        ("num_machines", json!(1)),
        ("num_processes", json!(n_gpus)),
        ("same_network", json!(true)),
        ("use_cpu", json!(false)),
    ];
    yaml::write("for accelerate", &keys)
}

/// FSDP for accelerate.
pub(super) fn accelerate_fsdp(n_gpus: usize) -> String {
    let config = json!({
        "fsdp_version": 2,
        "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "fsdp_cpu_ram_efficient_loading": true,
        "fsdp_offload_params": false,
        "fsdp_reshard_after_forward": true,
        "fsdp_state_dict_type": "FULL_STATE_DICT",
    });
    accelerate("FSDP", n_gpus, ("fsdp_config", config))
}

/// DeepSpeed for accelerate.
pub(super) fn accelerate_deepspeed(n_gpus: usize) -> String {
    let config = json!({
        "zero_stage": 3,
        "zero3_init_flag": true,
        "zero3_save_16bit_model": true,
        "offload_optimizer_device": "none",
        "offload_param_device": "none",
    });
    accelerate("DEEPSPEED", n_gpus, ("deepspeed_config", config))
}
