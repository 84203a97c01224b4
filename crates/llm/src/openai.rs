use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::{Agent, Ask, Digest, Reply};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use tokio::time::Instant;

use crate::refusal::{self, Fault};
use crate::throttle::Throttle;
use crate::wire::{self, Answer};
use crate::{ChatError, ChatModel, OpenAiSettings, Secret, SettingsError, pause};

/// A response longer than this is not read to its end.
const MAX_BODY_BYTES: usize = 64 << 20;

/// How long connecting to a server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// A client of one or several OpenAI-compatible servers.
///
/// Requests are repeated where that is safe, no faster than the servers bear.
/// A server that does not say how many tokens a reply took leaves its [`domain::Usage`] at 0.
pub struct OpenAi {
    client: reqwest::Client,
    settings: OpenAiSettings,
    /// In the order of [`Agent::ALL`].
    routes: [Route; 4],
}

/// Where the questions of one agent go.
struct Route {
    model: String,
    identity: String,
    url: Url,
    /// The bearer token as a header.
    authorization: Option<HeaderValue>,
    api_key: Option<Secret>,
    /// Shared by all agents of the same server.
    throttle: Arc<Throttle>,
}

impl OpenAi {
    /// Checks the settings; connects to nothing.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn new(settings: OpenAiSettings) -> Result<OpenAi, SettingsError> {
        if settings.max_attempts == 0 {
            return Err(SettingsError::Zero("the number of attempts"));
        }
        if settings.max_concurrency == 0 {
            return Err(SettingsError::Zero("the number of requests in flight"));
        }
        if let Some(name) = wire::OWN_FIELDS
            .iter()
            .find(|name| settings.extra_body.contains_key(**name))
        {
            return Err(SettingsError::OwnField((*name).to_string()));
        }
        let mut routes: Vec<Route> = Vec::new();
        for agent in Agent::ALL {
            let route = Route::new(&settings, agent, &routes)?;
            routes.push(route);
        }
        let mut client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("mapcoder");
        if routes.iter().all(|route| is_local(&route.url)) {
            client = client.no_proxy();
        }
        let client = client
            .build()
            .map_err(|error| SettingsError::Client(error.to_string()))?;
        let routes = routes
            .try_into()
            .ok()
            .expect("there is one route for each of four agents");
        Ok(OpenAi {
            client,
            settings,
            routes,
        })
    }

    async fn ask(&self, ask: &Ask) -> Result<Reply, ChatError> {
        let started = Instant::now();
        let route = &self.routes[ask.agent as usize];
        if ask.model != route.identity {
            return Err(ChatError::Refused(format!(
                "the question is for the model `{}` and the {} agent is served by `{}`",
                ask.model, ask.agent, route.identity
            )));
        }
        let body = wire::Request {
            settings: &self.settings,
            model: &route.model,
            ask,
        };
        let body = serde_json::to_vec(&body).map_err(|error| {
            ChatError::Refused(format!("the request has no JSON form: {error}"))
        })?;
        let mut request = self
            .client
            .post(route.url.clone())
            .timeout(self.settings.timeout)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        if let Some(authorization) = &route.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }

        let mut n_attempts = 0;
        loop {
            n_attempts += 1;
            // The copies share the body's bytes.
            let copy = request.try_clone().expect("a body of bytes can be copied");
            let slot = route.throttle.acquire().await;
            let result = self.attempt(route, copy).await;
            match &result {
                Err(Fault::Retry {
                    overloaded: true,
                    retry_after,
                    ..
                }) => {
                    slot.complained(retry_after.filter(|pause| *pause <= self.settings.max_pause))
                }
                Ok(_) | Err(Fault::Final(_)) => slot.answered(),
                Err(Fault::Retry { .. }) => {}
            }
            drop(slot);
            let (reason, retry_after) = match result {
                Ok(answer) => return Ok(self.reply(route, answer, started.elapsed())),
                Err(Fault::Final(error)) => return Err(error),
                Err(Fault::Retry {
                    reason,
                    retry_after,
                    ..
                }) => (reason, retry_after),
            };
            let unavailable = |reason| ChatError::Unavailable {
                n_attempts,
                elapsed: started.elapsed(),
                reason,
            };
            if n_attempts >= self.settings.max_attempts {
                return Err(unavailable(reason));
            }
            let OpenAiSettings {
                first_pause,
                max_pause,
                ..
            } = self.settings;
            let pause = match retry_after {
                Some(wish) if wish > max_pause => {
                    return Err(unavailable(format!(
                        "{reason}; it asks to wait {} s",
                        wish.as_secs()
                    )));
                }
                Some(wish) => wish.mul_f64(1.0 + pause::random_fraction() / 10.0),
                None => pause::backoff(first_pause, max_pause, n_attempts),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends one request.
    async fn attempt(
        &self,
        route: &Route,
        request: reqwest::RequestBuilder,
    ) -> Result<Answer, Fault> {
        let mut response = request
            .send()
            .await
            .map_err(|error| self.broken(route, error))?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|header| header.to_str().ok())
            .and_then(|header| pause::retry_after(header, SystemTime::now()));
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.broken(route, error))?
        {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(Fault::retry("the reply is too long to be one".into()));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return wire::answer(&body).map_err(|reason| Fault::retry(route.redact(&reason)));
        }
        let message = route.redact(&refusal::message(&body));
        Err(refusal::of_status(
            status.as_u16(),
            &body,
            &message,
            &route.model,
            retry_after,
        ))
    }

    /// A request that never became a whole response.
    fn broken(&self, route: &Route, error: reqwest::Error) -> Fault {
        if error.is_timeout() {
            let reason = format!("no reply within {:?}", self.settings.timeout);
            if self.settings.retry_timeouts || error.is_connect() {
                return Fault::retry(reason);
            }
            return Fault::Final(ChatError::Unavailable {
                n_attempts: 1,
                elapsed: self.settings.timeout,
                reason,
            });
        }
        let server = route.server();
        let connecting = error.is_connect();
        let mut cause: &dyn std::error::Error = &error.without_url();
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Fault::retry(route.redact(&if connecting {
            format!("cannot connect to {server}: {cause}")
        } else {
            format!("the connection to {server} broke: {cause}")
        }))
    }

    fn reply(&self, route: &Route, answer: Answer, wall: Duration) -> Reply {
        Reply {
            text: answer.text,
            finish: answer.finish,
            usage: answer.usage,
            wall,
            cost: self.settings.prices.cost(&route.model, &answer.usage),
        }
    }
}

