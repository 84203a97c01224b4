//! `mapcoder train`: an adapter from examples.

mod export;
mod masks;
mod plan;
mod progress;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use model::{ChatTemplate, Source, Tokenizer};
use trainer::{
    DataError, DataSource, Encoding, Ending, Example, Job, Longest, Plan, Settings as TrainSettings,
};

use self::progress::Progress;
use crate::args::{TrainArgs, TrainCommand};
use crate::assets::{LocalModel, io_error};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;

/// The share of the memory that is free which a run may take.
const SHARE_OF_MEMORY: f64 = 0.6;

/// What every agent's run has in common.
struct Shared<'a> {
    settings: TrainSettings,
    /// The folder that paths in the settings are relative to.
    folder: PathBuf,
    source: Box<dyn Source>,
    tokenizer: Tokenizer,
    template: ChatTemplate,
    n_threads: usize,
    ui: &'a Ui,
}

/// Runs the command.
///
/// # Errors
/// When the settings, the examples, the model or a checkpoint cannot be used, or a loss is not finite.
pub(super) fn run(args: &TrainArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen(ui)?;
    if let Some(TrainCommand::Export(export)) = &args.command {
        let shared = Shared::load(&export.settings, None, settings, ui, &interrupt)?;
        return export::run(&shared, export);
    }
    let path = args.settings.as_deref().context("there are settings")?;
    let shared = Shared::load(path, args.threads, settings, ui, &interrupt)?;
    let agents: Vec<Option<&str>> = match args.agents.is_empty() {
        true => vec![None],
        false => args
            .agents
            .iter()
            .map(|agent| Some(agent.as_str()))
            .collect(),
    };
    if let Some(agent) = args.agents.iter().find(|agent| !is_plain(agent)) {
        let message = format!("`{agent}` is no name of an agent");
        return Err(Failure::new(Exit::Usage, message)
            .help("use letters, digits, `-` and `_`: it becomes the name of a folder")
            .into());
    }
    for agent in agents {
        let exit = shared.agent(agent, args, &interrupt)?;
        if exit != Exit::Success {
            return Ok(exit);
        }
    }
    Ok(Exit::Success)
}

/// True for a name that can be a folder's.
fn is_plain(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() < 100 && name.chars().all(is_plain)
}

/// The model's file or folder: a path beside the settings, or whatever names a model elsewhere.
fn base_model(
    name: &str,
    folder: &Path,
    settings: &Settings,
    ui: &Ui,
    interrupt: &Interrupt,
) -> anyhow::Result<PathBuf> {
    let beside = folder.join(name);
    if beside.exists() {
        return Ok(beside);
    }
    Ok(LocalModel::parse(name)?.ensure(settings, ui, interrupt)?)
}

/// Examples to learn from, and those that only measure.
struct Chosen {
    examples: Vec<Example>,
    aside: Vec<Example>,
}

