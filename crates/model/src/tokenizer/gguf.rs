use std::collections::HashMap;

use tokenizers::SplitDelimiterBehavior;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};

use super::{Kind, Splitting, Tokenizer, TokenizerError, Vocabulary, halves};
use crate::gguf::{Gguf, Value};

/// Builds the tokenizer of a GGUF file.
pub(crate) fn of_gguf(gguf: &Gguf) -> Result<Tokenizer, TokenizerError> {
    match gguf.text("tokenizer.ggml.model")? {
        None => return Err(TokenizerError::Missing),
        Some("gpt2") => {}
        Some(other) => {
            return Err(TokenizerError::Unsupported(format!(
                "tokenizer model `{other}`"
            )));
        }
    }
    let texts = gguf.texts("tokenizer.ggml.tokens")?;
    let kinds = kinds(gguf, texts.len())?;
    let pre = gguf.text("tokenizer.ggml.pre")?.unwrap_or("default");
    let merges = gguf.texts("tokenizer.ggml.merges")?;
    let merges = merges
        .iter()
        .map(|merge| halves(merge))
        .collect::<Result<_, _>>()?;
    let token_at = |key: &str| match gguf.count(key)? {
        None => Ok(None),
        Some(id) if id < texts.len() => Ok(Some(id as u32)),
        Some(id) => Err(TokenizerError::Invalid(format!(
            "`{key}` names token {id}, which is not there"
        ))),
    };
    let bos = token_at("tokenizer.ggml.bos_token_id")?;
    let eos = token_at("tokenizer.ggml.eos_token_id")?;
    let mut named = HashMap::new();
    for (name, key) in [
        ("bos_token", "tokenizer.ggml.bos_token_id"),
        ("eos_token", "tokenizer.ggml.eos_token_id"),
        ("unk_token", "tokenizer.ggml.unknown_token_id"),
        ("pad_token", "tokenizer.ggml.padding_token_id"),
    ] {
        if let Some(id) = token_at(key)? {
            named.insert(name, texts[id as usize].clone());
        }
    }
    let mut ends: Vec<u32> = eos.into_iter().collect();
    ends.extend(token_at("tokenizer.ggml.eot_token_id")?);
    let add_bos = gguf
        .flag("tokenizer.ggml.add_bos_token")?
        .unwrap_or(pre == "llama-bpe");
    let splitting = Splitting {
        pre_tokenizer: pre_tokenizer(pre)?,
        composes: pre == "qwen2",
        keeps_whole_words: pre == "llama-bpe",
    };
    let vocabulary = Vocabulary {
        texts: texts.to_vec(),
        kinds,
        merges,
        bos: bos.filter(|_| add_bos),
        ends,
        named,
    };
    Tokenizer::build(vocabulary, splitting)
}

fn kinds(gguf: &Gguf, n_tokens: usize) -> Result<Vec<Kind>, TokenizerError> {
    let Some(types) = gguf.get("tokenizer.ggml.token_type") else {
        return Ok(vec![Kind::Ordinary; n_tokens]);
    };
    let kind = |value: &Value| match value.as_unsigned() {
        Some(3) => Kind::Control,
        Some(4) => Kind::Added,
        _ => Kind::Ordinary,
    };
    match types {
        Value::Array(types) if types.len() == n_tokens => Ok(types.iter().map(kind).collect()),
        _ => Err(TokenizerError::Invalid(
            "`tokenizer.ggml.token_type` does not match the vocabulary".to_string(),
        )),
    }
}

/// How a text is cut into words before byte pairs are merged.
///
/// Source: the models' own `tokenizer.json` files.
fn pre_tokenizer(pre: &str) -> Result<Sequence, TokenizerError> {
    const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    let byte_level = |use_regex| PreTokenizerWrapper::from(ByteLevel::new(false, true, use_regex));
    let split = |pattern: &str| {
        Split::new(
            SplitPattern::Regex(pattern.to_string()),
            SplitDelimiterBehavior::Isolated,
            false,
        )
        .map(PreTokenizerWrapper::from)
        .map_err(|error| TokenizerError::Invalid(error.to_string()))
    };
    Ok(Sequence::new(match pre {
        "default" | "gpt-2" => vec![byte_level(true)],
        "smollm" => vec![Digits::new(true).into(), byte_level(true)],
        "qwen2" => vec![split(QWEN2)?, byte_level(false)],
        "llama-bpe" | "llama3" => vec![split(LLAMA3)?, byte_level(false)],
        other => {
            return Err(TokenizerError::Unsupported(format!(
                "the pre-tokenizer `{other}`"
            )));
        }
    }))
}
