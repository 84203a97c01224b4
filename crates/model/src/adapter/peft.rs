//! Adapters as PEFT saves them: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! Source: PEFT's `docs/source/developer_guides/checkpoint.md` and `LoraConfig`, version 0.21.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::{Adapter, AdapterError, Builder, Stored, Target, safetensors, tensor_error};
use crate::config::Config;
use crate::safetensors::pair_rows;

pub(super) const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";

/// Why a configuration asks for something else than a plain adapter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeftConfigError {
    /// It is no JSON object.
    #[error("`{CONFIG}` is no JSON object: {0}")]
    Json(String),
    /// A key that this reader does not know; it might change what the adapter does.
    #[error("`{CONFIG}` has the unknown key `{0}`")]
    UnknownKey(String),
    /// A key that every adapter has is missing.
    #[error("`{CONFIG}` lacks `{0}`")]
    Missing(&'static str),
    /// A value that cannot be used.
    #[error("`{CONFIG}`: `{key}`: {problem}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong with its value.
        problem: String,
    },
}

/// Keys that describe how the adapter was trained or where it came from, and change nothing in what it does.
/// Which layers it corrects, the tensors themselves tell.
const IGNORED: [&str; 17] = [
    "arrow_config",
    "auto_mapping",
    "base_model_name_or_path",
    "corda_config",
    "eva_config",
    "inference_mode",
    "layers_pattern",
    "loftq_config",
    "lora_dropout",
    "lora_ga_config",
    "megatron_config",
    "megatron_core",
    "monteclora_config",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
];

/// Keys that would change what the adapter does, were they set to more than nothing.
const MUST_BE_EMPTY: [&str; 12] = [
    "ensure_weight_tying",
    "fan_in_fan_out",
    "kasa_config",
    "layer_replication",
    "lora_bias",
    "modules_to_save",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_dora",
    "use_qalora",
    "velora_config",
];

/// Ways to begin training that leave the base as it is.
const PLAIN_BEGINNINGS: [&str; 3] = ["gaussian", "eva", "orthogonal"];

/// What a configuration says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PeftConfig {
    rank: usize,
    alpha: f64,
    is_rank_stabilised: bool,
    rank_pattern: BTreeMap<String, f64>,
    alpha_pattern: BTreeMap<String, f64>,
    targets: Option<Vec<String>>,
    /// Whether each target is corrected in every layer.
    is_everywhere: bool,
    invocation: Vec<u32>,
}

/// Reads a folder.
pub(super) fn load(folder: &Path, config: &Config) -> Result<Adapter, AdapterError> {
    let path = folder.join(CONFIG);
    let text =
        std::fs::read_to_string(&path).map_err(|source| AdapterError::Read { path, source })?;
    let peft = PeftConfig::parse(&text)?;
    let tensors = safetensors::read(&folder.join(WEIGHTS))?;
    assemble(&peft, &tensors, config)
}

