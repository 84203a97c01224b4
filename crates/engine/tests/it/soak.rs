//! Thousands of requests, many of them given up, while an agent changes its adapter: every one that is kept is right,
//! and memory stays what it was.

use std::task::{Context, Poll};

use futures_util::future::BoxFuture;

use super::*;
use crate::adapters::{adapter, by};

const N_REQUESTS: usize = 2_000;
const N_KINDS: usize = 24;
const N_AT_A_TIME: usize = 48;
/// Requests between two changes of an adapter.
const N_BETWEEN_SWAPS: usize = 60;

/// Random numbers that are the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// Requests of all agents: short and long, greedy and wild, free and held to a shape.
fn kinds() -> Vec<Ask> {
    let agents = [
        Agent::Retrieval,
        Agent::Planning,
        Agent::Coding,
        Agent::Debugging,
    ];
    (0..N_KINDS)
        .map(|i| {
            let mut ask = by(
                agents[i % 4],
                &"a shared statement of some length ".repeat(i % 4),
            );
            ask.sampling.max_tokens = 1 + 5 * (i as u32 % 7);
            ask.sampling.temperature = [0.0, 1.0, 2.0][i % 3];
            ask.sample_idx = i as u32;
            if i % 6 == 5 {
                let contract = agents::Contract::ALL[i % 5];
                ask.shape = Some(contract.shape(0, domain::Language::Python));
                ask.sampling.max_tokens = 110;
            }
            ask
        })
        .collect()
}

/// Memory of this process that no file backs, in bytes; absent where the system does not tell.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib << 10)
}

#[test]
fn two_thousand_requests_with_random_cancellations_leave_nothing_behind() {
    let _alone = much_memory();
    let load = |lookup: Vec<Agent>| {
        tiny(Settings {
            max_sequences: 12,
            // Far less than all would like: pages are given up and taken all the time.
            cache_tokens: Some(1_024),
            prefill_tokens: 48,
            lookup,
            adapters: vec![
                (Agent::Planning, adapter("all")),
                (Agent::Debugging, adapter("some")),
            ],
            ..Settings::default()
        })
    };
    let kinds = kinds();
    // What one agent speaks through, in turn.
    let voices = [None, Some(adapter("some")), Some(adapter("all"))];
    let set = |engine: &Engine, voice: usize| {
        let path = voices[voice].as_deref();
        engine.set_adapter(Agent::Retrieval, path).unwrap();
    };
    // Without guesses, one after the other.
    let expected = [0, 1, 2].map(|voice| {
        let alone = load(Vec::new());
        set(&alone, voice);
        let replies = kinds.iter().map(|ask| answer(&alone, ask));
        replies.collect::<Vec<Reply>>()
    });
    assert_ne!(expected[0][4].text, expected[1][4].text);
    let engine = load(Agent::ALL.to_vec());
    let mut dice = Dice(7);
    let mut n_kept = 0;
    let mut after_a_quarter = None;
    block_on(async {
        let mut kept = FuturesUnordered::new();
        // Those that are given up when so many others are done, and when that is.
        let mut doomed: Vec<(usize, BoxFuture<'_, Result<Reply, ChatError>>)> = Vec::new();
        let mut voice = 0;
        for number in 0..N_REQUESTS {
            if number % N_BETWEEN_SWAPS == 0 {
                voice = number / N_BETWEEN_SWAPS % voices.len();
                set(&engine, voice);
            }
            let kind = dice.roll(N_KINDS);
            let mut chat = engine.chat(&kinds[kind]);
            // Asked now, with the adapter of now.
            let begin = |context: &mut Context<'_>| Poll::Ready(chat.as_mut().poll(context));
            if let Poll::Ready(reply) = std::future::poll_fn(begin).await {
                check(&reply.unwrap(), &expected[voice][kind]);
                n_kept += 1;
                continue;
            }
            // About a third is given up: at once, while it waits, or while it is written.
            if dice.roll(3) == 0 {
                let patience = [0, dice.roll(4), dice.roll(40)][dice.roll(3)];
                doomed.push((n_kept + patience, chat));
            } else {
                kept.push(chat.map(move |reply| (voice, kind, reply.unwrap())));
            }
            doomed.retain(|(end, _)| *end > n_kept);
            while kept.len() + doomed.len() >= N_AT_A_TIME
                && let Some((voice, kind, reply)) = kept.next().await
            {
                check(&reply, &expected[voice][kind]);
                n_kept += 1;
                doomed.retain(|(end, _)| *end > n_kept);
            }
            if number == N_REQUESTS / 4 {
                after_a_quarter = memory();
            }
        }
        while let Some((voice, kind, reply)) = kept.next().await {
            check(&reply, &expected[voice][kind]);
            n_kept += 1;
        }
    });
    assert!(n_kept > N_REQUESTS / 2, "only {n_kept} replies were kept");
    if let (Some(before), Some(now)) = (after_a_quarter, memory()) {
        assert!(
            now < before + (8 << 20),
            "memory grew from {before} to {now} bytes"
        );
    }
    // Every page is there again for one conversation after the other.
    for ask in &kinds {
        answer(&engine, ask);
    }
    let progress = engine.counters().progress();
    assert_eq!(progress.waiting, 0);
}

fn check(reply: &Reply, expected: &Reply) {
    assert_eq!(
        (&reply.text, reply.finish, reply.usage.completion_tokens),
        (
            &expected.text,
            expected.finish,
            expected.usage.completion_tokens
        ),
    );
}
