//! Serves chat requests from one local model.
//!
//! 1. [`Engine::load`] reads a GGUF file or a folder of safetensors, plans its memory ([`Engine::plan`])
//!    and starts a worker. [`plan`] tells the memory of a model that is not loaded.
//! 2. [`Engine`] is an [`llm::ChatModel`]: requests of any number of callers share the worker's forward passes,
//!    prompts in chunks beside replies token by token. What waits for room waits in a queue, first come first served.
//! 3. Dropping a request's future frees its room at once. [`Engine::counters`] tell how far the work is.
//! 4. With [`Settings::grammar`], a reply is held to the shape that its request names, and is always complete.
//! 5. A reply that repeats itself without end is ended before its limit, with [`domain::Finish::Other`].
//! 6. With [`Settings::lookup`], a reply that repeats much of its prompt is guessed from there, several tokens at a
//!    time, and checked.
//!
//! A reply depends on its request alone, to the last bit: not on what else is running, nor on what is cached.
//! That holds on the processor. On another [`Device`] sums are taken in an order that may follow from the whole batch.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, ScopedJoinHandle};
use std::time::Instant;

use domain::{Agent, Ask, Digest, Reply};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use llm::{ChatError, ChatModel};
pub use model::{AdapterError, Device, Layout, Source, open};
use model::{
    Backend, ChatMessage, ChatTemplate, ChatTemplateError, Config, Decoder, KvCache, LoadOptions,
    ModelError, PAGE_TOKENS, Tokenizer, TokenizerError,
};
use tokio::sync::oneshot;

mod adapters;
mod counters;
mod grammar;
mod held;
mod lookup;
mod pages;
mod repetition;
mod sequence;
mod worker;

pub use adapters::{AdapterInfo, adapter_info};
pub use counters::{Counters, Progress};

use adapters::{Adapters, Cover, Loaded};
use grammar::Grammars;
use held::Held;
use lookup::Lookup;
use sequence::Request;
use worker::Worker;

/// How an engine is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Threads that compute; 0 takes one per processor.
    pub n_threads: usize,
    /// Replies that are written at the same time; further requests wait.
    pub max_sequences: usize,
    /// Tokens of the longest conversation with its reply.
    /// Absent: what the model was trained for, but at most 8,192.
    pub context_tokens: Option<usize>,
    /// Tokens that the cache of keys and values holds, all conversations together.
    /// Absent: 2,048 for each of `max_sequences`, and at least one conversation of full length.
    pub cache_tokens: Option<usize>,
    /// Prompt tokens that one forward pass takes at most, beside the running replies.
    pub prefill_tokens: usize,
    /// The adapters of agents: folders as PEFT writes them, or GGUF files. An agent without one uses the base.
    pub adapters: Vec<(Agent, PathBuf)>,
    /// How weights are kept.
    pub weights: Layout,
    /// Where the model runs.
    pub device: Device,
    /// Memory that the engine may take, in bytes: a [`Plan`] beyond it is refused before any weight is read.
    /// Absent: whatever it takes.
    pub memory_bytes: Option<usize>,
    /// The model's name; absent: that of its file or folder.
    pub name: Option<String>,
    /// Whether replies are held to the shapes that requests name. A shape that has no room within a request's limit
    /// is refused.
    pub grammar: bool,
    /// The agents whose next tokens are guessed from what was said before, and checked several at a time, while few
    /// replies are written at once. This changes no reply, only the time that one takes which repeats much of its
    /// prompt. The debugging agent's do, which write a program again; those of models that rarely copy take longer.
    pub lookup: Vec<Agent>,
    /// The model's digest as [`digest`] computes it, where the caller knows it; otherwise it is computed.
    pub digest: Option<Digest>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            n_threads: 0,
            max_sequences: 8,
            context_tokens: None,
            cache_tokens: None,
            prefill_tokens: 128,
            adapters: Vec::new(),
            weights: Layout::Packed,
            device: Device::Cpu,
            memory_bytes: None,
            name: None,
            grammar: true,
            lookup: vec![Agent::Debugging],
            digest: None,
        }
    }
}

