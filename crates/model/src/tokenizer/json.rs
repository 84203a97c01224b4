//! Tokenizers as Hugging Face's library saves them: `tokenizer.json`, `tokenizer_config.json`.

use std::collections::HashMap;

use serde_json::Value;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::sequence::Sequence;

use super::{Kind, Splitting, Tokenizer, TokenizerError, Vocabulary, halves};
use crate::folder::Json;

/// Builds the tokenizer of a folder. `settings` are the files that may name the tokens that end a reply.
pub(crate) fn of_json(
    tokenizer: &Json,
    config: Option<&Json>,
    settings: [Option<&Json>; 3],
) -> Result<Tokenizer, TokenizerError> {
    match tokenizer.text("model.type")? {
        Some("BPE") => {}
        other => {
            let kind = other.unwrap_or("of no kind");
            return Err(tokenizer.unsupported("model.type", kind).into());
        }
    }
    for (key, harmless) in [
        ("model.dropout", Value::from(0.0)),
        ("model.byte_fallback", Value::from(false)),
        ("model.continuing_subword_prefix", Value::from("")),
        ("model.end_of_word_suffix", Value::from("")),
    ] {
        if let Some(value) = tokenizer.get(key).filter(|value| **value != harmless) {
            return Err(tokenizer.unsupported(key, value).into());
        }
    }
    let splitting = Splitting {
        pre_tokenizer: pre_tokenizer(tokenizer)?,
        composes: composes(tokenizer)?,
        keeps_whole_words: tokenizer.flag("model.ignore_merges")?.unwrap_or(false),
    };
    let (texts, kinds) = tokens(tokenizer)?;
    let id_of = |text: &str| texts.iter().position(|known| known == text);
    let mut named = HashMap::new();
    for name in ["bos_token", "eos_token", "unk_token", "pad_token"] {
        if let Some(text) = config.and_then(|config| named_token(config, name)) {
            named.insert(name, text.to_string());
        }
    }
    let mut ends = Vec::new();
    for file in settings.into_iter().flatten() {
        ends.extend(end_tokens(file, texts.len())?);
    }
    ends.extend(
        named
            .get("eos_token")
            .and_then(|text| id_of(text))
            .map(|id| id as u32),
    );
    let vocabulary = Vocabulary {
        bos: first_token(tokenizer, config, &named)?
            .and_then(id_of)
            .map(|id| id as u32),
        merges: merges(tokenizer)?,
        ends,
        named,
        texts,
        kinds,
    };
    Tokenizer::build(vocabulary, splitting)
}

/// Texts and kinds of all tokens in the order of their numbers; a number that no token has stands for no text.
fn tokens(json: &Json) -> Result<(Vec<String>, Vec<Kind>), TokenizerError> {
    let vocab = json
        .get("model.vocab")
        .and_then(Value::as_object)
        .ok_or_else(|| json.invalid("`model.vocab` is no object".to_string()))?;
    let no_items = Vec::new();
    let added = match json.get("added_tokens") {
        None => &no_items,
        Some(items) => items
            .as_array()
            .ok_or_else(|| json.invalid("`added_tokens` is no list".to_string()))?,
    };
    // A few numbers may be left out; a file cannot make us reserve room for millions.
    let most = 2 * (vocab.len() + added.len()) + 1_024;
    let number = |value: Option<&Value>| {
        value
            .and_then(Value::as_u64)
            .and_then(|id| usize::try_from(id).ok())
            .filter(|id| *id < most)
            .ok_or_else(|| json.invalid("a token has no number, or an absurd one".to_string()))
    };
    let mut all: Vec<Option<(String, Kind)>> = Vec::new();
    let mut put = |id: usize, text: &str, kind| {
        if all.len() <= id {
            all.resize(id + 1, None);
        }
        match &all[id] {
            Some((known, _)) if known != text => {
                Err(json.invalid(format!("token {id} is both `{known}` and `{text}`")))
            }
            _ => {
                all[id] = Some((text.to_string(), kind));
                Ok(())
            }
        }
    };
    for (text, id) in vocab {
        put(number(Some(id))?, text, Kind::Ordinary)?;
    }
    for token in added {
        let text = token["content"]
            .as_str()
            .ok_or_else(|| json.invalid("an added token has no text".to_string()))?;
        for key in ["lstrip", "rstrip", "single_word"] {
            if token[key] == true {
                let key = format!("added_tokens, `{text}`, {key}");
                return Err(json.unsupported(&key, true).into());
            }
        }
        let kind = if token["special"] == true {
            Kind::Control
        } else {
            Kind::Added
        };
        put(number(token.get("id"))?, text, kind)?;
    }
    Ok(all
        .into_iter()
        .map(|token| token.unwrap_or((String::new(), Kind::Control)))
        .unzip())
}

