//! Builds what `solve` and `eval` work with: a model, a judge, a ledger and prompts, as the settings say.
//!
//! 1. [`Model::of`] loads the local engine or a recording, or sets up the client of a server, or both for different agents.
//! 2. [`team`] puts everything together under a run whose name is the content of its settings.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use agents::{Allowance, Prompts, Step, Strategy, Team};
use anyhow::Context as _;
use domain::{Agent, Ask, Checker, Digest, Form, Language, Reply, Rung, Task};
use engine::{Device, Engine, EngineError};
use futures_util::future::BoxFuture;
use judge::Judge;
use ledger::{Ledger, LedgerError, RunSpec};
use llm::{
    AgentEndpoint, Budget, Budgeted, ChatError, ChatModel, Matching, OpenAi, OpenAiSettings,
    Prices, Replay,
};
use serde_json::{Value, json};

use crate::adapters;
use crate::assets::{self, LocalModel};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::memory;
use crate::settings::Settings;
use crate::ui::{Ui, megabytes};

/// What answers the agents: the local engine or a recording, a server, or each for some of them.
pub(crate) struct Model {
    local: Option<Box<dyn ChatModel>>,
    server: Option<OpenAi>,
    /// Agents that the server answers for; what is local answers for the others.
    remote: Vec<Agent>,
}

impl Model {
    /// Loads or connects what the settings name.
    ///
    /// # Errors
    /// When a model file cannot be had or used, or a server's settings are wrong.
    pub(crate) fn of(settings: &Settings, ui: &Ui, interrupt: &Interrupt) -> anyhow::Result<Model> {
        let is_remote = |agent: &Agent| {
            settings.base_url.is_some()
                || settings
                    .agents
                    .get(agent)
                    .is_some_and(|own| own.base_url.is_some())
        };
        let remote: Vec<Agent> = Agent::ALL.into_iter().filter(is_remote).collect();
        let server = if remote.is_empty() {
            None
        } else {
            Some(server(settings)?)
        };
        let (unused, adapters): (Vec<_>, Vec<_>) = adapters::of(settings)?
            .into_iter()
            .partition(|(agent, _)| remote.contains(agent));
        if !unused.is_empty() {
            let agents: Vec<&str> = unused.iter().map(|(agent, _)| agent.name()).collect();
            ui.warn(&format!(
                "a server answers for {}, so no adapter is used there",
                agents.join(", ")
            ));
        }
        let local: Option<Box<dyn ChatModel>> = match LocalModel::of(settings)? {
            _ if remote.len() == Agent::ALL.len() => None,
            LocalModel::Recording(path) => {
                if !adapters.is_empty() {
                    ui.warn("a recording answers, so no adapter is used");
                }
                let replay = recording(&path)?;
                let n_exchanges = replay.n_exchanges();
                ui.detail(&format!(
                    "{n_exchanges} recorded replies in {}",
                    path.display()
                ));
                Some(Box::new(replay))
            }
            model => Some(Box::new(engine(settings, &model, adapters, ui, interrupt)?)),
        };
        Ok(Model {
            local,
            server,
            remote,
        })
    }

    fn answering(&self, agent: Agent) -> &dyn ChatModel {
        match (&self.local, &self.server) {
            (_, Some(server)) if self.remote.contains(&agent) => server,
            (Some(local), _) => &**local,
            _ => unreachable!("every agent has something local or the server"),
        }
    }
}

impl ChatModel for Model {
    fn identity(&self, agent: Agent) -> String {
        self.answering(agent).identity(agent)
    }

    fn keeps_shapes(&self, agent: Agent) -> bool {
        self.answering(agent).keeps_shapes(agent)
    }

    fn chat<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, ChatError>> {
        self.answering(ask.agent).chat(ask)
    }
}

