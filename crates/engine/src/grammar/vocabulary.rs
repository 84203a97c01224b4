use std::sync::Arc;

use llguidance::toktrie::{INVALID_TOKEN, TokRxInfo, TokTrie, TokenId, TokenizerEnv};
use model::Tokenizer;

/// Longer tokens are never written into a held reply; the trie has room for no longer ones.
const MAX_TOKEN_BYTES: usize = 512;

/// A model's tokens as grammars see them: by their bytes. Control tokens have none, so that no grammar takes one.
pub(crate) struct Vocabulary {
    tokenizer: Arc<Tokenizer>,
    trie: TokTrie,
}

impl Vocabulary {
    pub(crate) fn new(tokenizer: Arc<Tokenizer>) -> Vocabulary {
        let n_vocab = u32::try_from(tokenizer.n_vocab()).unwrap_or(u32::MAX);
        let words: Vec<Vec<u8>> = (0..n_vocab)
            .map(|token| tokenizer.token_bytes(token))
            .map(|bytes| match bytes.first() {
                // The library gives this byte a meaning of its own; no text holds it.
                Some(&TokTrie::SPECIAL_TOKEN_MARKER) => Vec::new(),
                _ if bytes.len() > MAX_TOKEN_BYTES => Vec::new(),
                _ => bytes.to_vec(),
            })
            .collect();
        Vocabulary {
            tokenizer,
            trie: TokTrie::from(&TokRxInfo::new(n_vocab, INVALID_TOKEN), &words),
        }
    }

    /// The tokens of a text; absent where the vocabulary has no tokens for it.
    pub(crate) fn tokens(&self, text: &str) -> Option<Vec<u32>> {
        let tokens = self.tokenizer.encode(text).ok()?;
        (self.tokenizer.decode(&tokens) == text).then_some(tokens)
    }
}

impl TokenizerEnv for Vocabulary {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    /// Nothing for what is no text: the caller then leaves out the token before the forced bytes, which are ASCII.
    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        let text = std::str::from_utf8(bytes).ok();
        text.and_then(|text| self.tokens(text)).unwrap_or_default()
    }
}