impl PeftConfig {
    pub(super) fn parse(text: &str) -> Result<PeftConfig, PeftConfigError> {
        let mut map: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| PeftConfigError::Json(error.to_string()))?;
        let wrong = |key: &str, problem: &str| PeftConfigError::Value {
            key: key.to_string(),
            problem: problem.to_string(),
        };
        for key in IGNORED {
            map.remove(key);
        }
        for key in MUST_BE_EMPTY {
            if map.remove(key).is_some_and(|value| !is_empty(&value)) {
                return Err(wrong(key, "is not supported"));
            }
        }
        match map.remove("peft_type") {
            Some(Value::String(kind)) if kind == "LORA" => {}
            Some(_) => return Err(wrong("peft_type", "only LORA is supported")),
            None => return Err(PeftConfigError::Missing("peft_type")),
        }
        match map.remove("bias") {
            Some(Value::String(bias)) if bias != "none" => {
                return Err(wrong("bias", "only `none` is supported"));
            }
            _ => {}
        }
        match map.remove("task_type") {
            None | Some(Value::Null) => {}
            Some(Value::String(task)) if task == "CAUSAL_LM" => {}
            Some(_) => return Err(wrong("task_type", "only CAUSAL_LM is supported")),
        }
        match map.remove("init_lora_weights") {
            None | Some(Value::Null | Value::Bool(_)) => {}
            Some(Value::String(way)) if PLAIN_BEGINNINGS.contains(&way.as_str()) => {}
            Some(_) => {
                return Err(wrong(
                    "init_lora_weights",
                    "it changes the base; convert the adapter to a plain one first",
                ));
            }
        }
        let mut is_everywhere = true;
        for key in ["layers_to_transform", "exclude_modules"] {
            is_everywhere &= map.remove(key).is_none_or(|value| is_empty(&value));
        }
        let rank = match map.remove("r") {
            None => return Err(PeftConfigError::Missing("r")),
            Some(value) => value
                .as_u64()
                .and_then(|rank| usize::try_from(rank).ok())
                .filter(|&rank| rank > 0)
                .ok_or_else(|| wrong("r", "is no positive integer"))?,
        };
        let alpha = match map.remove("lora_alpha") {
            None => return Err(PeftConfigError::Missing("lora_alpha")),
            Some(value) => value
                .as_f64()
                .filter(|alpha| alpha.is_finite())
                .ok_or_else(|| wrong("lora_alpha", "is no number"))?,
        };
        let is_rank_stabilised = match map.remove("use_rslora") {
            None | Some(Value::Null) => false,
            Some(value) => value
                .as_bool()
                .ok_or_else(|| wrong("use_rslora", "is neither true nor false"))?,
        };
        let mut pattern = |key: &'static str| {
            let mut numbers = BTreeMap::new();
            match map.remove(key) {
                None | Some(Value::Null) => {}
                Some(Value::Object(entries)) => {
                    for (module, value) in entries {
                        let number = value
                            .as_f64()
                            .filter(|number| number.is_finite() && *number > 0.0)
                            .ok_or_else(|| {
                                wrong(key, "holds something else than positive numbers")
                            })?;
                        if !module
                            .chars()
                            .all(|c| c.is_ascii_alphanumeric() || "._".contains(c))
                        {
                            return Err(wrong(key, "regular expressions are not supported"));
                        }
                        numbers.insert(module, number);
                    }
                }
                Some(_) => return Err(wrong(key, "is no object")),
            }
            Ok(numbers)
        };
        let (rank_pattern, alpha_pattern) = (pattern("rank_pattern")?, pattern("alpha_pattern")?);
        let targets = match map.remove("target_modules") {
            Some(Value::Array(names)) => Some(
                names
                    .into_iter()
                    .map(|name| name.as_str().map(String::from))
                    .collect::<Option<Vec<_>>>()
                    .ok_or_else(|| wrong("target_modules", "holds something else than names"))?,
            ),
            // A pattern, or a word such as `all-linear`: the tensors themselves tell.
            Some(Value::String(_) | Value::Null) | None => None,
            Some(_) => return Err(wrong("target_modules", "is neither a list nor a pattern")),
        };
        let invocation = match map.remove("alora_invocation_tokens") {
            None | Some(Value::Null) => Vec::new(),
            Some(value) => serde_json::from_value(value)
                .map_err(|_| wrong("alora_invocation_tokens", "is no list of tokens"))?,
        };
        if let Some((key, _)) = map.iter().find(|(_, value)| !is_empty(value)) {
            return Err(PeftConfigError::UnknownKey(key.clone()));
        }
        Ok(PeftConfig {
            rank,
            alpha,
            is_rank_stabilised,
            rank_pattern,
            alpha_pattern,
            targets,
            is_everywhere,
            invocation,
        })
    }

    /// Whether a module is among the targets; true when the configuration lists none.
    fn names(&self, module: &str) -> bool {
        self.targets
            .as_ref()
            .is_none_or(|targets| targets.iter().any(|wanted| is_suffix(module, wanted)))
    }

    /// The rank that the configuration gives a module, and the scale of its product.
    fn rank_and_scale(&self, module: &str) -> (usize, f64) {
        let rank = lookup(&self.rank_pattern, module).unwrap_or(self.rank as f64);
        let alpha = lookup(&self.alpha_pattern, module).unwrap_or(self.alpha);
        let divisor = if self.is_rank_stabilised {
            rank.sqrt()
        } else {
            rank
        };
        (rank as usize, alpha / divisor)
    }
}

