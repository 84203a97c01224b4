//! The loop that feeds the decoder.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};

use model::{Batch, Decoder, KvCache, Row, Tokenizer};

use crate::Plan;
use crate::counters::Counters;
use crate::pages::Pages;
use crate::sequence::{Request, Sequence};

/// Everything that the loop works with; lives on its own thread.
pub(crate) struct Worker {
    decoder: Decoder,
    cache: KvCache,
    pages: Pages,
    tokenizer: Arc<Tokenizer>,
    counters: Arc<Counters>,
    plan: Plan,
    prefill_tokens: usize,
    waiting: VecDeque<Request>,
    /// In the order in which they came.
    running: Vec<Sequence>,
}

impl Worker {
    pub(crate) fn new(
        decoder: Decoder,
        cache: KvCache,
        tokenizer: Arc<Tokenizer>,
        counters: Arc<Counters>,
        plan: Plan,
        prefill_tokens: usize,
    ) -> Worker {
        Worker {
            pages: Pages::new(cache.n_pages()),
            decoder,
            cache,
            tokenizer,
            counters,
            plan,
            prefill_tokens,
            waiting: VecDeque::new(),
            running: Vec::new(),
        }
    }

    /// Works until nobody can send requests any more.
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
            if !self.running.is_empty() {
                self.step();
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
                self.running.push(Sequence::new(request, n_pages));
            }
        }
    }

    /// One forward pass: the latest token of every running reply, and as much of the prompts as fits.
    fn step(&mut self) {
        let mut rows = Vec::new();
        let mut taken = vec![0; self.running.len()];
        let mut n_free = self.prefill_tokens;
        for (idx, sequence) in self.running.iter_mut().enumerate() {
            let is_prefilling = sequence.is_prefilling();
            if is_prefilling {
                let n_cached = sequence.adopt(&mut self.pages);
                self.counters
                    .cached
                    .fetch_add(n_cached as u64, Ordering::Relaxed);
            }
            let n_remaining = sequence.remaining().len();
            let n_tokens = if is_prefilling {
                n_remaining.min(n_free)
            } else {
                n_remaining
            };
            if is_prefilling {
                n_free -= n_tokens;
            }
            sequence.make_room(n_tokens, &mut self.pages);
            taken[idx] = n_tokens;
            for (offset, &token) in sequence.remaining()[..n_tokens].iter().enumerate() {
                rows.push(Row {
                    token,
                    sequence: idx,
                    position: sequence.n_stored + offset,
                    wants_logits: offset + 1 == n_remaining,
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
        };
        let logits = self.decoder.forward(&mut self.cache, batch);

        let mut logits = logits.rows();
        let mut n_prefilled = 0;
        let mut n_generated = 0;
        let mut endings = Vec::new();
        for (sequence, &n_tokens) in self.running.iter_mut().zip(&taken) {
            if sequence.is_prefilling() {
                n_prefilled += n_tokens as u64;
            }
            sequence.advance(n_tokens, &mut self.pages);
            let ending = if sequence.remaining().is_empty() {
                n_generated += 1;
                logits
                    .next()
                    .and_then(|row| sequence.draw(row, &self.tokenizer, self.plan.context_tokens))
            } else {
                None
            };
            endings.push(ending);
        }
        self.counters
            .prefilled
            .fetch_add(n_prefilled, Ordering::Relaxed);
        self.counters
            .generated
            .fetch_add(n_generated, Ordering::Relaxed);

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
    }
}
