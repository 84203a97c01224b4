//! The same run for tools that train on many GPUs: examples, settings and the command to type, as files.
//!
//! Sources: the settings of TRL 1.16 (`SFTConfig`, `ModelConfig`, `ScriptArguments`), axolotl 0.19
//! (`axolotl.utils.schemas`), LLaMA-Factory 0.9.5 (`llamafactory.hparams`), transformers 5.23
//! (`TrainingArguments`) and accelerate 1.15.

use serde_json::{Value, json};

use crate::data::Row;
use crate::optimiser::Schedule;
use crate::settings::Settings;

mod axolotl;
mod llama_factory;
mod sharding;
mod trl;
mod yaml;

/// A tool that a run can be handed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// TRL's `trl sft`.
    Trl,
    /// `axolotl train`.
    Axolotl,
    /// `llamafactory-cli train`.
    LlamaFactory,
}

/// Why a run cannot be handed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandoverError {
    /// None of the tools' settings has a key for it.
    #[error("hand over the run: activated adapters have no setting in this tool")]
    Activated,
    /// The tools take whole numbers.
    #[error("hand over the run: `lora_alpha` is {0}, and this tool takes whole numbers only")]
    Alpha(String),
    /// A conversation that the tool would skip.
    #[error(
        "hand over the run: example {0} does not alternate between user and assistant, and this tool would skip it"
    )]
    Turns(usize),
}

/// A run to be handed over.
#[derive(Debug, Clone, Copy)]
pub struct Handover<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// The base, as the tool finds it: a name on the hub, or a folder.
    pub base: &'a str,
    /// Examples to learn from.
    pub rows: &'a [Row],
    /// Examples that only measure.
    pub aside: &'a [Row],
    /// Steps of the whole run.
    pub n_steps: u64,
    /// GPUs that train together.
    pub n_gpus: usize,
}