/// The entry of the first key that is a module's name or the end of it.
fn lookup(pattern: &BTreeMap<String, f64>, module: &str) -> Option<f64> {
    let entry = pattern.iter().find(|(key, _)| is_suffix(module, key));
    entry.map(|(_, &number)| number)
}

/// True for a module's name, or the end of it that begins at a dot.
fn is_suffix(module: &str, end: &str) -> bool {
    module
        .strip_suffix(end)
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// False, null, and empty containers say nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    }
}

/// Builds the adapter from its tensors; each of them must have its place.
pub(super) fn assemble(
    peft: &PeftConfig,
    tensors: &BTreeMap<String, safetensors::Matrix>,
    config: &Config,
) -> Result<Adapter, AdapterError> {
    let mut builder = Builder::new(config);
    for (name, tensor) in tensors {
        let (module, side) = split_name(name)
            .ok_or_else(|| tensor_error(name, "it is no part of a low-rank adapter"))?;
        let (layer_idx, target) = place(module)
            .filter(|&(layer_idx, _)| layer_idx < config.n_layers)
            .ok_or_else(|| {
                tensor_error(name, "the model has no such linear layer in its blocks")
            })?;
        let partner_name = name.replace(side.name(), side.other().name());
        let partner = tensors.get(&partner_name).ok_or_else(|| {
            tensor_error(name, format!("its partner `{partner_name}` is missing"))
        })?;
        if side == Side::B {
            continue;
        }
        let (rank, scale) = peft.rank_and_scale(module);
        if tensor.n_rows != rank {
            let problem = format!("its rank is {}, `{CONFIG}` says {rank}", tensor.n_rows);
            return Err(tensor_error(name, problem));
        }
        if !peft.names(module) {
            return Err(tensor_error(
                name,
                "`target_modules` does not name its layer",
            ));
        }
        let mut numbers = partner.numbers.clone();
        if let Target::Q | Target::K = target
            && config.has_paired_heads()
        {
            numbers = pair_rows(&numbers, partner.n_rows, config.head_dim);
        }
        let up = Stored {
            name: &partner_name,
            n_rows: partner.n_rows,
            n_cols: partner.n_cols,
            numbers,
        };
        let down = Stored {
            name,
            n_rows: tensor.n_rows,
            n_cols: tensor.n_cols,
            numbers: tensor.numbers.clone(),
        };
        builder.add(layer_idx, target, &down, &up, scale as f32)?;
    }
    if peft.targets.is_some() && peft.is_everywhere {
        for layer_idx in 0..config.n_layers {
            for target in Target::ALL {
                let module = format!("model.layers.{layer_idx}.{}", target.module());
                let name = format!("base_model.model.{module}.lora_A.weight");
                if peft.names(&module) && !tensors.contains_key(&name) {
                    return Err(tensor_error(&name, "it is missing"));
                }
            }
        }
    }
    if tensors.is_empty() {
        return Err(tensor_error("lora_A", "the file holds none"));
    }
    builder.finish(peft.invocation.clone())
}

/// Which matrix of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    A,
    B,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Side::A => ".lora_A.",
            Side::B => ".lora_B.",
        }
    }

    fn other(self) -> Side {
        match self {
            Side::A => Side::B,
            Side::B => Side::A,
        }
    }
}

/// The module that a tensor belongs to, without the wrappers' prefix, and which matrix it is.
fn split_name(name: &str) -> Option<(&str, Side)> {
    let rest = name
        .strip_prefix("base_model.model.")?
        .strip_suffix(".weight")?;
    [Side::A, Side::B].into_iter().find_map(|side| {
        let module = rest.strip_suffix(side.name().trim_end_matches('.'))?;
        Some((module, side))
    })
}

/// The layer and the linear map of a module such as `model.layers.3.mlp.up_proj`.
fn place(module: &str) -> Option<(usize, Target)> {
    let (layer, part) = module.strip_prefix("model.layers.")?.split_once('.')?;
    let target = Target::ALL
        .into_iter()
        .find(|target| target.module() == part)?;
    // One spelling only, so that no layer comes twice.
    let layer_idx: usize = layer.parse().ok()?;
    (layer_idx.to_string() == layer).then_some((layer_idx, target))
}
