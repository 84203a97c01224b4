//! A reply that is held to a shape while it is written.
//!
//! The model writes the bodies freely: a token is drawn as ever, and only one that the shape forbids is drawn again
//! among those that it allows, which gives every allowed token the probability that it has among them.
//! Fixed text is written without asking the model. A body ends by force when the model ends its turn in it,
//! repeats itself in it without end, or would leave too few tokens for what must follow.

use std::sync::Arc;

use domain::{Finish, Place};
use llguidance::Matcher;
use model::{Sampler, TextStream, Tokenizer};

use crate::grammar::Form;
use crate::repetition::is_endless;

#[cfg(test)]
mod tests;

/// The state of a reply that is held to a shape.
pub(crate) struct Held {
    form: Arc<Form>,
    /// Follows the tokens; absent when it failed, and then nothing free is written any more.
    matcher: Option<Matcher>,
    place: Place,
    /// Tokens that the reply may have.
    budget: usize,
    /// Why a body was ended by force, if one was.
    cut: Option<Finish>,
    /// Logits of the allowed tokens.
    allowed: Vec<f32>,
}

/// The reply as far as it is written.
pub(crate) struct Draft<'a> {
    pub(crate) tokenizer: &'a Tokenizer,
    /// Tokens of the prompt and the reply.
    pub(crate) tokens: &'a mut Vec<u32>,
    pub(crate) n_prompt: usize,
    pub(crate) text: &'a mut TextStream,
}

impl Draft<'_> {
    fn reply(&self) -> &[u32] {
        &self.tokens[self.n_prompt..]
    }

    fn push(&mut self, token: u32) {
        self.tokens.push(token);
        self.text.push(self.tokenizer, token);
    }
}

impl Held {
    /// A reply of at most `budget` tokens.
    ///
    /// # Errors
    /// The least budget, when this one has no room for the shape.
    pub(crate) fn new(form: Arc<Form>, matcher: Matcher, budget: usize) -> Result<Held, usize> {
        let least = form.need(Place::START) + 1;
        if budget < least {
            return Err(least);
        }
        Ok(Held {
            form,
            matcher: Some(matcher),
            place: Place::START,
            budget,
            cut: None,
            allowed: Vec::new(),
        })
    }

    /// Writes what every reply begins with, as far as its tokens do not depend on what follows.
    pub(crate) fn begin(&mut self, draft: &mut Draft) {
        let forced = self.forced();
        if forced.len() + self.form.need(self.place) < self.budget {
            forced.into_iter().for_each(|token| self.push(token, draft));
            self.place = self.form.shape.follow(self.place, draft.text.text());
        }
    }

    /// Draws the next token, and writes the fixed text that follows it.
    /// Returns why the reply ended, when it is complete.
    pub(crate) fn draw(
        &mut self,
        logits: &[f32],
        sampler: &mut Sampler,
        draft: &mut Draft,
    ) -> Option<Finish> {
        match self.choose(logits, sampler, draft) {
            Some(token) => self.push(token, draft),
            None => self.close(draft),
        }
        self.place = self.form.shape.follow(self.place, draft.text.text());
        if let Place::Body { .. } = self.place
            && is_endless(draft.reply())
        {
            self.cut.get_or_insert(Finish::Other);
            self.close(draft);
        }
        self.settle(draft)
    }

    /// A text that was cut off, with what it lacks.
    pub(crate) fn complete(&self, text: &str) -> String {
        format!("{text}{}", self.form.shape.completion(text))
    }

    /// The next token; absent when the model ends its turn where a body may end.
    fn choose(&mut self, logits: &[f32], sampler: &mut Sampler, draft: &Draft) -> Option<u32> {
        let token = sampler.sample(logits);
        if draft.tokenizer.ends().contains(&token) {
            if self.form.shape.has_begun(self.place, draft.text.text()) {
                return None;
            }
        } else if self.allows(token, draft.tokenizer) {
            return Some(token);
        }
        let mask = match self.matcher.as_mut()?.compute_mask() {
            Ok(mask) => mask,
            Err(_) => {
                self.matcher = None;
                return None;
            }
        };
        self.allowed.clear();
        self.allowed.resize(logits.len(), f32::NEG_INFINITY);
        mask.iter_set_entries(|token| {
            if let (Some(allowed), Some(logit)) = (self.allowed.get_mut(token), logits.get(token)) {
                *allowed = *logit;
            }
        });
        let token = sampler.sample(&self.allowed);
        if mask.is_allowed(token) {
            return Some(token);
        }
        // Logits that are no numbers, or too small for one.
        mask.first_bit_set().map(|token| token as u32)
    }

    fn allows(&mut self, token: u32, tokenizer: &Tokenizer) -> bool {
        let Some(matcher) = &mut self.matcher else {
            return false;
        };
        !tokenizer.token_bytes(token).is_empty()
            && matcher.validate_tokens(&[token]).is_ok_and(|n| n == 1)
    }

    fn push(&mut self, token: u32, draft: &mut Draft) {
        draft.push(token);
        if let Some(matcher) = &mut self.matcher
            && matcher.consume_token(token).is_err()
        {
            self.matcher = None;
        }
    }

    /// Writes fixed text, and ends bodies, until the model has a choice again or everything is there.
    fn settle(&mut self, draft: &mut Draft) -> Option<Finish> {
        loop {
            self.place = self.form.shape.follow(self.place, draft.text.text());
            let left = self.budget.saturating_sub(draft.reply().len());
            let need = self.form.need(self.place);
            let keep = match self.place {
                Place::Complete { .. } => return Some(self.cut.unwrap_or(Finish::Stop)),
                Place::Fixed { .. } => need,
                Place::Body { part, .. } => self.form.reserve(part, self.budget),
            };
            if self.matcher.is_none() {
                self.cut.get_or_insert(Finish::Other);
                self.close(draft);
                continue;
            }
            let forced = self.forced();
            if !forced.is_empty() && forced.len() + need <= left {
                forced.into_iter().for_each(|token| self.push(token, draft));
            } else if !forced.is_empty() {
                self.close(draft);
            } else if left <= keep {
                self.cut.get_or_insert(Finish::Length);
                self.close(draft);
            } else {
                return None;
            }
        }
    }

    /// The tokens that must come next.
    fn forced(&mut self) -> Vec<u32> {
        let matcher = self.matcher.as_mut();
        matcher.map_or(Vec::new(), Matcher::compute_ff_tokens)
    }

    /// Writes what leads to the next body or the end.
    fn close(&mut self, draft: &mut Draft) {
        let bridge = self.form.shape.bridge(self.place, draft.text.text());
        for token in self.form.tokens(&bridge) {
            self.push(token, draft);
        }
    }
}
