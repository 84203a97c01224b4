//! A request on its way to its reply.

use std::time::Instant;

use domain::{Ask, Finish, Reply, Usage};
use model::{PAGE_TOKENS, Sampler, SamplerSettings, TextStream, Tokenizer};
use tokio::sync::oneshot;

use crate::adapters::Cover;
use crate::held::{Draft, Held};
use crate::lookup::Lookup;
use crate::pages::{Beginning, Contents, Maker, Pages};
use crate::repetition::is_endless;

/// A request as it comes to the worker.
pub(crate) struct Request {
    pub(crate) prompt: Vec<u32>,
    pub(crate) max_tokens: usize,
    /// Absent when the base answers alone.
    cover: Option<Cover>,
    stop: Vec<String>,
    sampler: SamplerSettings,
    /// Absent where the reply is free.
    held: Option<Held>,
    /// Absent where nothing is guessed.
    pub(crate) lookup: Option<Lookup>,
    started: Instant,
    reply: oneshot::Sender<Reply>,
}

impl Request {
    pub(crate) fn new(
        ask: &Ask,
        prompt: Vec<u32>,
        cover: Option<Cover>,
        held: Option<Held>,
        started: Instant,
        reply: oneshot::Sender<Reply>,
    ) -> Request {
        let sampling = &ask.sampling;
        Request {
            prompt,
            cover,
            max_tokens: sampling.max_tokens as usize,
            stop: sampling
                .stop
                .iter()
                .filter(|stop| !stop.is_empty())
                .cloned()
                .collect(),
            sampler: SamplerSettings {
                temperature: sampling.temperature,
                top_k: sampling.top_k as usize,
                top_p: sampling.top_p,
                min_p: sampling.min_p,
                // Samples of one question differ; any odd multiplier keeps their seeds apart.
                seed: sampling
                    .seed
                    .wrapping_add(u64::from(ask.sample_idx).wrapping_mul(0xd134_2543_de82_ef95)),
            },
            held,
            lookup: None,
            started,
            reply,
        }
    }

    /// True when nobody waits for the reply any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.reply.is_closed()
    }

    /// Pages that it can fill at most.
    pub(crate) fn n_pages(&self, context_tokens: usize) -> usize {
        self.n_tokens(context_tokens).div_ceil(PAGE_TOKENS)
    }

    /// Tokens that it can pass through the decoder at most.
    fn n_tokens(&self, context_tokens: usize) -> usize {
        // The last token of a reply is never passed through the decoder.
        (self.prompt.len() + self.max_tokens.saturating_sub(1)).min(context_tokens)
    }

    /// Answers without having generated anything.
    pub(crate) fn finish_empty(self) {
        let reply = Reply {
            text: String::new(),
            finish: Finish::Length,
            usage: Usage {
                prompt_tokens: self.prompt.len() as u64,
                cached_tokens: 0,
                completion_tokens: 0,
            },
            wall: self.started.elapsed(),
            cost: None,
        };
        let _ = self.reply.send(reply);
    }
}

/// A request in work.
pub(crate) struct Sequence {
    request: Request,
    /// Prompt and reply so far.
    tokens: Vec<u32>,
    /// Tokens whose keys and values are in the cache.
    pub(crate) n_stored: usize,
    pub(crate) pages: Vec<u32>,
    /// Pages still promised.
    n_promised: usize,
    /// The full pages, as others may share them.
    beginning: Beginning,
    n_published: usize,
    n_cached: usize,
    sampler: Sampler,
    text: TextStream,
    held: Option<Held>,
    /// Reply tokens that were counted already.
    n_counted: usize,
}