/// Memory that an engine takes, known before its first request: the device's, where the model runs on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Weights, as they are kept in memory.
    pub weights_bytes: usize,
    /// The adapters, each counted once; those that an engine was given later too.
    pub adapters_bytes: usize,
    /// The cache of keys and values when it is full; the system backs a page of it when it is first written.
    pub cache_bytes: usize,
    /// Buffers of the largest forward pass, and logits; not counted on another device than the processor.
    pub scratch_bytes: usize,
    /// Tokens that this cache holds.
    pub cache_tokens: usize,
    /// Tokens of the longest conversation with its reply.
    pub context_tokens: usize,
    /// Replies that are written at the same time.
    pub max_sequences: usize,
    /// Threads that compute.
    pub n_threads: usize,
}

impl Plan {
    /// All of it, in bytes.
    pub fn total_bytes(&self) -> usize {
        self.fixed_bytes().saturating_add(self.cache_bytes)
    }

    /// What is left of it however short conversations are, in bytes: all but the cache.
    pub fn fixed_bytes(&self) -> usize {
        self.weights_bytes
            .saturating_add(self.adapters_bytes)
            .saturating_add(self.scratch_bytes)
    }

    /// Checks that it fits into so much memory.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&self, available_bytes: usize) -> Result<(), EngineError> {
        if self.total_bytes() <= available_bytes {
            return Ok(());
        }
        Err(EngineError::Memory {
            plan: *self,
            available_bytes,
        })
    }
}

/// Memory in the unit of messages.
fn megabytes(n_bytes: usize) -> String {
    format!("{:.1} MB", n_bytes as f64 / 1e6)
}

/// Why an engine cannot start. Each message is one line.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The model cannot be read, or is not one that the decoder knows.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The tokenizer is missing or unknown.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The chat template is missing or broken.
    #[error(transparent)]
    Template(#[from] ChatTemplateError),
    /// An adapter cannot be used.
    #[error("{source} ({})", .path.display())]
    Adapter {
        /// Its folder or file.
        path: PathBuf,
        /// What is wrong with it.
        source: AdapterError,
    },
    /// The tokenizer has tokens that the decoder has no vector for.
    #[error("start the engine: its tokenizer has {tokenizer} tokens, its decoder only {model}")]
    Vocabulary {
        /// Tokens of the tokenizer.
        tokenizer: usize,
        /// Tokens of the decoder.
        model: usize,
    },
    /// A setting leaves no room to work.
    #[error("start the engine: {0}")]
    Setting(String),
    /// It would take more memory than it may.
    #[error(
        "start the engine: it takes {} of memory ({} of weights, {} of adapters, {} of cache for {} tokens, {} of \
         scratch), and {} are available",
        megabytes(.plan.total_bytes()), megabytes(.plan.weights_bytes), megabytes(.plan.adapters_bytes),
        megabytes(.plan.cache_bytes), .plan.cache_tokens, megabytes(.plan.scratch_bytes), megabytes(*.available_bytes)
    )]
    Memory {
        /// What it would take.
        plan: Plan,
        /// What there is.
        available_bytes: usize,
    },
    /// The system gives no thread.
    #[error("start the engine: {0}")]
    Thread(std::io::Error),
}

/// A local model that answers chat requests.
pub struct Engine {
    identity: String,
    plan: Plan,
    config: Config,
    adapters: Adapters,
    tokenizer: Arc<Tokenizer>,
    template: ChatTemplate,
    /// Absent where no reply is held to a shape.
    grammars: Option<Grammars>,
    lookup: Vec<Agent>,
    counters: Arc<Counters>,
    /// Why the worker has stopped, where a device made it stop.
    failure: Arc<OnceLock<String>>,
    /// Absent while the engine is being dropped.
    requests: Option<Sender<Request>>,
    worker: Option<JoinHandle<()>>,
}

/// The longest context that is planned for without being asked.
const DEFAULT_CONTEXT_TOKENS: usize = 8_192;

