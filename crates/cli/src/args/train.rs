//! The command line of `mapcoder train`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Default, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  mapcoder train planning.yaml                     train, or go on where the last run was cut off
  mapcoder train team.yaml --agent planning        only its rows, into OUTPUT_DIR/planning
  mapcoder train team.yaml --agent planning --agent coding
  mapcoder train planning.yaml --plan              steps, memory and time, without training
  mapcoder train planning.yaml --plan --layers     memory layer by layer
  mapcoder train planning.yaml --show-masks 3      what is trained in the first examples
  mapcoder train export planning.yaml --to trl -o cluster/   the same run for many GPUs

A file with all that must be there:
  base_model: smollm2-135m-instruct                a name, a GGUF file, or a folder
  datasets: rows.jsonl                             `messages`, or `prompt` and `completion`
  output_dir: adapters/planning                    a PEFT folder, checkpoints, and trainer_log.jsonl

Other keys are those of axolotl and of Hugging Face's trainer; docs/train.md lists them.
The same command goes on with a run that was cut off, and ends with the same bytes.

Exit codes:
  0 trained · 1 failure, such as a loss that is no number · 2 wrong usage or settings
  4 no row to train on · 130 interrupted, the same command goes on"
)]
pub(crate) struct TrainArgs {
    #[command(subcommand)]
    pub(crate) command: Option<TrainCommand>,

    /// The settings of the run, in YAML
    #[arg(value_name = "SETTINGS", required = true)]
    pub(crate) settings: Option<PathBuf>,

    /// Train the rows of this agent (and those of none), into a folder of its name below `output_dir`;
    /// may be repeated
    #[arg(long = "agent", value_name = "NAME")]
    pub(crate) agents: Vec<String>,

    /// Say what the run will need and how long it will take, and stop
    #[arg(long, conflicts_with = "show_masks")]
    pub(crate) plan: bool,

    /// With `--plan`: the memory layer by layer
    #[arg(long, requires = "plan")]
    pub(crate) layers: bool,

    /// Show the first examples with what is trained between ⟦ and ⟧, and stop
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "5")]
    pub(crate) show_masks: Option<usize>,

    /// Threads that compute; as many as cores unless set
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TrainCommand {
    /// Write examples, settings and the command for a tool that trains on many GPUs
    Export(TrainExportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TrainExportArgs {
    /// The settings of the run, in YAML
    #[arg(value_name = "SETTINGS")]
    pub(crate) settings: PathBuf,

    /// The tool
    #[arg(long, value_enum, value_name = "TOOL")]
    pub(crate) to: TrainTool,

    /// The folder to write, in one piece
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) output: PathBuf,

    /// The base as the tool finds it, OWNER/NAME on the hub or a folder; that of the settings unless set
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: Option<String>,

    /// Only the rows of this agent, and those of none
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: Option<String>,

    /// GPUs that will train together
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) gpus: u16,
}

/// Who trains elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrainTool {
    /// TRL of Hugging Face
    Trl,
    /// axolotl
    Axolotl,
    /// LLaMA-Factory
    LlamaFactory,
}