fn server(settings: &Settings) -> anyhow::Result<OpenAi> {
    let own = |agent: Agent| settings.agents.get(&agent).cloned().unwrap_or_default();
    let base_url = settings
        .base_url
        .clone()
        .or_else(|| Agent::ALL.into_iter().find_map(|agent| own(agent).base_url))
        .context("no server is set")?;
    let model = settings
        .model
        .clone()
        .filter(|_| settings.base_url.is_some());
    let unnamed = Agent::ALL
        .into_iter()
        .find(|agent| own(*agent).model.is_none());
    let model = match (model, unnamed) {
        (Some(model), _) => model,
        (None, None) => own(Agent::Coding).model.unwrap_or_default(),
        (None, Some(_)) if settings.base_url.is_none() => String::new(),
        (None, Some(_)) => {
            let failure = Failure::new(
                Exit::Usage,
                format!("no model is named for the server {base_url}"),
            );
            return Err(failure
                .help("name it with `--model NAME`; the server lists its models under /models")
                .into());
        }
    };
    let prices = match &settings.prices {
        None => Prices::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("failed to read the price file {}", path.display()))?;
            Prices::from_toml(&text)
                .with_context(|| format!("the price file {}", path.display()))?
        }
    };
    let endpoint = |agent: Agent| AgentEndpoint {
        model: own(agent).model,
        base_url: own(agent).base_url,
        api_key: None,
    };
    let agents: BTreeMap<Agent, AgentEndpoint> = Agent::ALL
        .into_iter()
        .map(|agent| (agent, endpoint(agent)))
        .collect();
    let defaults = OpenAiSettings::new(base_url, model);
    let settings = OpenAiSettings {
        api_key: settings
            .api_key
            .as_ref()
            .map(|key| llm::Secret::new(key.reveal())),
        agents,
        timeout: settings.timeout,
        max_attempts: settings.max_attempts,
        prices,
        ..defaults
    };
    OpenAi::new(settings)
        .map_err(|error| Failure::new(Exit::Usage, format!("failed to {error}")).into())
}

/// How the local engine is set up for a model, without adapters.
pub(crate) fn engine_settings(
    settings: &Settings,
    model: &LocalModel,
    path: &Path,
) -> engine::Settings {
    let known = assets::Asset::find(assets::DEFAULT_MODEL)
        .filter(|asset| asset.path(&settings.cache) == path);
    engine::Settings {
        name: model.name(),
        grammar: settings.grammar,
        lookup: match (settings.lookup, settings.device) {
            (Some(true), _) => Agent::ALL.to_vec(),
            // Where a reply may depend on its batch, guesses are a choice.
            (None, Device::Cpu) => engine::Settings::default().lookup,
            _ => Vec::new(),
        },
        digest: known.and_then(|asset| Digest::from_hex(asset.sha256)),
        ..engine_room(settings)
    }
}

/// What decides on the memory that the local engine takes, whatever the model.
pub(crate) fn engine_room(settings: &Settings) -> engine::Settings {
    let defaults = engine::Settings::default();
    engine::Settings {
        n_threads: settings.threads.map_or(0, |n| n as usize),
        max_sequences: settings
            .n_parallel
            .map_or(defaults.max_sequences, |n| n as usize),
        context_tokens: settings.context.map(|n| n as usize),
        weights: settings.weights,
        device: settings.device,
        // A device has memory of its own.
        memory_bytes: memory::available()
            .filter(|_| settings.device == Device::Cpu)
            .map(|n_bytes| n_bytes as usize),
        ..defaults
    }
}

/// The exchanges of a run that was exported, to be answered from.
///
/// # Errors
/// When the file cannot be read, or holds no exchange.
pub(crate) fn recording(path: &Path) -> Result<Replay, Failure> {
    let failed = |why: String| {
        let message = format!("failed to use the recording {}: {why}", path.display());
        Failure::new(Exit::Usage, message).help("`mapcoder runs export RUN -o FILE` writes one")
    };
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let replay = Replay::read(BufReader::new(file), Matching::Exact)
        .map_err(|error| failed(error.to_string()))?;
    if replay.n_exchanges() == 0 {
        return Err(failed("it holds no exchange".to_string()));
    }
    Ok(replay)
}