/// What a conversation with its reply usually stays below.
const DEFAULT_TOKENS_PER_SEQUENCE: usize = 2_048;

impl Engine {
    /// Loads a model and starts its worker.
    ///
    /// # Errors
    /// When the model is missing, truncated, or is one whose weights, tokenizer or template cannot be used;
    /// when a setting leaves no room to work; when its plan is beyond the memory that it may take.
    pub fn load(path: &Path, settings: Settings) -> Result<Engine, EngineError> {
        let source = open(path)?;
        let plan = plan_without_adapters(&*source, &settings)?;
        let adapters = Adapters::load(&settings.adapters, &source.config()?)?;
        let with_adapters = Plan {
            adapters_bytes: adapters.n_bytes(),
            ..plan
        };
        if let Some(available_bytes) = settings.memory_bytes {
            with_adapters.check(available_bytes)?;
        }
        // Each reads the model from end to end.
        let options = LoadOptions {
            n_threads: plan.n_threads,
            layout: settings.weights,
        };
        let (digest, texts, backend) = std::thread::scope(|scope| {
            let digest = scope.spawn(|| settings.digest.unwrap_or_else(|| digest(&*source)));
            let texts = scope.spawn(|| {
                let tokenizer = Tokenizer::load(&*source)?;
                Ok::<_, EngineError>((Arc::new(tokenizer), ChatTemplate::load(&*source)?))
            });
            let n_pages = plan.cache_tokens / PAGE_TOKENS;
            let backend = Backend::load(&*source, &options, settings.device, n_pages);
            (joined(digest), joined(texts), backend)
        });
        let (tokenizer, template) = texts?;
        let backend = backend?;
        let config = backend.config().clone();
        if tokenizer.n_vocab() > config.n_vocab {
            return Err(EngineError::Vocabulary {
                tokenizer: tokenizer.n_vocab(),
                model: config.n_vocab,
            });
        }
        let name = settings.name.unwrap_or_else(|| name_of(path));
        // Other roundings give other replies.
        let rounding = match settings.weights {
            Layout::Packed => "",
            Layout::EightBit => "+q8_0",
            Layout::FourBit => "+q4_1",
            Layout::Float => "+f32",
        };
        let place = match settings.device {
            Device::Cpu => String::new(),
            device => format!("+{}", device.kind()),
        };
        let identity = format!("{name}@{}{rounding}{place}", digest.short());

        let counters = Arc::new(Counters::default());
        let failure = Arc::new(OnceLock::new());
        let (requests, inbox) = mpsc::channel();
        let worker = Worker::new(
            backend,
            Arc::clone(&tokenizer),
            Arc::clone(&counters),
            Arc::clone(&failure),
            plan,
            settings.prefill_tokens.max(1),
        );
        let worker = std::thread::Builder::new()
            .name("engine".to_string())
            .spawn(move || worker.serve(&inbox))
            .map_err(EngineError::Thread)?;
        let grammars = (settings.grammar).then(|| Grammars::new(Arc::clone(&tokenizer)));
        Ok(Engine {
            identity,
            plan,
            config,
            adapters,
            grammars,
            lookup: settings.lookup,
            tokenizer,
            template,
            counters,
            failure,
            requests: Some(requests),
            worker: Some(worker),
        })
    }

    /// The memory that it takes with the adapters that it has now.
    pub fn plan(&self) -> Plan {
        Plan {
            adapters_bytes: self.adapters.n_bytes(),
            ..self.plan
        }
    }

    /// Lets an agent speak through an adapter from its next request on, or through the base alone.
    /// Returns the digest of the adapter's contents. Requests that have begun end as they began; one that names who
    /// spoke before ([`ChatModel::identity`]) and begins later is an error, so that none is recorded under a wrong name.
    ///
    /// # Errors
    /// When the adapter cannot be read or does not fit the model; then nothing changes.
    pub fn set_adapter(
        &self,
        agent: Agent,
        path: Option<&Path>,
    ) -> Result<Option<Digest>, AdapterError> {
        self.adapters.set(agent, path, &self.config)
    }