impl<'a> Shared<'a> {
    /// Reads settings, and opens their model.
    fn load(
        path: &Path,
        threads: Option<u16>,
        settings: &Settings,
        ui: &'a Ui,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Shared<'a>> {
        let yaml = fs::read_to_string(path).map_err(io_error("read", path))?;
        let mut train = TrainSettings::parse(&yaml).map_err(|error| {
            let message = format!("failed to {error}");
            let help = format!(
                "{} is the file; docs/train.md lists the keys",
                path.display()
            );
            Failure::new(Exit::Usage, message).help(help)
        })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let path = base_model(&train.base_model, &folder, settings, ui, interrupt)?;
        let source =
            model::open(&path).with_context(|| format!("cannot use {}", path.display()))?;
        let tokenizer = source.tokenizer().context("cannot train this model")?;
        if let Some(text) = train.alora_invocation_string.take() {
            train.alora_invocation_tokens = tokenizer.encode_inside(&text)?;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Shared {
            tokenizer,
            template: ChatTemplate::load(&*source).context("cannot train this model")?,
            settings: train,
            folder,
            source,
            n_threads: threads.map_or(cores, usize::from),
            ui,
        })
    }

    /// The examples of an agent, or of all.
    fn choose(&self, agent: Option<&str>, about: &str) -> anyhow::Result<Chosen> {
        let examples = self.read(&self.settings.datasets, agent, about)?;
        let tests = self.read(
            &self.settings.test_datasets,
            agent,
            &format!("{about}set aside: "),
        )?;
        let (examples, mut aside) = trainer::set_aside(&self.settings, examples);
        aside.extend(tests);
        if examples.is_empty() {
            let message = format!("{about}there is no row to train on");
            return Err(Failure::new(Exit::NothingSelected, message)
                .help("`datasets` names the files; the line above counts what was left out")
                .into());
        }
        Ok(Chosen { examples, aside })
    }

    fn agent(
        &self,
        agent: Option<&str>,
        args: &TrainArgs,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Exit> {
        let about = agent.map_or(String::new(), |agent| format!("{agent}: "));
        let Chosen { examples, aside } = self.choose(agent, &about)?;
        if let Some(n) = args.show_masks {
            masks::show(&examples[..n.min(examples.len())], &self.tokenizer, self.ui)?;
            return Ok(Exit::Success);
        }
        let longest = Longest::of(examples.iter().chain(&aside));
        let available = crate::memory::available().map(|bytes| bytes as usize);
        let limit = available.map(|bytes| (bytes as f64 * SHARE_OF_MEMORY) as usize);
        let (plan, keep, residence) = Plan::choose(
            &*self.source,
            &self.settings,
            longest,
            limit.unwrap_or(usize::MAX),
        )?;
        // Prefixes may have what is left.
        let prefix_bytes = limit.map_or(0, |limit| limit.saturating_sub(plan.total()));
        if args.plan {
            let shape = self.settings.shape();
            let parts = Plan::parts_of(&*self.source, &shape, longest, keep, residence)?;
            let steps = trainer::steps(&self.settings, &examples);
            let work = plan::Work::new(&steps, &examples);
            let view = plan::View {
                plan: &plan,
                parts: args.layers.then_some(&parts),
                keep,
                available,
                prefix_bytes,
            };
            plan::show(self, &view, &work, agent)?;
            return Ok(Exit::Success);
        }
        let output = self.folder.join(&self.settings.output_dir);
        let output = agent.map_or(output.clone(), |agent| output.join(agent));
        let job = Job {
            settings: &self.settings,
            source: &*self.source,
            examples: &examples,
            set_aside: &aside,
            output: &output,
            n_threads: self.n_threads,
            keep,
            residence,
            prefix_bytes,
        };
        let mut progress = Progress::new(self.ui, interrupt, &about);
        let ending = trainer::train(&job, &mut progress);
        progress.close();
        Ok(match ending? {
            Ending::Interrupted { step } => {
                self.ui.note(&format!(
                    "{about}stopped after step {step}; the same command goes on"
                ));
                Exit::Interrupted
            }
            Ending::Stopped { step } => {
                self.ui.note(&format!(
                    "{about}ended early after step {step}, without progress"
                ));
                self.ui.line(&output.display().to_string())?;
                Exit::Success
            }
            Ending::Finished => {
                self.ui.line(&output.display().to_string())?;
                Exit::Success
            }
        })
    }

    /// Reads files of examples, and says what was left out.
    fn read(
        &self,
        sources: &[DataSource],
        agent: Option<&str>,
        about: &str,
    ) -> anyhow::Result<Vec<Example>> {
        if sources.is_empty() {
            return Ok(Vec::new());
        }
        let encoding = Encoding {
            template: &self.template,
            tokenizer: &self.tokenizer,
            sequence_len: self.settings.sequence_len,
            invocation: &self.settings.alora_invocation_tokens,
            agent,
        };
        let paths: Vec<PathBuf> = sources
            .iter()
            .map(|source| self.folder.join(&source.path))
            .collect();
        let (examples, tally) = encoding.read(&paths).map_err(|error| match error {
            DataError::Row { .. } => Failure::new(Exit::Usage, format!("failed to {error}")).into(),
            error => anyhow::Error::new(error),
        })?;
        self.ui.note(&format!("{about}{tally}"));
        Ok(examples)
    }
}