fn engine(
    settings: &Settings,
    model: &LocalModel,
    adapters: Vec<(Agent, PathBuf)>,
    ui: &Ui,
    interrupt: &Interrupt,
) -> anyhow::Result<Engine> {
    let path = model.ensure(settings, ui, interrupt)?;
    let started = Instant::now();
    let engine = Engine::load(
        &path,
        engine::Settings {
            adapters: adapters.clone(),
            ..engine_settings(settings, model, &path)
        },
    )
    .map_err(|error| refusal(error, &path))?;
    let plan = engine.plan();
    ui.detail(&format!(
        "model {} loaded in {:.2} s: {} of weights, {} of adapters, {} of cache for {} tokens, {} of scratch, {} replies \
         at a time",
        path.display(),
        started.elapsed().as_secs_f64(),
        megabytes(plan.weights_bytes as u64),
        megabytes(plan.adapters_bytes as u64),
        megabytes(plan.cache_bytes as u64),
        plan.cache_tokens,
        megabytes(plan.scratch_bytes as u64),
        plan.max_sequences,
    ));
    for (agent, path) in adapters {
        if let Some(adapter) = engine.adapter(agent) {
            let digest = adapter.digest.short();
            let scope = match adapter.invocation.as_slice() {
                [] => "on every token".to_string(),
                tokens => format!("from {} tokens of invocation on", tokens.len()),
            };
            ui.detail(&format!(
                "{agent} speaks through adapter {digest} of rank {}, {scope}: {}",
                adapter.rank,
                path.display()
            ));
        }
    }
    Ok(engine)
}

/// Why the engine cannot start with a model, and what can be done about it.
pub(crate) fn refusal(error: EngineError, path: &Path) -> Failure {
    let failed = |error: &dyn std::fmt::Display| format!("{}: failed to {error}", path.display());
    match error {
        EngineError::Memory {
            plan,
            available_bytes,
        } => {
            let help = if plan.fixed_bytes() < available_bytes {
                format!(
                    "lower `--n-parallel`, now {}, or `--context`, now {} tokens: both decide on the cache",
                    plan.max_sequences, plan.context_tokens
                )
            } else {
                "choose a smaller model, or keep its weights in 4 bits with `--weights q4_1`"
                    .to_string()
            };
            Failure::new(Exit::Usage, failed(&error)).help(help)
        }
        EngineError::Adapter { path, source } => {
            let message = format!("{}: failed to {source}", path.display());
            Failure::new(Exit::Failure, message)
                .help("an adapter is a folder of PEFT or a GGUF file that was made for the model in use")
        }
        EngineError::Model(model::ModelError::Device(error)) => {
            Failure::new(Exit::Failure, error.to_string()).help("`--device cpu` runs everywhere")
        }
        EngineError::Setting(_) => Failure::new(Exit::Usage, failed(&error))
            .help("without `--context` it is what the model was trained for, at most 8192 tokens"),
        error => Failure::new(Exit::Failure, failed(&error)).help(
            "`--model` takes a GGUF file, or a folder of safetensors, of the Llama or Qwen2 family; without it \
             the default model is used",
        ),
    }
}

/// Starts the judge.
///
/// # Errors
/// When the machine offers no sandbox that is strong enough.
pub(crate) fn judge(settings: &Settings, ui: &Ui) -> anyhow::Result<Judge> {
    let judge = Judge::start(settings.for_judge()).map_err(|error| {
        Failure::new(Exit::JudgeUnavailable, format!("failed to start the judge: {error}"))
            .help("`mapcoder doctor` says what is missing; `--allow-weak` runs programs without a sandbox")
    })?;
    if judge.rung() == Rung::Weak {
        ui.warn("programs run without a sandbox, as --allow-weak asks");
    }
    Ok(judge)
}