/// A file with its text.
pub type TextFile = (&'static str, String);

impl Handover<'_> {
    /// The files for a tool, to be written to a folder of their own.
    ///
    /// # Errors
    /// When the tool cannot do the same.
    pub fn files(&self, tool: Tool) -> Result<Vec<TextFile>, HandoverError> {
        if !self.settings.alora_invocation_tokens.is_empty()
            || self.settings.alora_invocation_string.is_some()
        {
            return Err(HandoverError::Activated);
        }
        if self.settings.lora_alpha.fract() != 0.0 {
            return Err(HandoverError::Alpha(self.settings.lora_alpha.to_string()));
        }
        match tool {
            Tool::Trl => Ok(trl::files(self)),
            Tool::Axolotl => Ok(axolotl::files(self)),
            Tool::LlamaFactory => llama_factory::files(self),
        }
    }

    /// Batches that each GPU adds up in a step, so that a step has as many examples as the settings say,
    /// or as few more as possible.
    fn accumulation(&self) -> usize {
        self.settings
            .gradient_accumulation_steps
            .div_ceil(self.n_gpus)
    }

    /// Examples of a step, on all GPUs.
    fn per_step(&self) -> usize {
        self.settings.micro_batch_size * self.accumulation() * self.n_gpus
    }

    /// Settings that keep the names of `transformers` where a tool takes its arguments as they are.
    fn arguments(&self) -> [(&'static str, Value); 5] {
        let settings = self.settings;
        [
            (
                "per_device_train_batch_size",
                json!(settings.micro_batch_size),
            ),
            ("num_train_epochs", json!(settings.num_epochs)),
            ("lr_scheduler_type", json!(self.scheduler())),
            ("optim", json!("adamw_torch")),
            ("report_to", json!("none")),
        ]
    }

    /// Settings that `transformers` gave their names, which all three tools pass on.
    fn common(&self) -> Vec<(&'static str, Value)> {
        let settings = self.settings;
        let mut common = vec![
            ("learning_rate", json!(settings.learning_rate)),
            ("warmup_steps", json!(settings.n_warmup(self.n_steps))),
            ("weight_decay", json!(settings.weight_decay)),
            ("max_grad_norm", json!(settings.max_grad_norm)),
            ("adam_beta1", json!(settings.adam_beta1)),
            ("adam_beta2", json!(settings.adam_beta2)),
            ("adam_epsilon", json!(settings.adam_epsilon)),
            ("gradient_accumulation_steps", json!(self.accumulation())),
            (
                "gradient_checkpointing",
                json!(settings.gradient_checkpointing.unwrap_or(true)),
            ),
            ("bf16", json!(true)),
            ("seed", json!(settings.seed)),
            ("logging_steps", json!(1)),
            ("save_total_limit", json!(settings.save_total_limit)),
        ];
        if let Some(steps) = settings.max_steps {
            common.push(("max_steps", json!(steps)));
        }
        let schedule = |steps: Option<u64>| match steps {
            Some(steps) => ("steps", Some(steps)),
            None => ("epoch", None),
        };
        let (eval, eval_steps) = schedule(settings.eval_steps);
        // The best adapter can only be one that was saved.
        let (save, save_steps) = match (settings.load_best_model_at_end, settings.save_steps) {
            (true, _) => (eval, eval_steps),
            (false, Some(steps)) => ("steps", Some(steps)),
            (false, None) => ("epoch", None),
        };
        common.push(("save_strategy", json!(save)));
        common.extend(save_steps.map(|steps| ("save_steps", json!(steps))));
        if !self.aside.is_empty() {
            common.push(("eval_strategy", json!(eval)));
            common.extend(eval_steps.map(|steps| ("eval_steps", json!(steps))));
            let loads_best = settings.load_best_model_at_end;
            common.push(("load_best_model_at_end", json!(loads_best)));
        }
        common
    }

    /// The course of the learning rate, as `transformers` calls it.
    fn scheduler(&self) -> &'static str {
        match self.settings.lr_scheduler {
            Schedule::Cosine => "cosine",
            Schedule::Linear => "linear",
            Schedule::Constant => "constant_with_warmup",
        }
    }

    /// The adapted layers by name.
    fn targets(&self) -> Vec<&'static str> {
        let targets = self.settings.lora_target_modules.iter();
        targets.map(|target| target.name()).collect()
    }

    /// What is in the folder, and what to type there.
    fn readme(&self, tool: &str, commands: &[(&str, &str)], notes: &[&str]) -> String {
        let mut text = format!(
            "# A training run for {tool}\n\n\
             Base `{}`, {} examples to learn from, {} to measure on, {} examples in a step on {} GPU(s).\n\n\
             Type one of these in this folder:\n\n",
            self.base,
            self.rows.len(),
            self.aside.len(),
            self.per_step(),
            self.n_gpus,
        );
        for (what, command) in commands {
            text += &format!("{what}:\n\n```sh\n{command}\n```\n\n");
        }
        text += "The adapter comes back with:\n\n```sh\nmapcoder adapters import out --base MODEL -o adapters/NAME\n```\n";
        for note in notes {
            text += &format!("\n{note}\n");
        }
        text
    }
}

/// JSON lines of some values.
fn lines(values: impl Iterator<Item = Value>) -> String {
    values.map(|value| format!("{value}\n")).collect()
}

/// A message as all tools read it.
fn message(message: &model::ChatMessage) -> Value {
    json!({ "role": message.role, "content": message.content })
}

/// For each reply that is trained: what comes before it, and the reply.
fn replies(row: &Row) -> impl Iterator<Item = (&[model::ChatMessage], &model::ChatMessage)> {
    let last = row.last_reply();
    let messages = row.messages.iter().enumerate();
    messages
        .filter(move |(i, message)| {
            message.role == "assistant" && (!row.last_only || Some(*i) == last)
        })
        .map(|(i, message)| (&row.messages[..i], message))
}

/// The file that measures, where there is something to measure on.
fn with_aside(
    name: &'static str,
    aside: &[Row],
    write: impl Fn(&[Row]) -> String,
) -> Option<TextFile> {
    (!aside.is_empty()).then(|| (name, write(aside)))
}
