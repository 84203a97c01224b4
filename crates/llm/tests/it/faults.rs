use std::time::Duration;

use llm::{ChatError, ChatModel as _, OpenAi, Secret};
use tokio::net::TcpListener;

use crate::mock::*;

const KEY: &str = "gsk_Zz81TopSecretTail";

/// The error after the server did the same thing to every request, and how many it got.
async fn always(act: impl Fn() -> Act + Send + Sync + 'static) -> (ChatError, usize) {
    let mock = Mock::start(move |_| act()).await;
    let mut settings = mock.settings();
    settings.api_key = Some(Secret::new(KEY));
    let error = OpenAi::new(settings)
        .unwrap()
        .chat(&ask())
        .await
        .unwrap_err();
    (error, mock.seen().len())
}

/// The reply, or the error, after the server did one thing once and then answered.
async fn once(act: impl Fn() -> Act + Send + Sync + 'static) -> Result<String, ChatError> {
    let mock = Mock::start(move |number| match number {
        0 => act(),
        _ => Act::Body(completion("fine")),
    })
    .await;
    let reply = mock.client().chat(&ask()).await;
    reply.map(|reply| reply.text)
}

async fn check_retried(reason: &str, act: impl Fn() -> Act + Copy + Send + Sync + 'static) {
    assert_eq!(once(act).await.as_deref(), Ok("fine"), "{reason}");
    let (error, n_requests) = always(act).await;
    assert_eq!(n_requests, 3, "{error}");
    match error {
        ChatError::Unavailable {
            n_attempts: 3,
            reason: actual,
            ..
        } => assert!(actual.contains(reason), "{actual}"),
        other => panic!("{other}"),
    }
}

async fn check_refused(status: u16, body: &'static str, expect: &[&str]) {
    let (error, n_requests) = always(move || Act::Status(status, "", body.into())).await;
    assert_eq!(n_requests, 1, "{error}");
    let ChatError::Refused(message) = error else {
        panic!("{error:?}");
    };
    for part in expect {
        assert!(message.contains(part), "`{part}` is missing in `{message}`");
    }
    assert!(!message.contains('\n'));
}

