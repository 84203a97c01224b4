//! The loop that feeds the decoder.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, OnceLock};

use model::{Adapter, Backend, Batch, DeviceError, PAGE_TOKENS, Row, Tokenizer};

use crate::Plan;
use crate::counters::Counters;
use crate::pages::Pages;
use crate::sequence::{Ending, Request, Sequence};

/// Guesses are checked while a pass has no more rows than this with them. In larger passes every row costs as much
/// as any other, so that guessing gains nothing.
pub(crate) const GUESS_ROWS: usize = 8;

/// What a pass takes of a sequence.
struct Taken {
    /// Tokens that are there.
    n_tokens: usize,
    /// Tokens that may follow them.
    guess: Vec<u32>,
}

/// Everything that the loop works with; lives on its own thread.
pub(crate) struct Worker {
    backend: Backend,
    pages: Pages,
    tokenizer: Arc<Tokenizer>,
    counters: Arc<Counters>,
    failure: Arc<OnceLock<String>>,
    plan: Plan,
    prefill_tokens: usize,
    waiting: VecDeque<Request>,
    /// In the order in which they came.
    running: Vec<Sequence>,
}

impl Worker {
    pub(crate) fn new(
        backend: Backend,
        tokenizer: Arc<Tokenizer>,
        counters: Arc<Counters>,
        failure: Arc<OnceLock<String>>,
        plan: Plan,
        prefill_tokens: usize,
    ) -> Worker {
        Worker {
            pages: Pages::new(plan.cache_tokens / PAGE_TOKENS),
            backend,
            tokenizer,
            counters,
            failure,
            plan,
            prefill_tokens,
            waiting: VecDeque::new(),
            running: Vec::new(),
        }
    }

