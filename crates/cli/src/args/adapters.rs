//! The command line of `mapcoder adapters`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mapcoder adapters list adapters/                       every PEFT folder below
  mapcoder adapters show adapters/planning
  mapcoder adapters verify adapters/planning             against the model that it names
  mapcoder adapters export adapters/planning -o planning.gguf   for llama.cpp
  mapcoder adapters cut adapters/planning --rank 4 --half -o small/planning
  mapcoder adapters import from-cluster/ --base smollm2-135m-instruct -o adapters/planning
  mapcoder adapters merge adapters/planning --base models/SmolLM2-135M-Instruct -o merged/")]
pub(crate) struct AdaptersArgs {
    #[command(subcommand)]
    pub(crate) command: AdaptersCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdaptersCommand {
    /// List the adapters in a folder
    #[command(visible_alias = "ls")]
    List {
        /// The folder
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Say what an adapter is
    Show {
        /// Its PEFT folder
        adapter: PathBuf,
    },
    /// Check an adapter against the model that it is for: every tensor, shape and number
    Verify {
        /// Its PEFT folder
        adapter: PathBuf,
        #[command(flatten)]
        base: BaseArg,
    },
    /// Write an adapter as a GGUF file, which llama.cpp loads
    Export {
        /// Its PEFT folder
        adapter: PathBuf,
        #[command(flatten)]
        base: BaseArg,
        /// The file to write, in one piece
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// Write a smaller one: of a lower rank, in 16-bit floats; and say how far it is from the whole
    Cut(CutArgs),
    /// Take over an adapter that another tool trained, after a strict check
    Import(ImportArgs),
    /// Add an adapter to the unquantised weights that it corrects, and compare the two
    Merge {
        /// Its PEFT folder
        adapter: PathBuf,
        #[command(flatten)]
        base: BaseArg,
        /// The folder to write, in one piece
        #[arg(long, short, value_name = "FOLDER")]
        output: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CutArgs {
    /// Its PEFT folder
    pub(crate) adapter: PathBuf,
    #[command(flatten)]
    pub(crate) base: BaseArg,
    /// The highest rank that it may have; the nearest of that rank is written
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rank: Option<u32>,
    /// Write 16-bit floats
    #[arg(long)]
    pub(crate) half: bool,
    /// The folder to write, in one piece
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The PEFT folder, as the other tool wrote it
    pub(crate) adapter: PathBuf,
    #[command(flatten)]
    pub(crate) base: BaseArg,
    /// The folder to write, in one piece
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// The SHA-256 that `adapter_model.safetensors` must have
    #[arg(long, value_name = "HEX")]
    pub(crate) sha256: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BaseArg {
    /// The model; the one that the adapter names unless set
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: Option<String>,
}
