//! Layered settings: flag > environment > project file > user file > default.
//!
//! 1. [`Surroundings`] holds what is read: environment variables, folders, `--config`.
//! 2. [`Settings::load`] lays the sources over each other and checks every value.
//! 3. The fields of [`Settings`] are typed; [`Settings::shown`] lists each value with its [`Origin`].

mod error;
mod judge;
mod keys;
mod layers;
mod surroundings;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use agents::Without;
use domain::{Agent, Language, Rung, Sampling};
use engine::{Device, Layout};

pub(crate) use self::error::Error;
use self::keys::{KEYS, Value};
use self::layers::Layers;
pub(crate) use self::layers::{Origin, Override};
pub(crate) use self::surroundings::{Hub, Secret, Surroundings};

/// Every setting, checked.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// A GGUF file, a folder, a name on the Hugging Face Hub that begins with `hf:`, a recording that begins with
    /// `replay:`, or a name: of a model in the cache, or on the server. Absent: the default model.
    pub(crate) model: Option<String>,
    /// How the local engine keeps weights.
    pub(crate) weights: Layout,
    /// Where the local engine runs its model.
    pub(crate) device: Device,
    /// Where models of the Hugging Face Hub are.
    pub(crate) hub: Hub,
    /// The OpenAI-compatible server, up to and including `/v1`, without a slash at the end.
    /// Absent: the local engine answers.
    pub(crate) base_url: Option<String>,
    /// The server's key.
    pub(crate) api_key: Option<Secret>,
    /// The adapters of the local engine.
    pub(crate) adapters: Adapters,
    /// What single agents have of their own.
    pub(crate) agents: BTreeMap<Agent, AgentSettings>,
    /// How tokens are drawn.
    pub(crate) sampling: Sampling,
    /// The strategy's name.
    pub(crate) strategy: String,
    /// Exemplars, and so plans, per problem.
    pub(crate) k: u32,
    /// Repairs per plan.
    pub(crate) t: u32,
    /// Programs that `best-of-n` draws.
    pub(crate) n: u32,
    /// Agents that MapCoder does without.
    pub(crate) without: Without,
    /// Language of the programs.
    pub(crate) language: Language,
    /// Problems at a time; absent: the program chooses.
    pub(crate) concurrency: Option<u32>,
    /// Requests that the local engine works on at a time; absent: the program chooses.
    pub(crate) n_parallel: Option<u32>,
    /// Threads of the local engine; absent: as many as cores.
    pub(crate) threads: Option<u32>,
    /// Context of the local engine in tokens; absent: the model's own.
    pub(crate) context: Option<u32>,
    /// Whether the local engine holds replies to their form.
    pub(crate) grammar: bool,
    /// Whether the local engine guesses tokens from what was said before; absent: the program chooses.
    pub(crate) lookup: Option<bool>,
    /// Folder of prompt templates that replace the built-in ones.
    pub(crate) prompts: Option<PathBuf>,
    /// The ledger file.
    pub(crate) ledger: PathBuf,
    /// Folder of fetched models and data.
    pub(crate) cache: PathBuf,
    /// How programs are run.
    pub(crate) judge: JudgeSettings,
    /// When to stop paying.
    pub(crate) budget: BudgetSettings,
    /// File with prices per model.
    pub(crate) prices: Option<PathBuf>,
    /// The longest wait for one reply.
    pub(crate) timeout: Duration,
    /// Requests sent for one reply before giving up.
    pub(crate) max_attempts: u32,
    /// Folders in which programs are looked for, from `PATH`.
    pub(crate) search_path: Vec<PathBuf>,
    /// What the user should know about these settings, one sentence each.
    pub(crate) warnings: Vec<String>,
    shown: Vec<Shown>,
}

/// Which adapters the local engine has for the agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Adapters {
    /// Those that come with the program, where the model is the default one.
    Auto,
    /// None.
    None,
    /// A folder with one for each agent, or one for all of them.
    Folder(PathBuf),
}

/// What one agent has of its own; absent parts are those of the team.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AgentSettings {
    /// Its model.
    pub(crate) model: Option<String>,
    /// Its server.
    pub(crate) base_url: Option<String>,
    /// The adapter that it speaks through where the local engine answers.
    pub(crate) adapter: Option<PathBuf>,
}

/// How programs are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JudgeSettings {
    /// Programs judged at a time; absent: as many as cores.
    pub(crate) cells: Option<u32>,
    /// The weakest isolation that will do; [`Rung::Weak`] only where the user allows it.
    pub(crate) min_rung: Rung,
}