/// Starts the judge for programs in the language of the settings.
///
/// # Errors
/// As [`judge`], and when nothing on this machine runs the language.
pub(crate) fn judge_of_language(settings: &Settings, ui: &Ui) -> anyhow::Result<Judge> {
    let judge = judge(settings, ui)?;
    if judge.toolchain(settings.language).is_none() {
        let failure = Failure::new(
            Exit::JudgeUnavailable,
            format!(
                "no toolchain for {} on this machine",
                settings.language.title()
            ),
        );
        return Err(failure
            .help("`mapcoder doctor` says what was looked for")
            .into());
    }
    Ok(judge)
}

/// Functions are tested by Python asserts, so they can be written in Python alone.
///
/// # Errors
/// When a problem asks for a function and the settings for another language.
pub(crate) fn check_language(settings: &Settings, tasks: &[Task]) -> Result<(), Failure> {
    let function = tasks
        .iter()
        .find(|task| matches!(task.problem.form, Form::Function { .. }));
    match function {
        Some(task) if settings.language != Language::Python => {
            let message = format!(
                "{} asks for a Python function, not for {}",
                task.problem.id,
                settings.language.title()
            );
            Err(Failure::new(Exit::Usage, message)
                .help("leave `--language` out, or choose problems that read standard input"))
        }
        _ => Ok(()),
    }
}

/// The prompts that the settings name.
///
/// # Errors
/// When the user's folder or a template in it cannot be used.
pub(crate) fn prompts(settings: &Settings) -> anyhow::Result<Prompts> {
    match &settings.prompts {
        None => Ok(Prompts::built_in()),
        Some(folder) => Prompts::from_folder(folder).map_err(|error| {
            Failure::new(Exit::Usage, format!("failed to {error}"))
                .help("the built-in templates are a starting point: `mapcoder config prompts FOLDER` writes them")
                .into()
        }),
    }
}

/// The strategy that the settings name.
///
/// # Errors
/// When the settings do not fit together.
pub(crate) fn strategy(settings: &Settings) -> Result<Strategy, Failure> {
    let usage = |message: &str| Failure::new(Exit::Usage, message);
    let named: Strategy = settings
        .strategy
        .parse()
        .map_err(|error: agents::UnknownStrategy| usage(&error.to_string()))?;
    let (k, t, n) = (
        settings.k as usize,
        settings.t as usize,
        settings.n as usize,
    );
    let without = settings.without;
    if !matches!(named, Strategy::MapCoder { .. }) && !without.is_nobody() {
        return Err(usage("`without` leaves agents out of `mapcoder` alone")
            .help("drop `--without`, or choose `--strategy mapcoder`"));
    }
    if matches!(named, Strategy::BestOfN { .. }) && settings.sampling.temperature == 0.0 {
        return Err(
            usage("best-of-n draws the same program every time at temperature 0")
                .help("set a temperature, such as `--temperature 0.8`"),
        );
    }
    Ok(match named {
        Strategy::Analogical { .. } => Strategy::Analogical { k },
        Strategy::Reflexion { .. } => Strategy::Reflexion { t },
        Strategy::CodeSim { .. } => Strategy::CodeSim { p: k, d: t },
        Strategy::BestOfN { .. } => Strategy::BestOfN { n },
        Strategy::MapCoder { .. } => Strategy::MapCoder { k, t, without },
        Strategy::Direct | Strategy::Cot | Strategy::SelfPlanning => named,
    })
}

/// How outputs were compared in a run, as its settings say; line by line where they do not.
pub(crate) fn checker(settings: &Value) -> Checker {
    serde_json::from_value(settings["checker"].clone()).unwrap_or(Checker::Lines)
}