    /// Works until nobody can send requests any more, or the device fails. All who wait are told by the end of it.
    pub(crate) fn serve(mut self, inbox: &Receiver<Request>) {
        loop {
            // Sleep only when there is nothing to do.
            if self.running.is_empty() && self.waiting.is_empty() {
                match inbox.recv() {
                    Ok(request) => self.waiting.push_back(request),
                    Err(_) => return,
                }
            }
            loop {
                match inbox.try_recv() {
                    Ok(request) => self.waiting.push_back(request),
                    Err(TryRecvError::Empty) => break,
                    // The engine is gone, and with it everyone who could wait for a reply.
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            self.drop_cancelled();
            self.admit();
            self.counters
                .running
                .store(self.running.len() as u64, Ordering::Relaxed);
            self.counters
                .waiting
                .store(self.waiting.len() as u64, Ordering::Relaxed);
            if !self.running.is_empty()
                && let Err(error) = self.step()
            {
                // What the device holds now, nobody knows.
                let _ = self.failure.set(error.to_string());
                return;
            }
        }
    }

    fn drop_cancelled(&mut self) {
        self.waiting.retain(|request| !request.is_cancelled());
        let pages = &mut self.pages;
        self.running.retain_mut(|sequence| {
            if sequence.is_cancelled() {
                sequence.release(pages);
                return false;
            }
            true
        });
    }

    /// Starts requests, strictly in their order, as long as there is room.
    fn admit(&mut self) {
        while self.running.len() < self.plan.max_sequences
            && let Some(request) = self.waiting.front()
        {
            let n_pages = request.n_pages(self.plan.context_tokens);
            if !self.pages.promise(n_pages) {
                return;
            }
            let Some(request) = self.waiting.pop_front() else {
                return;
            };
            if request.max_tokens == 0 {
                self.pages.forgo(n_pages);
                request.finish_empty();
            } else {
                self.running
                    .push(Sequence::new(request, n_pages, &self.tokenizer));
            }
        }
    }

    /// One forward pass: the latest token of every running reply, and as much of the prompts as fits.
    ///
    /// # Errors
    /// When the device fails.
    fn step(&mut self) -> Result<(), DeviceError> {
        let taken = self.take_tokens();
        // Neighbours that share an adapter share its weights; what a row gives does not depend on its neighbours.
        let mut order: Vec<usize> = (0..self.running.len()).collect();
        let serial = |idx: &usize| self.running[*idx].cover().map(|cover| cover.loaded.serial);
        order.sort_by_key(serial);
        let mut adapters: Vec<&Adapter> = Vec::new();
        let mut rows = Vec::new();
        let mut last = None;
        for &idx in &order {
            let sequence = &self.running[idx];
            let mut first_adapted = usize::MAX;
            if let Some(cover) = sequence.cover() {
                if last != Some(cover.loaded.serial) {
                    last = Some(cover.loaded.serial);
                    adapters.push(&cover.loaded.adapter);
                }
                first_adapted = cover.first_token;
            }
            let remaining = sequence.remaining();
            let Taken { n_tokens, guess } = &taken[idx];
            let tokens = remaining[..*n_tokens].iter().chain(guess);
            for (offset, &token) in tokens.enumerate() {
                let position = sequence.n_stored + offset;
                rows.push(Row {
                    token,
                    sequence: idx,
                    adapter: (position >= first_adapted).then(|| adapters.len() - 1),
                    position,
                    wants_logits: offset + 1 >= remaining.len(),
                });
            }
        }
        let tables: Vec<&[u32]> = self
            .running
            .iter()
            .map(|sequence| &sequence.pages[..])
            .collect();
        let batch = Batch {
            rows: &rows,
            pages: &tables,
            adapters: &adapters,
        };
        let logits = self.backend.forward(batch)?;

        let mut logits = logits.rows();
        let mut n_prefilled = 0;
        let mut n_generated = 0;
        let (mut n_guessed, mut n_guessed_right) = (0, 0);
        let mut endings: Vec<Option<Ending>> = vec![None; self.running.len()];
        for idx in order {
            let sequence = &mut self.running[idx];
            let Taken { n_tokens, guess } = &taken[idx];
            n_prefilled += sequence.n_of_prompt(*n_tokens);
            let mut n_right = 0;
            if *n_tokens == sequence.remaining().len() {
                let rows: Vec<&[f32]> = logits.by_ref().take(1 + guess.len()).collect();
                let context_tokens = self.plan.context_tokens;
                (endings[idx], n_right) =
                    sequence.draw_all(guess, &rows, &self.tokenizer, context_tokens);
                n_generated += sequence.count_generated();
                n_guessed += guess.len() as u64;
                n_guessed_right += n_right as u64;
            }
            sequence.advance(n_tokens + n_right, &mut self.pages);
        }
        self.counters
            .prefilled
            .fetch_add(n_prefilled, Ordering::Relaxed);
        self.counters
            .generated
            .fetch_add(n_generated, Ordering::Relaxed);
        let counters = &self.counters;
        counters.guessed.fetch_add(n_guessed, Ordering::Relaxed);
        counters
            .guessed_right
            .fetch_add(n_guessed_right, Ordering::Relaxed);

        let mut still_running = Vec::with_capacity(self.running.len());
        for (mut sequence, ending) in self.running.drain(..).zip(endings) {
            match ending {
                None => still_running.push(sequence),
                Some(ending) => {
                    sequence.release(&mut self.pages);
                    sequence.finish(ending);
                }
            }
        }
        self.running = still_running;
        Ok(())
    }

    /// What the next pass takes of each running sequence, in the order in which they came; each has its pages then.
    fn take_tokens(&mut self) -> Vec<Taken> {
        let mut n_free = self.prefill_tokens;
        let mut n_guesses = GUESS_ROWS.saturating_sub(self.running.len());
        let mut taken = Vec::with_capacity(self.running.len());
        for sequence in &mut self.running {
            let is_prefilling = sequence.is_prefilling();
            if is_prefilling {
                let n_cached = sequence.adopt(&mut self.pages);
                self.counters
                    .cached
                    .fetch_add(n_cached as u64, Ordering::Relaxed);
            }
            let mut n_tokens = sequence.remaining().len();
            if is_prefilling {
                n_tokens = n_tokens.min(n_free);
                n_free -= n_tokens;
            }
            let mut guess = Vec::new();
            if !is_prefilling {
                guess = sequence.guess(n_guesses, self.plan.context_tokens);
                n_guesses -= guess.len();
            }
            sequence.make_room(n_tokens + guess.len(), &mut self.pages);
            taken.push(Taken { n_tokens, guess });
        }
        taken
    }
}
