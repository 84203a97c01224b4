//! From text to tokens and back, as a GGUF's metadata say.

use std::collections::HashMap;

use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{SplitDelimiterBehavior, Tokenizer as Bpe};

use crate::gguf::{Gguf, GgufError, Value};

mod stream;

pub use stream::TextStream;

/// Why a file's tokenizer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The metadata cannot be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The file has no tokenizer.
    #[error("load the tokenizer: the file has none (`tokenizer.ggml.model` is missing)")]
    Missing,
    /// A kind of tokenizer that this reader does not know.
    #[error("load the tokenizer: {0} is not supported")]
    Unsupported(String),
    /// The vocabulary contradicts itself.
    #[error("load the tokenizer: {0}")]
    Invalid(String),
    /// A text could not be encoded.
    #[error("encode a text: {0}")]
    Encode(String),
}

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ordinary,
    /// Steers the conversation, such as `<|im_end|>`; never made from a user's text, and has no text in a reply.
    Control,
    /// A word that someone added whole, such as `<tool_call>`; made from any text.
    Added,
}

/// A byte-level BPE tokenizer.
pub struct Tokenizer {
    bpe: Bpe,
    /// The bytes that each token stands for.
    bytes: Vec<Vec<u8>>,
    kinds: Vec<Kind>,
    /// Control tokens by text, longest first.
    control: Vec<(String, u32)>,
    /// Added words by text, longest first.
    added: Vec<(String, u32)>,
    /// Begins every sequence, where the model wants it.
    bos: Option<u32>,
    /// Text of special tokens that templates name.
    named: HashMap<&'static str, String>,
    ends: Vec<u32>,
}

/// A piece of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Ordinary text.
    Text(String),
    /// A control token.
    Control(u32),
}

impl Tokenizer {
    /// Builds the tokenizer of a file.
    ///
    /// # Errors
    /// When the file has none, or one of a kind that this reader does not know.
    pub fn load(gguf: &Gguf) -> Result<Tokenizer, TokenizerError> {
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
        let bpe = build_bpe(texts, &kinds, gguf.texts("tokenizer.ggml.merges")?, pre)?;

        let from_alphabet = byte_of_char();
        let bytes = texts
            .iter()
            .zip(&kinds)
            .map(|(text, kind)| match kind {
                Kind::Ordinary => text
                    .chars()
                    .map(|c| from_alphabet.get(&c).copied())
                    .collect::<Option<Vec<u8>>>()
                    // A word outside of the alphabet stands for itself.
                    .unwrap_or_else(|| text.as_bytes().to_vec()),
                Kind::Control | Kind::Added => text.as_bytes().to_vec(),
            })
            .collect();
        let of_kind = |wanted| {
            let mut tokens: Vec<(String, u32)> = (0u32..)
                .zip(texts.iter().zip(&kinds))
                .filter(|(_, (text, kind))| **kind == wanted && !text.is_empty())
                .map(|(id, (text, _))| (text.clone(), id))
                .collect();
            tokens.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
            tokens
        };

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
        let control = of_kind(Kind::Control);
        // Models end a turn with more tokens than the one their file names.
        let mut ends: Vec<u32> = eos.into_iter().collect();
        ends.extend(token_at("tokenizer.ggml.eot_token_id")?);
        for (text, id) in &control {
            if [
                "<|im_end|>",
                "<|endoftext|>",
                "<|eot_id|>",
                "<|end_of_text|>",
                "<|eom_id|>",
            ]
            .contains(&text.as_str())
            {
                ends.push(*id);
            }
        }
        ends.sort_unstable();
        ends.dedup();
        let add_bos = gguf
            .flag("tokenizer.ggml.add_bos_token")?
            .unwrap_or(pre == "llama-bpe");
        Ok(Tokenizer {
            bpe,
            bytes,
            added: of_kind(Kind::Added),
            kinds,
            control,
            bos: bos.filter(|_| add_bos),
            named,
            ends,
        })
    }

    /// Tokens in the vocabulary.
    pub fn n_vocab(&self) -> usize {
        self.bytes.len()
    }

    /// Tokens that end a reply.
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// The bytes that a token stands for: not always whole characters. Control tokens give nothing.
    pub fn token_bytes(&self, token: u32) -> &[u8] {
        match self.kinds.get(token as usize) {
            Some(Kind::Ordinary | Kind::Added) => &self.bytes[token as usize],
            _ => &[],
        }
    }

    /// The text that tokens stand for, control tokens left out, broken characters replaced.
    pub fn decode(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens
            .iter()
            .flat_map(|&token| self.token_bytes(token))
            .copied()
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Encodes a text that nobody vouches for: what looks like a control token stays text.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let mut tokens = Vec::new();
        self.encode_text(text, &mut tokens)?;
        Ok(tokens)
    }

