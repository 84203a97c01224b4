use std::path::PathBuf;

use model::Target;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{DataSource, SetAside, SettingsError};

/// Other names of settings, as other trainers call them.
const ALIASES: [(&str, &str); 22] = [
    ("model_name_or_path", "base_model"),
    ("dataset", "datasets"),
    ("eval_datasets", "test_datasets"),
    ("r", "lora_r"),
    ("lora_rank", "lora_r"),
    ("alpha", "lora_alpha"),
    ("target_modules", "lora_target_modules"),
    ("lora_target", "lora_target_modules"),
    ("lr", "learning_rate"),
    ("lr_scheduler_type", "lr_scheduler"),
    ("per_device_train_batch_size", "micro_batch_size"),
    ("num_train_epochs", "num_epochs"),
    ("max_seq_length", "sequence_len"),
    ("max_length", "sequence_len"),
    ("cutoff_len", "sequence_len"),
    ("packing", "sample_packing"),
    ("optim", "optimizer"),
    ("val_size", "val_set_size"),
    ("peft_type", "adapter"),
    ("finetuning_type", "adapter"),
    ("save_every", "save_steps"),
    ("eval_every", "eval_steps"),
];

/// Formats of examples that need no telling apart: each row says which it is.
const FORMATS: [&str; 3] = ["chat_template", "messages", "prompt_completion"];