/// When to stop paying. Absent parts have no limit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BudgetSettings {
    /// Model calls.
    pub(crate) calls: Option<u64>,
    /// Tokens, sent and received.
    pub(crate) tokens: Option<u64>,
    /// Money, in the unit of the price file.
    pub(crate) cost: Option<f64>,
    /// Time since the start.
    pub(crate) time: Option<Duration>,
}

/// One setting as `config show` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Its name.
    pub(crate) key: &'static str,
    /// Its value; `auto` where the program chooses, `unset` where there is none, `set` for a secret.
    pub(crate) value: String,
    /// Where the value comes from.
    pub(crate) origin: Origin,
}

impl Settings {
    /// Reads and checks all settings.
    ///
    /// # Errors
    /// On the first file, key or value that cannot be used.
    pub(crate) fn load(
        surroundings: &Surroundings,
        overrides: &[Override],
    ) -> Result<Settings, Error> {
        let mut layers = layers::read(surroundings, overrides)?;
        let mut warnings = Vec::new();
        let both = ["OPENAI_BASE_URL", "OPENAI_API_BASE"].map(|name| surroundings.variable(name));
        if let [Some(new), Some(old)] = both
            && new != old
        {
            warnings.push(
                "OPENAI_BASE_URL and OPENAI_API_BASE differ; OPENAI_BASE_URL is used".to_string(),
            );
        }
        let api_key = surroundings.api_key();
        if api_key.is_some()
            && let Some((url, origin @ Origin::ProjectFile(..))) = layers.get("base_url")
        {
            // A project file may come from somebody else, and so may the address that gets the key.
            warnings.push(format!(
                "OPENAI_API_KEY will be sent to {url}, as {origin} says"
            ));
        }
        prefer_local_file(&mut layers, &mut warnings);

        for (key, folder) in [
            ("ledger", surroundings.default_ledger()),
            ("cache", surroundings.default_cache()),
        ] {
            if !layers.contains_key(key) {
                let folder = folder.ok_or(Error::NoHome(key))?;
                layers.insert(key, (Value::Path(folder), Origin::Default));
            }
        }
        let shown = show(&layers, api_key.is_some());
        let taken = Taken(&layers);
        let seconds = |key| taken.number(key).map(Duration::from_secs_f64);
        Ok(Settings {
            model: taken.text("model"),
            weights: match taken.set(Taken::text, "weights").as_str() {
                "q8_0" => Layout::EightBit,
                "q4_1" => Layout::FourBit,
                "f32" => Layout::Float,
                _ => Layout::Packed,
            },
            device: Device::parse(&taken.set(Taken::text, "device")).unwrap_or_default(),
            hub: surroundings.hub(),
            base_url: taken.text("base_url"),
            api_key,
            adapters: match taken.path("adapters") {
                Some(path) => Adapters::Folder(path),
                None if taken.set(Taken::text, "adapters") == "none" => Adapters::None,
                None => Adapters::Auto,
            },
            agents: Agent::ALL
                .into_iter()
                .map(|agent| {
                    let own = AgentSettings {
                        model: taken.text(&format!("agents.{agent}.model")),
                        base_url: taken.text(&format!("agents.{agent}.base_url")),
                        adapter: taken.path(&format!("agents.{agent}.adapter")),
                    };
                    (agent, own)
                })
                .collect(),
            sampling: Sampling {
                temperature: taken.set(Taken::number, "sampling.temperature") as f32,
                top_p: taken.set(Taken::number, "sampling.top_p") as f32,
                top_k: taken.set(Taken::small, "sampling.top_k"),
                min_p: taken.set(Taken::number, "sampling.min_p") as f32,
                max_tokens: taken.set(Taken::small, "sampling.max_tokens"),
                stop: Vec::new(),
                seed: taken.set(Taken::count, "sampling.seed"),
            },
            strategy: taken.set(Taken::text, "strategy"),
            k: taken.set(Taken::small, "k"),
            t: taken.set(Taken::small, "t"),
            n: taken.set(Taken::small, "n"),
            without: taken
                .text("without")
                .and_then(|words| Without::of(words.split(',')))
                .unwrap_or_default(),
            language: taken
                .set(Taken::text, "language")
                .parse()
                .expect("the choices are languages"),
            concurrency: taken.small("concurrency"),
            n_parallel: taken.small("n_parallel"),
            threads: taken.small("threads"),
            context: taken.small("context"),
            grammar: taken.set(Taken::switch, "grammar"),
            lookup: taken.switch("lookup"),
            prompts: taken.path("prompts"),
            ledger: taken.set(Taken::path, "ledger"),
            cache: taken.set(Taken::path, "cache"),
            judge: JudgeSettings {
                cells: taken.small("judge.cells"),
                min_rung: match taken.set(Taken::text, "judge.min_rung").as_str() {
                    _ if taken.set(Taken::switch, "judge.allow_weak") => Rung::Weak,
                    "full" => Rung::Full,
                    "userns" => Rung::Userns,
                    _ => Rung::Landlock,
                },
            },
            budget: BudgetSettings {
                calls: taken.count("budget.calls"),
                tokens: taken.count("budget.tokens"),
                cost: taken.number("budget.cost"),
                time: seconds("budget.seconds"),
            },
            prices: taken.path("prices"),
            timeout: seconds("timeout").expect("has a default"),
            max_attempts: taken.set(Taken::small, "max_attempts"),
            search_path: surroundings.search_path(),
            warnings,
            shown,
        })
    }