/// What answers, in one line: for all agents, or for each where they differ; a base that all share is named once.
pub(crate) fn answering(model: &impl ChatModel) -> String {
    let identities = Agent::ALL.map(|agent| model.identity(agent));
    if identities.iter().all(|identity| *identity == identities[0]) {
        return identities[0].clone();
    }
    let of_each = |names: &mut dyn Iterator<Item = (Agent, &str)>| {
        let each = names.map(|(agent, name)| format!("{name} ({agent})"));
        each.collect::<Vec<_>>().join(", ")
    };
    let parts = identities
        .each_ref()
        .map(|identity| match identity.split_once('+') {
            Some((base, adapter)) => (base, Some(adapter)),
            None => (identity.as_str(), None),
        });
    let base = parts[0].0;
    if parts.iter().all(|(other, _)| *other == base) {
        let agents = Agent::ALL.into_iter().zip(parts);
        let mut adapters = agents.filter_map(|(agent, (_, adapter))| Some((agent, adapter?)));
        return format!("{base} with adapters {}", of_each(&mut adapters));
    }
    let names = identities.iter().map(String::as_str);
    of_each(&mut Agent::ALL.into_iter().zip(names))
}

/// The agents whose replies a model holds to their form.
pub(crate) fn held(model: &impl ChatModel) -> Vec<Agent> {
    let agents = Agent::ALL.into_iter();
    agents.filter(|agent| model.keeps_shapes(*agent)).collect()
}

/// A team with the model that it asks, which knows what was spent.
pub(crate) struct Wired {
    pub(crate) team: Team,
    pub(crate) model: Arc<Budgeted<Model>>,
    spec: RunSpec,
}

impl Wired {
    /// Goes over to the run with the next seed, whose answers are independent of those so far.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(crate) fn next_draw(&mut self) -> Result<(), LedgerError> {
        let sampling = &mut self.team.sampling;
        sampling.seed = sampling.seed.wrapping_add(1);
        self.spec.settings["sampling"] = json!(sampling);
        self.team.run = self.team.ledger.begin_run(&self.spec)?;
        Ok(())
    }
}

/// What a team is put together for, beside the settings.
pub(crate) struct Assignment {
    /// The command that is recorded.
    pub(crate) command: &'static str,
    /// What names the data.
    pub(crate) data: Value,
    /// How outputs are compared.
    pub(crate) checker: Checker,
    /// What may be spent on one problem.
    pub(crate) allowance: Allowance,
}

/// Puts a team together. The run's name is made of everything that its results depend on: the same command on
/// the same data continues the same run.
///
/// # Errors
/// When any part cannot be had.
pub(crate) fn team(
    settings: &Settings,
    assignment: Assignment,
    ui: &Ui,
    interrupt: &Interrupt,
    on_step: impl Fn(&str, Step) + Send + Sync + 'static,
) -> anyhow::Result<Wired> {
    let Assignment {
        command,
        data,
        checker,
        allowance,
    } = assignment;
    let prompts = prompts(settings)?;
    let ledger = Ledger::open(&settings.ledger)?;
    let judge = judge_of_language(settings, ui)?;
    let model = Model::of(settings, ui, interrupt)?;
    let strategy = strategy(settings)?;
    let mut spec = RunSpec {
        command: command.to_string(),
        settings: json!({
            "data": data,
            "strategy": strategy,
            "models": Agent::ALL.map(|agent| model.identity(agent)),
            "sampling": settings.sampling,
            "prompts": prompts.digest(),
            "language": settings.language,
            "checker": checker,
        }),
    };
    let held = held(&model);
    if !held.is_empty() {
        // Only then, so that runs without it keep their names.
        spec.settings["grammar"] = json!(held);
    }
    if allowance != Allowance::default() {
        spec.settings["allowance"] = json!(allowance);
    }
    let run = ledger.begin_run(&spec)?;
    let budget = Budget {
        calls: settings.budget.calls,
        tokens: settings.budget.tokens,
        cost: settings.budget.cost,
        time: settings.budget.time,
    };
    let model = Arc::new(Budgeted::new(model, budget));
    let team = Team {
        model: model.clone(),
        judge,
        ledger,
        run,
        prompts,
        strategy,
        language: settings.language,
        sampling: settings.sampling.clone(),
        checker,
        allowance,
        is_stopped: Box::new({
            let interrupt = interrupt.clone();
            move || interrupt.is_set()
        }),
        on_step: Box::new(on_step),
    };
    Ok(Wired { team, model, spec })
}

#[cfg(test)]
mod tests;