/// The keys of a file, taken one by one.
pub(super) struct Keys {
    map: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Keys {
    pub(super) fn parse(yaml: &str) -> Result<Keys, SettingsError> {
        let value: Value = serde_saphyr::from_str(yaml)
            .map_err(|error| SettingsError::Yaml(first_line(&error.to_string())))?;
        let Value::Object(given) = value else {
            return Err(SettingsError::Yaml(
                "it is no mapping of keys to values".to_string(),
            ));
        };
        let mut map = Map::new();
        let mut names = Map::new();
        for (name, value) in given {
            let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
            let key = alias.map_or(name.as_str(), |(_, key)| key).to_string();
            if let Some(Value::String(first)) = names.insert(key.clone(), name.clone().into()) {
                return Err(SettingsError::Twice(first, name));
            }
            map.insert(key, value);
        }
        Ok(Keys {
            map,
            known: Vec::new(),
        })
    }

    /// A setting that may be absent, or empty.
    pub(super) fn optional<V: DeserializeOwned>(
        &mut self,
        key: &'static str,
    ) -> Result<Option<V>, SettingsError> {
        self.known.push(key);
        match self.map.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value)
                .map(Some)
                .map_err(|error| wrong(key, format!("cannot be read: {error}"))),
        }
    }

    /// A setting with a default.
    pub(super) fn or<V: DeserializeOwned>(
        &mut self,
        key: &'static str,
        default: V,
    ) -> Result<V, SettingsError> {
        Ok(self.optional(key)?.unwrap_or(default))
    }

    /// A setting without which nothing can be done.
    pub(super) fn need<V: DeserializeOwned>(
        &mut self,
        key: &'static str,
    ) -> Result<V, SettingsError> {
        self.optional(key)?.ok_or(SettingsError::Missing(key))
    }

    /// A count above zero.
    pub(super) fn positive(
        &mut self,
        key: &'static str,
        default: usize,
    ) -> Result<usize, SettingsError> {
        match self.or(key, default)? {
            0 => Err(wrong(key, "must be a whole number above 0")),
            n if n > 1 << 24 => Err(wrong(key, "is beyond reason")),
            n => Ok(n),
        }
    }

    /// A number within bounds.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        default: f64,
        is_allowed: impl Fn(f64) -> bool,
    ) -> Result<f64, SettingsError> {
        // `1e-4` without a dot is a text to some readers of YAML.
        let number = match self.map.get(key) {
            Some(Value::String(text)) => match text.parse() {
                Ok(number) => {
                    self.map.remove(key);
                    self.known.push(key);
                    number
                }
                Err(_) => self.or(key, default)?,
            },
            _ => self.or(key, default)?,
        };
        if number.is_finite() && is_allowed(number) {
            Ok(number)
        } else {
            Err(wrong(key, format!("cannot be {number}")))
        }
    }

    /// A word of a few, which changes nothing since only one way is there.
    pub(super) fn one_of(
        &mut self,
        key: &'static str,
        default: &str,
        allowed: &[&str],
    ) -> Result<(), SettingsError> {
        let word = self.or(key, default.to_string())?;
        if allowed.contains(&word.to_lowercase().as_str()) {
            Ok(())
        } else {
            Err(wrong(
                key,
                format!("cannot be `{word}`, only `{}`", allowed[0]),
            ))
        }
    }

    /// Files of examples: paths, or mappings with a path.
    pub(super) fn sources(&mut self, key: &'static str) -> Result<Vec<DataSource>, SettingsError> {
        let entries = match self.or(key, Value::Null)? {
            Value::Null => Vec::new(),
            Value::Array(entries) => entries,
            one => vec![one],
        };
        let mut sources = Vec::new();
        for entry in entries {
            let path = match entry {
                Value::String(path) => path,
                Value::Object(mut entry) => {
                    let format = entry.remove("type");
                    let is_known = |format: &Value| {
                        format
                            .as_str()
                            .is_some_and(|format| FORMATS.contains(&format))
                    };
                    if let Some(format) = format.filter(|format| !is_known(format)) {
                        let problem =
                            format!("has the type {format}; known are {}", FORMATS.join(", "));
                        return Err(wrong(key, problem));
                    }
                    // Axolotl's way to say that a path is a file.
                    entry.remove("ds_type");
                    let path = entry.remove("path");
                    if let Some((other, _)) = entry.iter().next() {
                        return Err(SettingsError::Unknown {
                            key: format!("{key}.{other}"),
                            similar: None,
                        });
                    }
                    match path {
                        Some(Value::String(path)) => path,
                        _ => return Err(wrong(key, "has an entry without a `path`")),
                    }
                }
                _ => return Err(wrong(key, "must list paths, or mappings with a `path`")),
            };
            let path = PathBuf::from(path);
            sources.push(DataSource { path });
        }
        Ok(sources)
    }

    pub(super) fn set_aside(&mut self, key: &'static str) -> Result<SetAside, SettingsError> {
        let number = self.number(key, 0.0, |x| x >= 0.0)?;
        match number {
            share if share < 1.0 && share > 0.0 => Ok(SetAside::Share(share)),
            count if count.fract() == 0.0 => Ok(SetAside::Count(count as usize)),
            _ => Err(wrong(key, "must be a share below 1 or a whole number")),
        }
    }

    /// Layers by name; a single word, such as `all` or `all-linear`, means all.
    pub(super) fn targets(&mut self, key: &'static str) -> Result<Vec<Target>, SettingsError> {
        let everywhere: bool = self.or("lora_target_linear", false)?;
        let names = match self.or(key, Value::Null)? {
            Value::Null => return Ok(Target::ALL.to_vec()),
            Value::String(word) if ["all", "all-linear"].contains(&word.as_str()) => {
                return Ok(Target::ALL.to_vec());
            }
            Value::String(names) => names
                .split(',')
                .map(|name| name.trim().to_string())
                .collect(),
            list => serde_json::from_value::<Vec<String>>(list)
                .map_err(|_| wrong(key, "must list names of layers"))?,
        };
        let mut targets = Vec::new();
        for name in names {
            let target = Target::ALL.into_iter().find(|target| target.name() == name);
            targets.push(target.ok_or_else(|| {
                let known = Target::ALL.map(Target::name).join(", ");
                wrong(key, format!("names `{name}`; known are {known}"))
            })?);
        }
        targets.sort_unstable();
        targets.dedup();
        match targets.is_empty() {
            true => Err(wrong(key, "names no layer")),
            false if everywhere => Ok(Target::ALL.to_vec()),
            false => Ok(targets),
        }
    }

    /// Fails when a key is left.
    pub(super) fn finish(self) -> Result<(), SettingsError> {
        let Some((key, _)) = self.map.into_iter().next() else {
            return Ok(());
        };
        let names = self
            .known
            .into_iter()
            .chain(ALIASES.map(|(alias, _)| alias));
        let similar = names
            .map(|name| (strsim::jaro_winkler(&key, name), name))
            .filter(|(likeness, _)| *likeness > 0.85)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        Err(SettingsError::Unknown {
            similar: similar.map(|(_, name)| name.to_string()),
            key,
        })
    }
}

fn wrong(key: &str, problem: impl Into<String>) -> SettingsError {
    SettingsError::Value {
        key: key.to_string(),
        problem: problem.into(),
    }
}

/// Readers add the lines around a mistake, which a one-line message has no room for.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_string()
}