#[tokio::test]
async fn busy_and_broken_servers_are_asked_again() {
    for status in [408, 409, 429, 500, 502, 503, 504, 529] {
        let words = format!("status {status}: too busy");
        check_retried(&words, move || {
            Act::Status(status, "", r#"{"error": {"message": "too\n busy"}}"#.into())
        })
        .await;
    }
}

#[tokio::test]
async fn replies_that_are_none_are_asked_again() {
    let body = |text: &'static str| move || Act::Body(text.into());
    check_retried("not a chat completion", body("<html>hello</html>")).await;
    check_retried("not a chat completion", body(r#"{"choices": [{"message""#)).await;
    check_retried("no choice", body(r#"{"choices": []}"#)).await;
    check_retried("no choice", body("{}")).await;
    check_retried(
        "no text",
        body(r#"{"choices": [{"message": {"content": null}, "finish_reason": "stop"}]}"#),
    )
    .await;
    check_retried(
        "overloaded",
        body(r#"{"error": {"message": "overloaded", "code": 502}}"#),
    )
    .await;
}

#[tokio::test]
async fn broken_connections_are_asked_again() {
    check_retried("broke", || Act::Cut).await;
}

#[tokio::test]
async fn thoughts_that_took_all_tokens_are_an_empty_reply() {
    let body = r#"{"choices": [{"message": {"content": null, "reasoning_content": "so"}, "finish_reason": "length"}]}"#;
    assert_eq!(once(|| Act::Body(body.into())).await.as_deref(), Ok(""));
}

#[tokio::test]
async fn parts_of_text_are_joined() {
    let body = r#"{"choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}}]}"#;
    assert_eq!(once(|| Act::Body(body.into())).await.as_deref(), Ok("ab"));
}

#[tokio::test]
async fn the_servers_wish_to_wait_is_granted() {
    for wish in [
        "retry-after: 0\r\n",
        "retry-after: Wed, 21 Oct 2015 07:28:00 GMT\r\n",
    ] {
        let mock = Mock::start(move |number| match number {
            0 => Act::Status(429, wish, String::new()),
            _ => Act::Body(completion("fine")),
        })
        .await;
        // Were the wish ignored, the pause would outlast the test.
        let mut settings = mock.settings();
        settings.first_pause = Duration::from_secs(3600);
        settings.max_pause = Duration::from_secs(7200);
        let client = OpenAi::new(settings).unwrap();
        assert_eq!(client.chat(&ask()).await.unwrap().text, "fine", "{wish}");
    }
}

#[tokio::test]
async fn a_wish_to_wait_too_long_ends_the_call() {
    let (error, n_requests) =
        always(|| Act::Status(503, "retry-after: 86400\r\n", String::new())).await;
    assert_eq!(n_requests, 1);
    assert!(
        error
            .to_string()
            .ends_with("status 503; it asks to wait 86400 s"),
        "{error}"
    );
}

#[tokio::test]
async fn wrong_settings_are_refused_at_once_with_advice() {
    check_refused(
        404,
        r#"{"object": "error", "message": "The model `small-model` does not exist.", "code": 404}"#,
        &[
            "status 404: The model `small-model` does not exist.",
            "check that the server has the model",
        ],
    )
    .await;
    check_refused(
        404,
        r#"{"error": "model 'x' not found"}"#,
        &["model 'x' not found"],
    )
    .await;
    check_refused(
        400,
        r#"{"detail": [{"msg": "bad temperature"}]}"#,
        &["bad temperature"],
    )
    .await;
    check_refused(422, "no\nway", &["status 422: no way"]).await;
    check_refused(403, "", &["status 403", "OPENAI_API_KEY"]).await;
    check_refused(301, "", &["base URL"]).await;
    check_refused(
        429,
        r#"{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}"#,
        &["no money left"],
    )
    .await;
}

#[tokio::test]
async fn a_key_that_a_server_echoes_is_not_shown() {
    let echo = || {
        let message = format!("Incorrect API key: {KEY}, or gsk_Zz81****cretTail");
        Act::Status(
            401,
            "",
            serde_json::json!({"error": {"message": message}}).to_string(),
        )
    };
    let (error, n_requests) = always(echo).await;
    assert_eq!(n_requests, 1);
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("Incorrect API key: [redacted]"), "{shown}");
    assert!(shown.contains("OPENAI_API_KEY"), "{shown}");
    for part in [KEY, "gsk_Zz81", "cretTail"] {
        assert!(!shown.contains(part), "{shown}");
    }
    let (error, _) = always(|| Act::Status(500, "", format!("bad header Bearer {KEY}"))).await;
    assert!(!error.to_string().contains("TopSecret"), "{error}");
    assert!(!format!("{:?}", Secret::new(KEY)).contains("Top"));
    assert!(!Secret::new(KEY).to_string().contains("Top"));
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_is_told_apart() {
    let check = |body: &'static str, prompt: u64, context: u64| async move {
        let (error, n_requests) = always(move || Act::Status(400, "", body.into())).await;
        let expected = ChatError::PromptTooLong {
            prompt_tokens: prompt,
            context_tokens: context,
        };
        assert_eq!((error, n_requests), (expected, 1), "{body}");
    };
    check(
        r#"{"error": {"message": "This model's maximum context length is 8192 tokens. However, your messages resulted in 10240 tokens.", "code": "context_length_exceeded"}}"#,
        10240,
        8192,
    )
    .await;
    check(
        r#"{"message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4900 in the messages, 100 in the completion)."}"#,
        4900,
        4096,
    )
    .await;
    check(
        r#"{"error": {"code": 400, "message": "the request exceeds the available context size", "n_prompt_tokens": 9000, "n_ctx": 2048}}"#,
        9000,
        2048,
    )
    .await;
    check(
        r#"{"message": "The input (70000 tokens) is longer than the model's context length (32768 tokens)."}"#,
        70000,
        32768,
    )
    .await;
    check(
        r#"{"message": "The decoder prompt (length 5000) is longer than the maximum model length of 4096."}"#,
        5000,
        4096,
    )
    .await;
}

#[tokio::test]
async fn a_server_that_says_nothing_or_never_ends_is_given_up() {
    for act in [|| Act::Hang, || Act::Trickle] {
        let mock = Mock::start(move |_| act()).await;
        let mut settings = mock.settings();
        settings.timeout = Duration::from_millis(40);
        settings.max_attempts = 2;
        let error = OpenAi::new(settings.clone())
            .unwrap()
            .chat(&ask())
            .await
            .unwrap_err();
        assert!(
            matches!(error, ChatError::Unavailable { n_attempts: 2, .. }),
            "{error}"
        );
        assert!(
            error.to_string().ends_with("no reply within 40ms"),
            "{error}"
        );

        settings.retry_timeouts = false;
        let error = OpenAi::new(settings)
            .unwrap()
            .chat(&ask())
            .await
            .unwrap_err();
        assert!(
            matches!(error, ChatError::Unavailable { n_attempts: 1, .. }),
            "{error}"
        );
        assert_eq!(mock.seen().len(), 3);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mock = Mock::start(|_| Act::Hang).await;
    let mut settings = mock.settings();
    settings.base_url = format!("http://{address}/v1");
    let error = OpenAi::new(settings)
        .unwrap()
        .chat(&ask())
        .await
        .unwrap_err();
    let ChatError::Unavailable {
        n_attempts, reason, ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(n_attempts, 3);
    assert!(
        reason.starts_with(&format!("cannot connect to {address}: ")),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overloaded_server_gets_fewer_requests_until_all_are_answered() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let n_refused = std::sync::Arc::new(AtomicUsize::new(0));
    let counter = n_refused.clone();
    // Each third request is one too many.
    let mock = Mock::start(move |number| {
        if number % 3 == 2 {
            counter.fetch_add(1, Ordering::Relaxed);
            return Act::Status(429, "", String::new());
        }
        Act::Body(completion("x"))
    })
    .await;
    let mut settings = mock.settings();
    settings.max_attempts = 50;
    let client = std::sync::Arc::new(OpenAi::new(settings).unwrap());
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.chat(&ask()).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().text, "x");
    }
    assert_eq!(mock.seen().len() - n_refused.load(Ordering::Relaxed), 200);
}
