use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Agent, Digest};
use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::throttle::Throttle;
use crate::{OpenAiSettings, Secret, SettingsError};

/// Where the questions of one agent go.
pub(crate) struct Route {
    pub(crate) model: String,
    pub(crate) identity: String,
    pub(crate) url: Url,
    /// The bearer token as a header.
    pub(crate) authorization: Option<HeaderValue>,
    api_key: Option<Secret>,
    /// Shared by all agents of the same server.
    pub(crate) throttle: Arc<Throttle>,
}

impl Route {
    pub(crate) fn new(
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
            let extra: BTreeMap<_, _> = settings.extra_body.iter().collect();
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

    /// True for a server on this machine, which no proxy leads to.
    pub(crate) fn is_local(&self) -> bool {
        match self.url.host_str() {
            Some("localhost") => true,
            Some(host) => host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback()),
            None => false,
        }
    }

    /// The server's name and port.
    pub(crate) fn server(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        }
    }

    pub(crate) fn redact(&self, text: &str) -> String {
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
