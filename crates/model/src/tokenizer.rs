//! From text to tokens and back.

use std::collections::HashMap;

use tokenizers::Tokenizer as Bpe;
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::sequence::Sequence;

use crate::folder::FolderError;
use crate::gguf::GgufError;
use crate::source::Source;

mod gguf;
mod json;
mod stream;

pub(crate) use gguf::of_gguf;
pub(crate) use json::of_json;
pub use stream::TextStream;

/// Why a file's tokenizer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The metadata cannot be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The folder's files cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
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

/// Tokens that end a turn wherever they are control tokens.
const TURN_ENDS: [&str; 5] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|eom_id|>",
];

/// What a model's files say about its tokens.
struct Vocabulary {
    texts: Vec<String>,
    kinds: Vec<Kind>,
    merges: Vec<(String, String)>,
    /// Begins every sequence, where the model wants it.
    bos: Option<u32>,
    /// Tokens that end a reply, as far as the files name them.
    ends: Vec<u32>,
    named: HashMap<&'static str, String>,
}

/// How a text is cut into words before byte pairs are merged.
struct Splitting {
    pre_tokenizer: Sequence,
    /// Whether characters are composed first (NFC).
    composes: bool,
    /// Whether a word that is a token is never cut.
    keeps_whole_words: bool,
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
    /// The tokenizer of a model.
    ///
    /// # Errors
    /// When it has none, or one of a kind that this reader does not know.
    pub fn load(source: &dyn Source) -> Result<Tokenizer, TokenizerError> {
        source.tokenizer()
    }

    /// Builds a tokenizer of what a model's files say.
    fn build(vocabulary: Vocabulary, splitting: Splitting) -> Result<Tokenizer, TokenizerError> {
        let Vocabulary {
            texts,
            kinds,
            merges,
            bos,
            mut ends,
            named,
        } = vocabulary;
        let bpe = build_bpe(&texts, &kinds, merges, splitting)?;
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
        let control = of_kind(Kind::Control);
        // Models end a turn with more tokens than the one that their files name.
        let known = control
            .iter()
            .filter(|(text, _)| TURN_ENDS.contains(&text.as_str()));
        ends.extend(known.map(|(_, id)| *id));
        ends.sort_unstable();
        ends.dedup();
        Ok(Tokenizer {
            bpe,
            bytes,
            added: of_kind(Kind::Added),
            kinds,
            control,
            bos,
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

    /// The bytes that a token stands for, or the name of a control token.
    pub fn raw_bytes(&self, token: u32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
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

    /// Encodes a part of a sequence, in which control tokens are meant and nothing is added.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn encode_inside(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.continue_pieces(&self.split_control(text))
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
        tokens.extend(self.continue_pieces(pieces)?);
        Ok(tokens)
    }

    /// Encodes pieces that go on where others end.
    pub(crate) fn continue_pieces(&self, pieces: &[Piece]) -> Result<Vec<u32>, TokenizerError> {
        let mut tokens = Vec::new();
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

    /// Texts of the control tokens that end a reply.
    pub(crate) fn end_texts(&self) -> impl Iterator<Item = &str> {
        let ends = |token: &u32| self.ends.contains(token);
        let words = self.control.iter().filter(move |(_, token)| ends(token));
        words.map(|(text, _)| text.as_str())
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

fn build_bpe(
    texts: &[String],
    kinds: &[Kind],
    merges: Vec<(String, String)>,
    splitting: Splitting,
) -> Result<Bpe, TokenizerError> {
    let vocab: ahash::AHashMap<String, u32> = (0u32..)
        .zip(texts.iter().zip(kinds))
        .filter(|(_, (_, kind))| **kind == Kind::Ordinary)
        .map(|(id, (text, _))| (text.clone(), id))
        .collect();
    let model = BPE::builder()
        .vocab_and_merges(vocab, merges)
        .ignore_merges(splitting.keeps_whole_words)
        .build()
        .map_err(|error| TokenizerError::Invalid(error.to_string()))?;
    let mut bpe = Bpe::new(model);
    bpe.with_pre_tokenizer(Some(splitting.pre_tokenizer));
    if splitting.composes {
        bpe.with_normalizer(Some(NFC));
    }
    Ok(bpe)
}

/// The halves of a merge that is written with a space between them.
fn halves(merge: &str) -> Result<(String, String), TokenizerError> {
    // The alphabet has no space, so the first one after the start separates the halves.
    let halves = merge
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == ' ')
        .map(|(at, _)| (merge[..at].to_string(), merge[at + 1..].to_string()));
    halves.ok_or_else(|| TokenizerError::Invalid(format!("merge `{merge}` has no halves")))
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