    /// The adapter that an agent speaks through now; absent for the base alone.
    pub fn adapter(&self, agent: Agent) -> Option<AdapterInfo> {
        let loaded = self.adapters.of(agent)?;
        Some(AdapterInfo::of(&loaded.adapter, loaded.digest.clone()))
    }

    /// How far its work is.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The tokens of a conversation, as the model sees it.
    ///
    /// # Errors
    /// When the model's chat template refuses the conversation.
    pub fn encode(&self, messages: &[domain::Message]) -> Result<Vec<u32>, ChatTemplateError> {
        let messages: Vec<ChatMessage> = messages
            .iter()
            .map(|message| ChatMessage {
                role: match message.role {
                    domain::Role::System => "system",
                    domain::Role::User => "user",
                    domain::Role::Assistant => "assistant",
                }
                .to_string(),
                content: message.content.clone(),
            })
            .collect();
        self.template.encode(&messages, &self.tokenizer)
    }

    async fn answer(&self, ask: &Ask) -> Result<Reply, ChatError> {
        let started = Instant::now();
        let prompt = self
            .encode(&ask.messages)
            .map_err(|error| ChatError::Refused(error.to_string()))?;
        if prompt.is_empty() {
            return Err(ChatError::Refused("the conversation is empty".to_string()));
        }
        if prompt.len() >= self.plan.context_tokens {
            return Err(ChatError::PromptTooLong {
                prompt_tokens: prompt.len() as u64,
                context_tokens: self.plan.context_tokens as u64,
            });
        }
        let held = self.hold(ask, prompt.len())?;
        let loaded = self.adapters.of(ask.agent);
        let identity = self.identity_with(loaded.as_deref());
        // A request that names this engine is answered by what it names, also when adapters change between the two.
        if ask.model.starts_with(&self.identity) && ask.model != identity {
            return Err(ChatError::Engine(format!(
                "`{}` was asked for, and `{identity}` has taken its place",
                ask.model
            )));
        }
        let cover = loaded.and_then(|loaded| Cover::of(loaded, &prompt));
        let (reply, answer) = oneshot::channel();
        let mut request = Request::new(ask, prompt, cover, held, started, reply);
        request.lookup = self.lookup.contains(&ask.agent).then(Lookup::new);
        let stopped = || {
            let failure = self.failure.get().map(String::as_str);
            ChatError::Engine(failure.unwrap_or("its worker has stopped").to_string())
        };
        self.requests
            .as_ref()
            .ok_or_else(stopped)?
            .send(request)
            .map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())
    }

    /// Who answers through an adapter, or through the base.
    fn identity_with(&self, loaded: Option<&Loaded>) -> String {
        match loaded {
            None => self.identity.clone(),
            Some(loaded) => format!("{}+{}", self.identity, loaded.digest.short()),
        }
    }

    /// The reply's form, where it has one.
    fn hold(&self, ask: &Ask, prompt_tokens: usize) -> Result<Option<Held>, ChatError> {
        let (Some(grammars), Some(shape)) = (&self.grammars, &ask.shape) else {
            return Ok(None);
        };
        let (form, matcher) = grammars
            .form(shape)
            .map_err(|reason| ChatError::Refused(format!("the form of the reply: {reason}")))?;
        let max_tokens = ask.sampling.max_tokens as usize;
        let context_tokens = self.plan.context_tokens - prompt_tokens;
        let held = Held::new(form, matcher, max_tokens.min(context_tokens));
        held.map(Some).map_err(|least| {
            if least > max_tokens {
                ChatError::Refused(format!(
                    "a reply in its form takes at least {least} tokens, more than the limit of {max_tokens}"
                ))
            } else {
                ChatError::PromptTooLong {
                    prompt_tokens: (prompt_tokens + least) as u64,
                    context_tokens: self.plan.context_tokens as u64,
                }
            }
        })
    }
}

impl ChatModel for Engine {
    fn identity(&self, agent: Agent) -> String {
        self.identity_with(self.adapters.of(agent).as_deref())
    }