impl ChatModel for OpenAi {
    fn identity(&self, agent: Agent) -> String {
        self.routes[agent as usize].identity.clone()
    }

    fn chat<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, ChatError>> {
        self.ask(ask).boxed()
    }
}

impl Route {
    fn new(
        settings: &OpenAiSettings,
        agent: Agent,
        others: &[Route],
    ) -> Result<Route, SettingsError> {
        let own = settings.agents.get(&agent).cloned().unwrap_or_default();
        let url = completions_url(own.base_url.as_ref().unwrap_or(&settings.base_url))?;
        let throttle = others
            .iter()
            .find(|other| other.url == url)
            .map(|other| other.throttle.clone())
            .unwrap_or_else(|| Arc::new(Throttle::new(settings.max_concurrency)));
        let api_key = own.api_key.or_else(|| settings.api_key.clone());
        let api_key = api_key.filter(|key| !key.expose().is_empty());
        let authorization = match &api_key {
            Some(key) => {
                let mut header = HeaderValue::try_from(format!("Bearer {}", key.expose()))
                    .map_err(|_| SettingsError::ApiKey)?;
                header.set_sensitive(true);
                Some(header)
            }
            None => None,
        };
        let model = own.model.unwrap_or_else(|| settings.model.clone());
        let identity = if settings.extra_body.is_empty() {
            model.clone()
        } else {
            let extra: std::collections::BTreeMap<_, _> = settings.extra_body.iter().collect();
            format!("{model}+{}", Digest::of_json(&extra).short())
        };
        Ok(Route {
            model,
            identity,
            url,
            authorization,
            api_key,
            throttle,
        })
    }

    /// The server's name and port.
    fn server(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        }
    }

    fn redact(&self, text: &str) -> String {
        match &self.api_key {
            Some(key) => key.redact(text),
            None => text.to_string(),
        }
    }
}

/// Where questions are sent, from where the API begins.
fn completions_url(base_url: &str) -> Result<Url, SettingsError> {
    let base_url = base_url.trim();
    let refuse = |url: &str, reason: &str| SettingsError::BaseUrl {
        url: url.to_string(),
        reason: reason.to_string(),
    };
    let mut url = Url::parse(base_url).map_err(|error| refuse(base_url, &error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        let server = url.host_str().unwrap_or_default();
        return Err(refuse(server, "it must not hold a user or a password"));
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse(base_url, "it must begin with http:// or https://"));
    }
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/chat/completions").unwrap_or(path);
    let path = if path.is_empty() { "/v1" } else { path };
    let path = format!("{path}/chat/completions");
    url.set_path(&path);
    Ok(url)
}

/// True for a server on this machine, which no proxy leads to.
fn is_local(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}