impl Sequence {
    pub(crate) fn new(mut request: Request, n_promised: usize, tokenizer: &Tokenizer) -> Sequence {
        let mut tokens = request.prompt.clone();
        let mut text = TextStream::default();
        let mut held = request.held.take();
        if let Some(held) = &mut held {
            // What is certain is computed together with the prompt.
            held.begin(&mut Draft {
                tokenizer,
                n_prompt: tokens.len(),
                tokens: &mut tokens,
                text: &mut text,
            });
        }
        Sequence {
            tokens,
            n_stored: 0,
            pages: Vec::new(),
            n_promised,
            beginning: Beginning::EMPTY,
            n_published: 0,
            n_cached: 0,
            sampler: Sampler::new(request.sampler),
            text,
            held,
            n_counted: 0,
            request,
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.request.is_cancelled()
    }

    /// The adapter that serves some of its tokens.
    pub(crate) fn cover(&self) -> Option<&Cover> {
        self.request.cover.as_ref()
    }

    /// True while more than the latest token has to pass through the decoder.
    pub(crate) fn is_prefilling(&self) -> bool {
        self.n_stored + 1 < self.tokens.len() || self.n_stored < self.request.prompt.len()
    }

    /// Tokens that have to pass through the decoder before the next one can be drawn.
    pub(crate) fn remaining(&self) -> &[u32] {
        &self.tokens[self.n_stored..]
    }

    /// Skips what the cache already holds. Returns the tokens skipped.
    pub(crate) fn adopt(&mut self, pages: &mut Pages) -> usize {
        let before = self.n_stored;
        // The last token of the prompt is always computed: its logits are wanted.
        while self.n_stored == self.n_published * PAGE_TOKENS
            && self.pages.len() == self.n_published
            && self.n_stored + PAGE_TOKENS < self.tokens.len()
        {
            let contents = self.contents(self.n_published);
            let Some((page, beginning)) = pages.adopt(self.beginning, &contents) else {
                break;
            };
            self.pages.push(page);
            self.n_promised -= 1;
            self.beginning = beginning;
            self.n_published += 1;
            self.n_stored += PAGE_TOKENS;
        }
        let n_skipped = self.n_stored - before;
        self.n_cached += n_skipped;
        n_skipped
    }

    /// Takes the pages that the next `n_tokens` need.
    pub(crate) fn make_room(&mut self, n_tokens: usize, pages: &mut Pages) {
        while self.pages.len() * PAGE_TOKENS < self.n_stored + n_tokens {
            self.pages.push(pages.take());
            self.n_promised -= 1;
        }
    }

    /// Notes that the next `n_tokens` have passed through the decoder.
    pub(crate) fn advance(&mut self, n_tokens: usize, pages: &mut Pages) {
        self.n_stored += n_tokens;
        while (self.n_published + 1) * PAGE_TOKENS <= self.n_stored {
            let contents = self.contents(self.n_published);
            let page = self.pages[self.n_published];
            self.beginning = pages.publish(page, self.beginning, &contents);
            self.n_published += 1;
        }
    }

    /// What a full page holds.
    fn contents(&self, page_idx: usize) -> Contents {
        let start = page_idx * PAGE_TOKENS;
        let maker = match self.cover() {
            Some(cover) if cover.first_token < start + PAGE_TOKENS => Maker::Adapter {
                serial: cover.loaded.serial,
                first: cover.first_token.saturating_sub(start) as u8,
            },
            _ => Maker::Base,
        };
        Contents {
            tokens: self.tokens[start..start + PAGE_TOKENS]
                .try_into()
                .expect("a full page has exactly this many tokens"),
            maker,
        }
    }

    /// Guesses tokens behind those that are there, at most as many as the reply may have.
    pub(crate) fn guess(&mut self, most: usize, context_tokens: usize) -> Vec<u32> {
        // As far as pages are promised.
        let n_tokens = self.request.n_tokens(context_tokens);
        let most = most.min(n_tokens.saturating_sub(self.tokens.len()));
        match &mut self.request.lookup {
            Some(lookup) => lookup.guess(&self.tokens, most),
            None => Vec::new(),
        }
    }

    /// Draws the token behind those that are there, and one more behind each guess that turns out right, from the
    /// logits of the last token and of the guesses.
    ///
    /// Every token is drawn from the logits that it would be drawn from without guesses, so none is another one.
    /// Returns how the reply ends, if it does, and how many guesses were right.
    pub(crate) fn draw_all(
        &mut self,
        guess: &[u32],
        logits: &[&[f32]],
        tokenizer: &Tokenizer,
        context_tokens: usize,
    ) -> (Option<Ending>, usize) {
        let n_there = self.tokens.len();
        let mut n_right = 0;
        for logits in logits {
            // What follows may be certain already.
            if self.tokens.len() == n_there + n_right
                && let Some(ending) = self.draw(logits, tokenizer, context_tokens)
            {
                return (Some(ending), n_right);
            }
            match (guess.get(n_right), self.tokens.get(n_there + n_right)) {
                (Some(guessed), Some(token)) if guessed == token => n_right += 1,
                _ => break,
            }
        }
        if let Some(lookup) = &mut self.request.lookup {
            lookup.learn(guess.len(), n_right);
        }
        (None, n_right)
    }

    /// Draws the next token. Returns how the reply ends, if it ends with it.
    fn draw(
        &mut self,
        logits: &[f32],
        tokenizer: &Tokenizer,
        context_tokens: usize,
    ) -> Option<Ending> {
        let n_old = self.text.text().len();
        if let Some(held) = &mut self.held {
            let mut draft = Draft {
                tokenizer,
                n_prompt: self.request.prompt.len(),
                tokens: &mut self.tokens,
                text: &mut self.text,
            };
            let finish = held.draw(logits, &mut self.sampler, &mut draft);
            if let Some(at) = self.find_stop(n_old) {
                return Some(Ending::Stop {
                    text_bytes: Some(at),
                });
            }
            return finish.map(Ending::Complete);
        }
        let token = self.sampler.sample(logits);
        self.tokens.push(token);
        if tokenizer.ends().contains(&token) {
            return Some(Ending::Stop { text_bytes: None });
        }
        self.text.push(tokenizer, token);
        if let Some(at) = self.find_stop(n_old) {
            return Some(Ending::Stop {
                text_bytes: Some(at),
            });
        }
        if is_endless(&self.tokens[self.request.prompt.len()..]) {
            return Some(Ending::Endless);
        }
        let is_full = self.tokens.len() >= context_tokens;
        (self.n_generated() >= self.request.max_tokens || is_full).then_some(Ending::Length)
    }

    /// Where the earliest stop string begins that ends in the newest text.
    fn find_stop(&self, n_old: usize) -> Option<usize> {
        let text = self.text.text();
        self.request
            .stop
            .iter()
            .filter_map(|stop| {
                let mut from = n_old.saturating_sub(stop.len());
                while !text.is_char_boundary(from) {
                    from -= 1;
                }
                text[from..].find(stop).map(|at| from + at)
            })
            .min()
    }

    fn n_generated(&self) -> usize {
        self.tokens.len() - self.request.prompt.len()
    }

    /// Reply tokens since the last time this was asked.
    pub(crate) fn count_generated(&mut self) -> u64 {
        let n_new = self.n_generated() - self.n_counted;
        self.n_counted += n_new;
        n_new as u64
    }

    /// Prompt tokens among the next `n_tokens` that pass through the decoder.
    pub(crate) fn n_of_prompt(&self, n_tokens: usize) -> u64 {
        let n_left = self.request.prompt.len().saturating_sub(self.n_stored);
        n_left.min(n_tokens) as u64
    }

    /// Lets go of all pages.
    pub(crate) fn release(&mut self, pages: &mut Pages) {
        pages.release(&self.pages);
        self.pages.clear();
        pages.forgo(self.n_promised);
        self.n_promised = 0;
    }

    /// Sends the reply.
    pub(crate) fn finish(self, ending: Ending) {
        let usage = Usage {
            prompt_tokens: self.request.prompt.len() as u64,
            cached_tokens: self.n_cached as u64,
            completion_tokens: self.n_generated() as u64,
        };
        let (text, finish) = match ending {
            Ending::Length => (self.text.finish(), Finish::Length),
            Ending::Endless => (self.text.finish(), Finish::Other),
            Ending::Complete(finish) => (self.text.finish(), finish),
            Ending::Stop { text_bytes: None } => (self.text.finish(), Finish::Stop),
            Ending::Stop {
                text_bytes: Some(n),
            } => {
                let text = &self.text.text()[..n];
                let held = self.held.as_ref();
                let text = held.map_or_else(|| text.to_string(), |held| held.complete(text));
                (text, Finish::Stop)
            }
        };
        let reply = Reply {
            text,
            finish,
            usage,
            wall: self.request.started.elapsed(),
            cost: None,
        };
        // The one who asked may have gone meanwhile.
        let _ = self.request.reply.send(reply);
    }
}

/// How a reply ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The model ended its turn, or a stop string begins after so many bytes of text.
    Stop { text_bytes: Option<usize> },
    /// A limit was reached.
    Length,
    /// It repeats itself without end.
    Endless,
    /// Everything is there that its shape wants.
    Complete(Finish),
}