    /// Encodes a text of our own, in which control tokens are meant.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn encode_with_control(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.encode_pieces(&self.split_control(text))
    }

    /// Cuts a text at control tokens.
    pub(crate) fn split_control(&self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        split_at_words(text, &self.control, &mut |piece| {
            pieces.push(match piece {
                Ok(text) => Piece::Text(text.to_string()),
                Err(token) => Piece::Control(token),
            });
        });
        pieces
    }

    /// Encodes pieces, beginning with the token that begins every sequence, where the model wants one.
    pub(crate) fn encode_pieces(&self, pieces: &[Piece]) -> Result<Vec<u32>, TokenizerError> {
        let mut tokens = Vec::new();
        if let Some(bos) = self.bos
            && pieces.first() != Some(&Piece::Control(bos))
        {
            tokens.push(bos);
        }
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.encode_text(text, &mut tokens)?,
                Piece::Control(token) => tokens.push(*token),
            }
        }
        Ok(tokens)
    }

    /// Texts of all control tokens, longest first.
    pub(crate) fn control_texts(&self) -> impl Iterator<Item = &str> {
        self.control.iter().map(|(text, _)| text.as_str())
    }

    /// Names of special tokens that templates use, with their texts.
    pub(crate) fn named(&self) -> &HashMap<&'static str, String> {
        &self.named
    }

    fn encode_text(&self, text: &str, tokens: &mut Vec<u32>) -> Result<(), TokenizerError> {
        let mut result = Ok(());
        split_at_words(text, &self.added, &mut |piece| match piece {
            Err(token) => tokens.push(token),
            Ok(text) => match self.bpe.encode_fast(text, false) {
                Ok(encoding) => tokens.extend(encoding.get_ids()),
                Err(error) => result = Err(TokenizerError::Encode(error.to_string())),
            },
        });
        result
    }
}

/// Cuts a text at whole words; at each place the longest word wins.
fn split_at_words<'t>(
    text: &'t str,
    words: &[(String, u32)],
    emit: &mut dyn FnMut(Result<&'t str, u32>),
) {
    let mut rest = text;
    let mut at = 0;
    while at < rest.len() {
        let found = words
            .iter()
            .find(|(word, _)| rest.as_bytes()[at..].starts_with(word.as_bytes()));
        match found {
            None => at += 1,
            Some((word, token)) => {
                if at > 0 {
                    emit(Ok(&rest[..at]));
                }
                emit(Err(*token));
                rest = &rest[at + word.len()..];
                at = 0;
            }
        }
    }
    if !rest.is_empty() {
        emit(Ok(rest));
    }
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

fn build_bpe(
    texts: &[String],
    kinds: &[Kind],
    merges: &[String],
    pre: &str,
) -> Result<Bpe, TokenizerError> {
    let vocab: ahash::AHashMap<String, u32> = (0u32..)
        .zip(texts.iter().zip(kinds))
        .filter(|(_, (_, kind))| **kind == Kind::Ordinary)
        .map(|(id, (text, _))| (text.clone(), id))
        .collect();
    let merges = merges
        .iter()
        .map(|merge| {
            // The alphabet has no space, so the first one after the start separates the halves.
            let halves = merge
                .char_indices()
                .skip(1)
                .find(|(_, c)| *c == ' ')
                .map(|(at, _)| (&merge[..at], &merge[at + 1..]));
            let (a, b) = halves
                .ok_or_else(|| TokenizerError::Invalid(format!("merge `{merge}` has no halves")))?;
            Ok((a.to_string(), b.to_string()))
        })
        .collect::<Result<Vec<_>, TokenizerError>>()?;
    let invalid = |error: tokenizers::Error| TokenizerError::Invalid(error.to_string());
    let model = BPE::builder()
        .vocab_and_merges(vocab, merges)
        .ignore_merges(pre == "llama-bpe")
        .build()
        .map_err(invalid)?;
    let mut bpe = Bpe::new(model);
    bpe.with_pre_tokenizer(Some(pre_tokenizer(pre)?));
    if pre == "qwen2" {
        bpe.with_normalizer(Some(NFC));
    }
    Ok(bpe)
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

/// The byte that each character of the byte-level alphabet stands for.
///
/// Source: `bytes_to_unicode` of GPT-2: printable bytes stand for themselves, the others follow from U+0100 on.
fn byte_of_char() -> HashMap<char, u8> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut next = 0x100;
    (0..=255u8)
        .map(|byte| {
            let code = if printable(byte) {
                u32::from(byte)
            } else {
                next += 1;
                next - 1
            };
            (
                char::from_u32(code).expect("codes below 0x200 are characters"),
                byte,
            )
        })
        .collect()
}
