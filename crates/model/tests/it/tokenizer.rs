use std::collections::HashMap;

use model::{TextStream, Tokenizer};
use proptest::prelude::*;
use serde::Deserialize;

use crate::support::{default_model, json, open, tiny_bytes, tiny_with_text};

#[derive(Deserialize)]
struct Case {
    text: String,
    plain: Vec<u32>,
    special: Vec<u32>,
}

/// Code, tabs, CJK, emoji, long white space and every special token, as text and as token.
#[test]
fn tokens_are_those_of_the_reference() {
    let Some(gguf) = default_model() else { return };
    let tokenizer = Tokenizer::load(&gguf).unwrap();
    let cases: Vec<Case> = json("tokens.json");
    assert!(cases.len() >= 20);
    for case in cases {
        assert_eq!(
            tokenizer.encode(&case.text).unwrap(),
            case.plain,
            "{:?}",
            case.text
        );
        let special = tokenizer.encode_with_control(&case.text).unwrap();
        assert_eq!(special, case.special, "{:?}", case.text);
        assert_eq!(tokenizer.decode(&case.plain), case.text);
    }
}

#[derive(Deserialize)]
struct Tiny {
    texts: Vec<String>,
    pre: HashMap<String, Vec<Vec<u32>>>,
}

#[test]
fn every_pre_tokenizer_cuts_as_the_reference_does() {
    let tiny: Tiny = json("tiny.json");
    assert_eq!(tiny.pre.len(), 4);
    for (pre, expected) in tiny.pre {
        let gguf = tiny_with_text("tokenizer.ggml.pre", &pre);
        let tokenizer = Tokenizer::load(&gguf).unwrap();
        for (text, expected) in tiny.texts.iter().zip(expected) {
            assert_eq!(tokenizer.encode(text).unwrap(), expected, "{pre}: {text:?}");
        }
    }
}

#[test]
fn an_unknown_pre_tokenizer_is_named() {
    let gguf = tiny_with_text("tokenizer.ggml.pre", "tekken");
    let error = Tokenizer::load(&gguf).err().unwrap().to_string();
    assert_eq!(
        error,
        "load the tokenizer: the pre-tokenizer `tekken` is not supported"
    );
    let gguf = tiny_with_text("tokenizer.ggml.model", "llama");
    let error = Tokenizer::load(&gguf).err().unwrap().to_string();
    assert_eq!(
        error,
        "load the tokenizer: tokenizer model `llama` is not supported"
    );
}

#[test]
fn added_words_are_matched_in_any_text_and_control_tokens_are_not() {
    let tokenizer = Tokenizer::load(&open(&tiny_bytes()).unwrap()).unwrap();
    let tool_call = tokenizer.n_vocab() as u32 - 1;
    let im_end = tool_call - 1;
    let tokens = tokenizer.encode("a<tool_call><|im_end|>").unwrap();
    assert!(tokens.contains(&tool_call) && !tokens.contains(&im_end));
    assert_eq!(tokenizer.decode(&tokens), "a<tool_call><|im_end|>");
    let tokens = tokenizer
        .encode_with_control("a<tool_call><|im_end|>")
        .unwrap();
    assert!(tokens.ends_with(&[tool_call, im_end]));
    assert_eq!(tokenizer.decode(&tokens), "a<tool_call>");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any text survives; streamed token by token it only ever grows by whole characters.
    #[test]
    fn texts_survive_and_stream_in_whole_characters(text in "\\PC{0,40}|[ \\t\\n<|>a-z]{0,40}", cut in 0usize..60) {
        let tokenizer = Tokenizer::load(&tiny_with_text("tokenizer.ggml.pre", "gpt-2")).unwrap();
        let tokens = tokenizer.encode(&text).unwrap();
        let mut stream = TextStream::default();
        for &token in &tokens {
            let before = stream.text().len();
            stream.push(&tokenizer, token);
            prop_assert!(text.starts_with(stream.text()) && stream.text().len() >= before);
        }
        prop_assert_eq!(stream.finish(), text);
        // A reply that is cut anywhere is still text, whole but for its last character.
        let tokens = &tokens[..cut.min(tokens.len())];
        let mut stream = TextStream::default();
        tokens.iter().for_each(|&token| stream.push(&tokenizer, token));
        prop_assert_eq!(stream.finish(), tokenizer.decode(tokens));
    }

    #[test]
    fn any_tokens_give_text(tokens in proptest::collection::vec(0u32..700, 0..60)) {
        let tokenizer = Tokenizer::load(&open(&tiny_bytes()).unwrap()).unwrap();
        let mut stream = TextStream::default();
        tokens.iter().for_each(|&token| stream.push(&tokenizer, token));
        prop_assert_eq!(stream.finish(), tokenizer.decode(&tokens));
    }
}
