use model::{ChatMessage, ChatTemplate, Tokenizer};
use proptest::prelude::*;
use trainer::{DataError, Encoding, Example, Row, Tally};

use crate::gradients::tiny;

/// Reads rows with the tokenizer and the template of a tiny model.
fn read(name: &str, rows: &str, agent: Option<&str>) -> Result<(Vec<Example>, Tally), DataError> {
    read_activated(name, rows, agent, &[])
}

fn read_activated(
    name: &str,
    rows: &str,
    agent: Option<&str>,
    invocation: &[u32],
) -> Result<(Vec<Example>, Tally), DataError> {
    let source = model::open(&tiny(name)).unwrap();
    let tokenizer = Tokenizer::load(&*source).unwrap();
    let template = ChatTemplate::load(&*source).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    std::fs::write(&path, rows).unwrap();
    let encoding = Encoding {
        template: &template,
        tokenizer: &tokenizer,
        sequence_len: 100,
        invocation,
        agent,
    };
    encoding.read(&[path])
}

/// The text of the trained tokens, control tokens included, and all that comes before the first of them.
fn trained(name: &str, row: &str) -> (String, String) {
    let source = model::open(&tiny(name)).unwrap();
    let tokenizer = Tokenizer::load(&*source).unwrap();
    let (examples, tally) = read(name, row, None).unwrap();
    assert_eq!(tally.n_kept, 1, "{tally}");
    let document = &examples[0].document;
    let text = |tokens: &mut dyn Iterator<Item = u32>| -> String {
        let bytes: Vec<u8> = tokens
            .flat_map(|token| tokenizer.raw_bytes(token).to_vec())
            .collect();
        String::from_utf8(bytes).unwrap()
    };
    let pairs = || {
        document
            .tokens
            .iter()
            .copied()
            .zip(document.trained.iter().copied())
    };
    let first = document
        .trained
        .iter()
        .position(|&trained| trained)
        .unwrap();
    (
        text(&mut pairs().take(first).map(|(token, _)| token)),
        text(
            &mut pairs()
                .filter(|(_, trained)| *trained)
                .map(|(token, _)| token),
        ),
    )
}

#[test]
fn the_reply_and_its_end_are_trained_and_nothing_else() {
    let row = r#"{"prompt": "2+2?", "completion": "It is 4."}"#;
    for (name, begin) in [("tiny-llama", "<|begin|>"), ("tiny-qwen2", "")] {
        assert_eq!(
            trained(name, row),
            (
                format!("{begin}<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n"),
                "It is 4.<|im_end|>".to_string()
            )
        );
    }
}

#[test]
fn every_reply_of_a_conversation_is_trained_but_only_the_completion_of_a_prompt() {
    let turns = [
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
        ("assistant", "d"),
    ]
    .map(|(role, content)| serde_json::json!({"role": role, "content": content}));
    let all = serde_json::json!({ "messages": turns });
    assert_eq!(
        trained("tiny-qwen2", &all.to_string()).1,
        "b<|im_end|>d<|im_end|>"
    );
    let last = serde_json::json!({"prompt": turns[..3], "completion": turns[3..]});
    assert_eq!(trained("tiny-qwen2", &last.to_string()).1, "d<|im_end|>");
}

/// Text that looks like a control token stays text in a reply too.
#[test]
fn a_reply_cannot_end_itself() {
    let row = r#"{"prompt": "x", "completion": "a<|im_end|>b"}"#;
    let (examples, _) = read("tiny-qwen2", row, None).unwrap();
    let document = &examples[0].document;
    let end = *document.tokens.last().unwrap();
    let n_ends = document
        .tokens
        .iter()
        .filter(|&&token| token == end)
        .count();
    assert_eq!(n_ends, 2, "one of the user's turn, one of the reply");
    assert_eq!(trained("tiny-qwen2", row).1, "a<|im_end|>b<|im_end|>");
}

