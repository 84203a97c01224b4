use std::time::{Duration, SystemTime};

use domain::{Agent, Ask, Reply};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use tokio::time::Instant;

use crate::refusal::{self, Fault};
use crate::route::Route;
use crate::wire::{self, Answer};
use crate::{ChatError, ChatModel, OpenAiSettings, SettingsError, pause};

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
        if routes.iter().all(|route| route.is_local()) {
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
        if error.is_timeout() && !error.is_connect() {
            let reason = format!("no reply within {:?}", self.settings.timeout);
            if self.settings.retry_timeouts {
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