    /// Every setting with its value and origin, secrets as `set` or `unset`.
    pub(crate) fn shown(&self) -> &[Shown] {
        &self.shown
    }
}

/// `--model FILE.gguf` asks for the local engine, even where the environment or a file names a server;
/// so do a folder and a name on the Hugging Face Hub, and a recording asks for no server either.
fn prefer_local_file(layers: &mut Layers, warnings: &mut Vec<String>) {
    if let Some((Value::Path(_) | Value::HubModel(_) | Value::Recording(_), file)) =
        layers.get("model")
        && let Some((url, server)) = layers.get("base_url")
        && file.strength() > server.strength()
    {
        warnings.push(format!(
            "the local model of {file} is used, not the server {url} of {server}"
        ));
        layers.remove("base_url");
    }
}

fn show(layers: &Layers, has_api_key: bool) -> Vec<Shown> {
    let mut shown: Vec<Shown> = KEYS
        .iter()
        .map(|key| match layers.get(key.name) {
            Some((value, origin)) => Shown {
                key: key.name,
                value: value.to_string(),
                origin: origin.clone(),
            },
            None => Shown {
                key: key.name,
                value: if AUTOMATIC.contains(&key.name) {
                    "auto"
                } else {
                    "unset"
                }
                .to_string(),
                origin: Origin::Default,
            },
        })
        .collect();
    let place = shown.iter().position(|shown| shown.key == "base_url");
    let api_key = Shown {
        key: "api_key",
        value: if has_api_key { "set" } else { "unset" }.to_string(),
        origin: if has_api_key {
            Origin::Environment(surroundings::API_KEY.to_string())
        } else {
            Origin::Default
        },
    };
    shown.insert(place.map_or(0, |place| place + 1), api_key);
    shown
}

/// Settings that the program chooses by the machine when nobody sets them.
const AUTOMATIC: [&str; 6] = [
    "concurrency",
    "n_parallel",
    "threads",
    "context",
    "judge.cells",
    "lookup",
];

/// Typed access to the layers; the kinds of the keys make the conversions safe.
#[derive(Clone, Copy)]
struct Taken<'a>(&'a Layers);

impl Taken<'_> {
    fn text(&self, key: &str) -> Option<String> {
        self.0.get(key).map(|(value, _)| value.to_string())
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        match self.0.get(key) {
            Some((Value::Path(path), _)) => Some(path.clone()),
            _ => None,
        }
    }

    fn count(&self, key: &str) -> Option<u64> {
        match self.0.get(key) {
            Some((Value::Count(count), _)) => Some(*count),
            _ => None,
        }
    }

    fn small(&self, key: &str) -> Option<u32> {
        let count = self.count(key)?;
        Some(u32::try_from(count).expect("bounded by its kind"))
    }

    fn number(&self, key: &str) -> Option<f64> {
        match self.0.get(key) {
            Some((Value::Number(number), _)) => Some(*number),
            _ => None,
        }
    }

    fn switch(&self, key: &str) -> Option<bool> {
        match self.0.get(key) {
            Some((Value::Switch(switch), _)) => Some(*switch),
            _ => None,
        }
    }

    /// The value of a key that has a default.
    fn set<T>(&self, take: impl Fn(&Self, &str) -> Option<T>, key: &str) -> T {
        take(self, key).expect("has a default of its kind")
    }
}

#[cfg(test)]
mod tests;