/// Merges, written as two texts or as one with a space.
fn merges(json: &Json) -> Result<Vec<(String, String)>, TokenizerError> {
    let merges = json
        .get("model.merges")
        .and_then(Value::as_array)
        .ok_or_else(|| json.invalid("`model.merges` is no list".to_string()))?;
    let merge = |value: &Value| match value {
        Value::String(both) => halves(both),
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(a), Value::String(b)] => Ok((a.clone(), b.clone())),
            _ => Err(json.invalid("a merge has no halves".to_string()).into()),
        },
        _ => Err(json.invalid("a merge has no halves".to_string()).into()),
    };
    merges.iter().map(merge).collect()
}

/// True for NFC; no other change of a text is supported.
fn composes(json: &Json) -> Result<bool, TokenizerError> {
    match json.get("normalizer") {
        None => Ok(false),
        Some(one) if one["type"] == "NFC" => Ok(true),
        Some(other) => Err(json
            .unsupported("normalizer", kind_of(other).unwrap_or(other))
            .into()),
    }
}

/// Byte-level splitting: any patterns and digits, and the byte alphabet last.
fn pre_tokenizer(json: &Json) -> Result<Sequence, TokenizerError> {
    const KEY: &str = "pre_tokenizer";
    let Some(value) = json.get(KEY) else {
        return Err(json.unsupported(KEY, "null").into());
    };
    let steps = match value["pretokenizers"].as_array() {
        Some(steps) if value["type"] == "Sequence" => steps.as_slice(),
        _ => std::slice::from_ref(value),
    };
    let known = ["ByteLevel", "Digits", "Split"];
    let unknown = steps
        .iter()
        .find(|step| !known.iter().any(|kind| step["type"] == *kind));
    if let Some(step) = unknown {
        let kind = kind_of(step).unwrap_or(step);
        return Err(json.unsupported(KEY, kind).into());
    }
    match steps.last() {
        Some(last) if last["type"] == "ByteLevel" && last["add_prefix_space"] != true => {}
        _ => return Err(json.unsupported(KEY, value).into()),
    }
    let steps = steps
        .iter()
        .map(|step| serde_json::from_value::<PreTokenizerWrapper>(step.clone()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| json.invalid(format!("`{KEY}`: {error}")))?;
    Ok(Sequence::new(steps))
}

fn kind_of(step: &Value) -> Option<&Value> {
    step.get("type")
}

/// The text of a special token, written alone or with its properties.
fn named_token<'a>(config: &'a Json, name: &str) -> Option<&'a str> {
    let value = config.get(name)?;
    value.as_str().or_else(|| value.get("content")?.as_str())
}

/// The token that begins every sequence, where there is one.
fn first_token<'a>(
    tokenizer: &'a Json,
    config: Option<&Json>,
    named: &'a HashMap<&'static str, String>,
) -> Result<Option<&'a str>, TokenizerError> {
    let wanted = match config {
        None => None,
        Some(config) => config.flag("add_bos_token")?,
    };
    let of_template = || {
        let processor = tokenizer.get("post_processor")?;
        let several = processor["processors"].as_array();
        let all = several.map_or(std::slice::from_ref(processor), Vec::as_slice);
        all.iter()
            .find_map(|one| one["single"][0]["SpecialToken"]["id"].as_str())
    };
    Ok(match wanted {
        Some(false) => None,
        Some(true) => named.get("bos_token").map(String::as_str),
        None => of_template(),
    })
}

/// The tokens that a file says end a reply.
fn end_tokens(file: &Json, n_tokens: usize) -> Result<Vec<u32>, TokenizerError> {
    let ids = match file.get("eos_token_id") {
        None => return Ok(Vec::new()),
        Some(Value::Array(several)) => several.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let number = |id: &Value| {
        id.as_u64()
            .and_then(|id| u32::try_from(id).ok())
            .filter(|id| (*id as usize) < n_tokens)
            .ok_or_else(|| {
                let reason = format!("`eos_token_id` names {id}, which is no token");
                file.invalid(reason).into()
            })
    };
    ids.iter().map(number).collect()
}
