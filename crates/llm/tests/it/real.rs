use domain::{Agent, Ask, Message, Sampling};
use llm::{ChatModel as _, OpenAi, OpenAiSettings, Secret};

/// Asks a real server when one is named.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the environment decides whether there is a server to test against"
)]
async fn a_real_server_answers() {
    let Ok(base_url) = std::env::var("MAPCODER_TEST_OPENAI_BASE_URL") else {
        println!("skipped: MAPCODER_TEST_OPENAI_BASE_URL names no server");
        return;
    };
    let model = std::env::var("MAPCODER_TEST_OPENAI_MODEL").unwrap_or_else(|_| "default".into());
    let mut settings = OpenAiSettings::new(base_url, model);
    settings.api_key = std::env::var("OPENAI_API_KEY")
        .ok()
        .map(|key| Secret::new(&key));
    let client = OpenAi::new(settings).unwrap();
    let ask = Ask {
        agent: Agent::Coding,
        model: client.identity(Agent::Coding),
        messages: vec![Message::user("Write one short sentence about rain.")],
        sampling: Sampling {
            max_tokens: 40,
            ..Sampling::default()
        },
        sample_idx: 0,
        shape: None,
    };
    let reply = client.chat(&ask).await.unwrap();
    println!("{reply:?}");
    assert!(!reply.text.is_empty());
    assert!(reply.usage.prompt_tokens > 0 && reply.usage.completion_tokens > 0);
    assert!(reply.usage.completion_tokens <= 40);
}
