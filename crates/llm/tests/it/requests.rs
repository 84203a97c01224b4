use std::time::Duration;

use domain::{Agent, Ask, Finish, Sampling, Usage};
use llm::{
    AgentEndpoint, ChatError, ChatModel as _, OpenAi, OpenAiSettings, Prices, Secret, SettingsError,
};
use serde_json::json;

use crate::mock::*;

#[tokio::test]
async fn a_question_becomes_a_chat_completion_and_back() {
    let mock = Mock::start(|_| Act::Body(completion("héllo"))).await;
    let mut settings = mock.settings();
    settings.api_key = Some(Secret::new("sk-1234567890\n"));
    settings.prices = Prices::from_toml(
        "currency = \"EUR\"\n[models.small-model]\ninput = 1.0\ncached = 0.5\noutput = 4.0\n",
    )
    .unwrap();
    let client = OpenAi::new(settings).unwrap();
    let reply = client.chat(&ask()).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.finish), ("héllo", Finish::Stop));
    let usage = Usage {
        prompt_tokens: 100,
        cached_tokens: 64,
        completion_tokens: 20,
    };
    assert_eq!(reply.usage, usage);
    let cost = (36.0 * 1.0 + 64.0 * 0.5 + 20.0 * 4.0) / 1e6;
    assert!((reply.cost.unwrap() - cost).abs() < 1e-12);
    assert!(reply.wall > Duration::ZERO);

    let [seen] = mock.seen().try_into().ok().unwrap();
    assert!(
        seen.head.starts_with("post /v1/chat/completions http/1.1"),
        "{}",
        seen.head
    );
    assert!(
        seen.head
            .contains("authorization: bearer sk-1234567890\r\n")
    );
    assert!(seen.head.contains("content-type: application/json\r\n"));
    let top_p = serde_json::to_value(0.95_f32).unwrap();
    let expected = json!({
        "model": "small-model",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Say \"héllo\" 🦀"},
        ],
        "temperature": 0.0,
        "top_p": top_p,
        "max_tokens": 1024,
        "seed": 0,
    });
    assert_eq!(seen.body["messages"], expected["messages"]);
    assert_eq!(seen.body.as_object().unwrap().len(), 6, "{}", seen.body);
    assert_eq!(seen.body["seed"], 0);
    assert_eq!(seen.body["max_tokens"], 1024);
}

#[tokio::test]
async fn settings_shape_the_request() {
    let mock = Mock::start(|_| Act::Body(completion("x"))).await;
    let mut settings = mock.settings();
    settings.extended_sampling = true;
    settings.max_completion_tokens = true;
    settings.extra_body.insert(
        "chat_template_kwargs".into(),
        json!({"enable_thinking": false}),
    );
    let client = OpenAi::new(settings).unwrap();
    let question = Ask {
        model: client.identity(Agent::Coding),
        sampling: Sampling {
            top_k: 0,
            min_p: 0.05,
            stop: vec!["</plan>".into()],
            seed: u64::MAX,
            ..Sampling::default()
        },
        sample_idx: 3,
        ..ask()
    };
    client.chat(&question).await.unwrap();
    let body = &mock.seen()[0].body;
    assert_eq!(body["model"], "small-model");
    assert_eq!(body["top_k"], -1);
    assert_eq!(body["min_p"].as_f64().map(|p| p as f32), Some(0.05));
    assert_eq!(body["stop"], json!(["</plan>"]));
    assert_eq!(body["seed"], 2);
    assert_eq!(body["max_completion_tokens"], 1024);
    assert_eq!(body["max_tokens"], json!(null));
    assert_eq!(
        body["chat_template_kwargs"],
        json!({"enable_thinking": false})
    );
}

#[tokio::test]
async fn an_agent_may_have_its_own_model_and_server() {
    let common = Mock::start(|_| Act::Body(completion("common"))).await;
    let own = Mock::start(|_| Act::Body(completion("own"))).await;
    let mut settings = common.settings();
    settings.agents.insert(
        Agent::Planning,
        AgentEndpoint {
            model: Some("planner-7".into()),
            base_url: Some(format!("{}/api/v3/", own.url)),
            api_key: None,
        },
    );
    let client = OpenAi::new(settings).unwrap();
    for agent in Agent::ALL {
        let model = client.identity(agent);
        let reply = client
            .chat(&Ask {
                agent,
                model,
                ..ask()
            })
            .await
            .unwrap();
        let expected = if agent == Agent::Planning {
            "own"
        } else {
            "common"
        };
        assert_eq!(reply.text, expected);
    }
    let seen = &own.seen()[0];
    assert!(
        seen.head.starts_with("post /api/v3/chat/completions "),
        "{}",
        seen.head
    );
    assert_eq!(seen.body["model"], "planner-7");
}

#[tokio::test]
async fn the_model_in_the_record_is_the_model_that_answers() {
    let mock = Mock::start(|_| Act::Body(completion("x"))).await;
    let question = Ask {
        model: "another".into(),
        ..ask()
    };
    let error = mock.client().chat(&question).await.unwrap_err();
    assert!(matches!(error, ChatError::Refused(_)), "{error}");
    assert_eq!(mock.seen().len(), 0);

    let mut settings = mock.settings();
    settings
        .extra_body
        .insert("reasoning_effort".into(), json!("low"));
    let client = OpenAi::new(settings).unwrap();
    assert_ne!(client.identity(Agent::Coding), "small-model");
}

#[test]
fn useless_settings_are_refused() {
    let refusal = |change: &dyn Fn(&mut OpenAiSettings)| {
        let mut settings = OpenAiSettings::new("http://localhost:1/v1", "m");
        change(&mut settings);
        OpenAi::new(settings).err().unwrap().to_string()
    };
    let url = |url: &'static str| refusal(&|settings| settings.base_url = url.into());
    assert_eq!(
        url("localhost:8000"),
        "use the base URL `localhost:8000`: it must begin with http:// or https://"
    );
    assert!(url("").starts_with("use the base URL ``: "));
    let with_password = url("https://me:hunter2@example.org/v1");
    assert!(!with_password.contains("hunter2"), "{with_password}");
    assert!(with_password.contains("password"), "{with_password}");
    assert_eq!(
        refusal(&|settings| settings.api_key = Some(Secret::new("two\nlines"))),
        SettingsError::ApiKey.to_string()
    );
    assert!(refusal(&|settings| settings.max_attempts = 0).contains("attempts"));
    assert!(refusal(&|settings| settings.max_concurrency = 0).contains("in flight"));
    let body = refusal(&|settings| {
        settings.extra_body.insert("seed".into(), json!(1));
    });
    assert!(body.contains("`seed`"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_questions_at_once_are_all_answered() {
    let mock = Mock::start(|_| Act::Body(completion("x"))).await;
    let client = std::sync::Arc::new(mock.client());
    let tasks: Vec<_> = (0..1000)
        .map(|sample_idx| {
            let client = client.clone();
            tokio::spawn(async move {
                client
                    .chat(&Ask {
                        sample_idx,
                        ..ask()
                    })
                    .await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let mut seeds: Vec<_> = mock
        .seen()
        .iter()
        .map(|seen| seen.body["seed"].as_u64().unwrap())
        .collect();
    seeds.sort_unstable();
    assert!(seeds.into_iter().eq(0..1000), "each question is sent once");
}