    fn keeps_shapes(&self, _agent: Agent) -> bool {
        self.grammars.is_some()
    }

    fn chat<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, ChatError>> {
        self.answer(ask).boxed()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// What a thread gives; its panic goes on here.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The digest of a model: of its file, or of the names and digests of a folder's files.
pub fn digest(source: &dyn Source) -> Digest {
    match source.files().as_slice() {
        [("", file)] => Digest::of(file),
        files => {
            let lines: Vec<String> = files
                .iter()
                .map(|(name, bytes)| format!("{} {name}\n", Digest::of(bytes)))
                .collect();
            Digest::of(lines.concat().as_bytes())
        }
    }
}

/// A file's name without its ending, a folder's whole.
fn name_of(path: &Path) -> String {
    let name = match path.extension() {
        Some(ending) if ending == "gguf" => path.file_stem(),
        _ => path.file_name(),
    };
    name.map_or_else(|| "model".into(), |name| name.to_string_lossy())
        .into_owned()
}

/// The memory that an engine with these settings takes for a model, which is not loaded for it; its adapters are read.
///
/// # Errors
/// When the model's dimensions or an adapter cannot be used; when a setting leaves no room to work.
pub fn plan(source: &dyn Source, settings: &Settings) -> Result<Plan, EngineError> {
    let adapters = Adapters::load(&settings.adapters, &source.config()?)?;
    Ok(Plan {
        adapters_bytes: adapters.n_bytes(),
        ..plan_without_adapters(source, settings)?
    })
}

fn plan_without_adapters(source: &dyn Source, settings: &Settings) -> Result<Plan, EngineError> {
    let config = &source.config()?;
    let weights_bytes = Backend::planned_bytes(source, settings.weights, settings.device)?;
    let n_threads = match settings.n_threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    };
    let setting = |what: String| Err(EngineError::Setting(what));
    if settings.max_sequences == 0 {
        return setting("at least one reply must be allowed at a time".to_string());
    }
    let context_tokens = match settings.context_tokens {
        None => config.n_ctx.min(DEFAULT_CONTEXT_TOKENS),
        Some(n) if n > config.n_ctx => {
            return setting(format!(
                "a context of {n} tokens is longer than the model's {}",
                config.n_ctx
            ));
        }
        Some(n) => n,
    };
    if context_tokens < 2 {
        return setting("a context needs room for a prompt and a reply".to_string());
    }
    let full = context_tokens
        .next_multiple_of(PAGE_TOKENS)
        .saturating_mul(settings.max_sequences);
    let cache_tokens = settings
        .cache_tokens
        .unwrap_or_else(|| {
            context_tokens.max(
                settings
                    .max_sequences
                    .saturating_mul(DEFAULT_TOKENS_PER_SEQUENCE),
            )
        })
        .min(full)
        .next_multiple_of(PAGE_TOKENS);
    if cache_tokens < context_tokens {
        return setting(format!(
            "a cache of {cache_tokens} tokens does not hold a context of {context_tokens}"
        ));
    }
    let n_guesses = if settings.lookup.is_empty() {
        0
    } else {
        worker::GUESS_ROWS
    };
    let n_logits = settings.max_sequences.max(n_guesses);
    let n_rows = settings.prefill_tokens.max(1).saturating_add(n_logits);
    let scratch_bytes = match settings.device {
        Device::Cpu => {
            let pass = Decoder::scratch_bytes(config, n_rows, n_logits, context_tokens, n_threads);
            // Each held reply keeps the logits of allowed tokens.
            let n_held = if settings.grammar { n_logits } else { 0 };
            pass.saturating_add(n_held.saturating_mul(config.n_vocab * size_of::<f32>()))
        }
        _ => 0,
    };
    Ok(Plan {
        weights_bytes,
        scratch_bytes,
        adapters_bytes: 0,
        cache_bytes: (cache_tokens / PAGE_TOKENS).saturating_mul(KvCache::page_bytes(config)),
        cache_tokens,
        context_tokens,
        max_sequences: settings.max_sequences,
        n_threads,
    })
}