#[test]
fn what_is_left_out_is_counted() {
    let rows = [
        r#"{"prompt": "x", "completion": "y"}"#.to_string(),
        String::new(),
        r#"{"prompt": " ", "completion": "\n"}"#.to_string(),
        r#"{"prompt": "x", "completion": " "}"#.to_string(),
        r#"{"messages": []}"#.to_string(),
        r#"{"messages": [{"role": "user", "content": "nobody answers"}]}"#.to_string(),
        format!(
            r#"{{"prompt": "x", "completion": "{}"}}"#,
            "long ".repeat(100)
        ),
        r#"{"agent": "debugging", "prompt": "x", "completion": "y"}"#.to_string(),
        r#"{"agent": "planning", "prompt": "x", "completion": "y", "extra": 3}"#.to_string(),
    ];
    let (examples, tally) = read("tiny-llama", &rows.join("\n"), Some("planning")).unwrap();
    assert_eq!(
        tally.to_string(),
        "2 of 8 rows, 1 for other agents, 1 too long, 3 empty, 1 without a reply"
    );
    assert_eq!(
        examples.iter().map(|one| one.line).collect::<Vec<_>>(),
        [1, 9]
    );
    let (_, tally) = read("tiny-llama", &rows.join("\n"), None).unwrap();
    assert_eq!((tally.n_kept, tally.n_other_agents), (3, 0));
}

#[test]
fn a_line_that_is_no_example_is_named() {
    for (row, problem) in [
        ("{", "it is no JSON object"),
        ("[]", "it is no JSON object"),
        (
            r#"{"text": "x"}"#,
            "it has neither `messages` nor `prompt` with `completion`",
        ),
        (
            r#"{"prompt": 3, "completion": "x"}"#,
            "`prompt` is no text and no list of messages",
        ),
        (
            r#"{"messages": [{"role": "user"}]}"#,
            "`messages` is no list of messages with `role` and `content`",
        ),
    ] {
        let rows = format!("{}\n{row}", r#"{"prompt": "x", "completion": "y"}"#);
        let error = read("tiny-llama", &rows, None).unwrap_err().to_string();
        assert!(
            error.contains(&format!("rows.jsonl:2: {problem}")),
            "{error}"
        );
    }
}

/// An activated adapter acts from the last occurrence of its invocation on, and only what follows is trained.
#[test]
fn what_comes_before_the_invocation_is_the_bases() {
    let source = model::open(&tiny("tiny-qwen2")).unwrap();
    let tokenizer = Tokenizer::load(&*source).unwrap();
    let invocation = tokenizer.encode_inside("<|im_start|>assistant\n").unwrap();
    let row =
        r#"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]}"#
            .replace('\n', "");
    let (examples, tally) = read_activated("tiny-qwen2", &row, None, &invocation).unwrap();
    assert_eq!(tally.n_kept, 1);
    let document = &examples[0].document;
    assert_eq!(
        document.tokens[document.n_prefix..][..invocation.len()],
        invocation
    );
    // `d` and the end of its turn.
    assert_eq!(
        (
            document.n_trained(),
            document.tokens.len() - document.n_prefix
        ),
        (2, invocation.len() + 2)
    );
    let (_, tally) = read_activated("tiny-qwen2", &row, None, &[7, 7, 7]).unwrap();
    assert_eq!(tally.to_string(), "0 of 1 rows, 1 without the invocation");
}

/// What is trained is what the engine will ask: up to a reply, the tokens are those of the prompt.
#[test]
fn prompts_are_those_of_the_engine() {
    for name in ["tiny-llama", "tiny-qwen2"] {
        let source = model::open(&tiny(name)).unwrap();
        let tokenizer = Tokenizer::load(&*source).unwrap();
        let template = ChatTemplate::load(&*source).unwrap();
        let message = |role: &str, content: &str| ChatMessage {
            role: role.to_string(),
            content: content.to_string(),
        };
        let prompt = [
            message("system", "You are terse. <|im_start|>"),
            message("user", "  def f(x):\n\treturn x ½ <tool_call>\n"),
        ];
        let whole = [&prompt[..], &[message("assistant", "ok")]].concat();
        let spans = template.encode_replies(&whole, &tokenizer).unwrap();
        assert_eq!(spans.len(), 2);
        assert_eq!(
            spans[0].tokens,
            template.encode(&prompt, &tokenizer).unwrap()
        );
        assert!(source.config().unwrap().n_vocab >= tokenizer.n_vocab());
    }
}

proptest! {
    /// Whatever a line holds, there is an answer.
    #[test]
    fn any_line_is_read_or_refused(line in "[\\[\\]{}:,\"a-z0-9 ]{0,80}") {
        drop(Row::parse(&line));
    }
}
