use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use super::{Area, Finding, State};
use crate::settings::{Secret, Settings};

/// How long a server may take to list its models.
const PATIENCE: Duration = Duration::from_secs(5);

/// Every server of the settings, asked for its models.
pub(super) fn look(settings: &Settings) -> anyhow::Result<Vec<Finding>> {
    let mut wanted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for agent in settings.agents.values() {
        let url = agent.base_url.as_ref().or(settings.base_url.as_ref());
        let model = agent.model.as_ref().or(settings.model.as_ref());
        if let Some(url) = url {
            let models = wanted.entry(url).or_default();
            models.extend(model.map(String::as_str));
        }
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let key = settings.api_key.as_ref();
    let findings = wanted
        .into_iter()
        .map(|(url, models)| {
            let answer = runtime.block_on(list_models(url, key));
            judge(url, &models, answer, key.is_some())
        })
        .collect();
    Ok(findings)
}

/// What a server said when asked for its models.
enum Answer {
    /// Their names.
    Models(Vec<String>),
    /// Something else.
    Status(StatusCode),
    /// Nothing; the reason in a few words.
    Silence(String),
}

/// `GET {url}/models`, without following redirects, so that the key goes nowhere else.
async fn list_models(url: &str, key: Option<&Secret>) -> Answer {
    let ask = async {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()?;
        let mut request = client.get(format!("{url}/models"));
        if let Some(key) = key {
            request = request.bearer_auth(key.reveal());
        }
        let response = request.send().await?;
        let status = response.status();
        Ok::<_, reqwest::Error>((status, response.bytes().await?))
    };
    match ask.await {
        Ok((status, body)) if status.is_success() => Answer::Models(names(&body)),
        Ok((status, _)) => Answer::Status(status),
        Err(error) if error.is_timeout() => {
            Answer::Silence(format!("no answer within {} s", PATIENCE.as_secs()))
        }
        Err(error) => {
            // The innermost cause is the telling one, such as "connection refused".
            let mut cause: &dyn std::error::Error = &error;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            let error = error
                .source()
                .map_or(error.to_string(), |_| cause.to_string());
            Answer::Silence(error)
        }
    }
}

/// The names in a list of models; none in anything else.
fn names(body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let models = body["data"].as_array();
    models
        .into_iter()
        .flatten()
        .filter_map(|model| Some(model["id"].as_str()?.to_string()))
        .collect()
}

fn judge(url: &str, wanted: &[&str], answer: Answer, has_key: bool) -> Finding {
    let finding =
        |state, detail: String| Finding::new(Area::Model, format!("server {url}"), state, detail);
    match answer {
        Answer::Models(names) => {
            let unknown = wanted
                .iter()
                .find(|model| !names.is_empty() && !names.iter().any(|name| name == *model));
            let first: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
            let more = if names.len() > first.len() {
                ", …"
            } else {
                ""
            };
            let detail = format!(
                "answers; {} models: {}{more}",
                names.len(),
                first.join(", ")
            );
            match unknown {
                Some(model) => finding(State::Note, detail)
                    .advice(format!("it does not list `{model}`; check `model`")),
                None if wanted.is_empty() => finding(State::Note, detail)
                    .advice("say which model to use with `--model NAME` or `model`"),
                None => finding(State::Ok, detail),
            }
        }
        Answer::Status(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            let detail = if has_key {
                "refuses the API key"
            } else {
                "wants an API key"
            };
            finding(State::Broken, detail.to_string()).advice("set OPENAI_API_KEY to a valid key")
        }
        Answer::Status(status @ (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)) => {
            finding(
                State::Note,
                format!("answers, but does not list its models ({status})"),
            )
            .advice("check that the address ends as the server wants it, usually in `/v1`")
        }
        Answer::Status(status) => finding(State::Broken, format!("answers {status}"))
            .advice("look into the server's log, or try again later"),
        Answer::Silence(reason) => finding(State::Broken, format!("cannot be reached: {reason}"))
            .advice("start the server, or correct OPENAI_BASE_URL or `base_url`"),
    }
}
