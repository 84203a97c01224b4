use std::collections::BTreeMap;
use std::time::Duration;

use domain::Agent;
use serde_json::{Map, Value};

use crate::{Prices, Secret};

/// How an OpenAI-compatible server is reached and used.
#[derive(Debug, Clone)]
pub struct OpenAiSettings {
    /// Where its API begins, such as `http://localhost:8000/v1`. `/v1` is added when the address has no path.
    pub base_url: String,
    /// Sent as a bearer token; local servers often need none.
    pub api_key: Option<Secret>,
    /// The model's name on the server.
    pub model: String,
    /// Agents that another model, or another server, answers for.
    pub agents: BTreeMap<Agent, AgentEndpoint>,
    /// One request may take this long, from connecting to the last byte.
    pub timeout: Duration,
    /// Requests sent for one question at most.
    pub max_attempts: u32,
    /// Ask again after a timeout. The server may have worked, and charged, for the first request.
    pub retry_timeouts: bool,
    /// The pause before the second request, doubled before each further one; each is shortened by up to half at random.
    pub first_pause: Duration,
    /// The longest pause. A server that asks for a longer one (`Retry-After`) counts as unavailable.
    pub max_pause: Duration,
    /// Requests in flight at each server at most; fewer while it answers 429 or 503.
    pub max_concurrency: usize,
    /// Send `top_k` and `min_p`, which vLLM, SGLang and llama.cpp know and OpenAI refuses.
    pub extended_sampling: bool,
    /// Send `max_completion_tokens` instead of `max_tokens`, as OpenAI's newer models demand.
    pub max_completion_tokens: bool,
    /// Fields added to every request; none that a question decides. They become part of the model's identity.
    pub extra_body: Map<String, Value>,
    /// What tokens cost.
    pub prices: Prices,
}

/// What differs for one agent; what is absent is as for the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentEndpoint {
    /// The model's name on the server.
    pub model: Option<String>,
    /// Where the server's API begins.
    pub base_url: Option<String>,
    /// The key for it.
    pub api_key: Option<Secret>,
}

impl OpenAiSettings {
    /// The defaults for a model on a server.
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> OpenAiSettings {
        OpenAiSettings {
            base_url: base_url.into(),
            api_key: None,
            model: model.into(),
            agents: BTreeMap::new(),
            timeout: Duration::from_secs(600),
            max_attempts: 6,
            retry_timeouts: true,
            first_pause: Duration::from_millis(500),
            max_pause: Duration::from_secs(120),
            max_concurrency: 64,
            extended_sampling: false,
            max_completion_tokens: false,
            extra_body: Map::new(),
            prices: Prices::default(),
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// An address that no request can be sent to.
    #[error("use the base URL `{url}`: {reason}")]
    BaseUrl {
        /// The address; without its user and password when it has some.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A key with characters that no header can carry.
    #[error("use the API key: it holds characters that a header cannot carry")]
    ApiKey,
    /// A field that each question decides for itself.
    #[error("add `{0}` to every request: each question decides it")]
    OwnField(String),
    /// A number that must not be 0.
    #[error("use 0 as {0}: at least 1 is needed")]
    Zero(&'static str),
    /// The HTTP client could not be set up.
    #[error("set up the HTTP client: {0}")]
    Client(String),
}
