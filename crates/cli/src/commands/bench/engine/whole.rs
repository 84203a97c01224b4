use std::path::Path;
use std::time::{Duration, Instant};

use agents::Contract;
use anyhow::{Context as _, ensure};
use domain::{Agent, Ask, Language, Message, Reply, Sampling};
use engine::Engine;
use llm::ChatModel as _;
use tokio::runtime::Runtime;

use super::{MadeUp, PATIENCE, Plan, rates};
use crate::commands::bench::quiet::{Watch, interleave};
use crate::commands::bench::{Bounds, Figure, Peer, Row, figure};

/// Calls of one problem: one retrieval, three plans with their checks, three programs, five repairs of each.
const CALLS: [(Agent, usize); 4] = [
    (Agent::Retrieval, 1),
    (Agent::Planning, 6),
    (Agent::Coding, 3),
    (Agent::Debugging, 15),
];

/// Asks for what is there already.
const PROGRAM: &str = "Write this program again, exactly as it is:\n\n```python\ndef mean(values):\n    total = 0\n    \
    for value in values:\n        total = total + value\n    return total / len(values)\n\n\ndef variance(values):\n    \
    center = mean(values)\n    total = 0\n    for value in values:\n        total = total + (value - center) ** 2\n    \
    return total / len(values)\n```";

/// Asks for something new.
const STORY: &str = "Tell a story of a small town by the sea, in plain words.";

/// Tokens of a whole reply.
const N_REPLY: u32 = 120;

/// Of the calls that share nothing, one of so many is measured.
const N_UNSHARED: usize = 5;

/// Tokens of a problem's statement.
const N_PROBLEM: usize = 1000;

/// Conversations that the memory is measured for, and their length.
const N_CONVERSATIONS: usize = 32;
const N_CONTEXT: usize = 2048;

/// The engine as agents use it.
pub(super) struct Whole<'a> {
    path: &'a Path,
    setup: &'a engine::Settings,
    plan: &'a Plan,
    runtime: Runtime,
}

impl<'a> Whole<'a> {
    pub(super) fn new(
        path: &'a Path,
        setup: &'a engine::Settings,
        plan: &'a Plan,
    ) -> anyhow::Result<Whole<'a>> {
        Ok(Whole {
            path,
            setup,
            plan,
            runtime: tokio::runtime::Builder::new_current_thread().build()?,
        })
    }

    /// Asks for one token.
    fn ask(&self, engine: &Engine, agent: Agent, text: String) -> anyhow::Result<()> {
        self.chat(engine, &question(agent, text, 1))?;
        Ok(())
    }

    fn chat(&self, engine: &Engine, ask: &Ask) -> anyhow::Result<Reply> {
        Ok(self.runtime.block_on(engine.chat(ask))?)
    }

    fn time(&self, engine: &Engine, ask: &Ask) -> anyhow::Result<Duration> {
        let started = Instant::now();
        self.chat(engine, ask)?;
        Ok(started.elapsed())
    }

    fn with_adapters(&self, made_up: &MadeUp) -> engine::Settings {
        engine::Settings {
            adapters: Agent::ALL.into_iter().zip(made_up.paths()).collect(),
            ..self.setup.clone()
        }
    }

    /// Memory of model, adapters and long conversations, measured before anything else fills it.
    pub(super) fn memory(&self) -> anyhow::Result<Row> {
        let source = engine::open(self.path)?;
        let n_file: usize = source.files().iter().map(|(_, bytes)| bytes.len()).sum();
        let config = source.config()?;
        let made_up = MadeUp::new(&config, self.plan.rank, &[])?;
        let n_context = N_CONTEXT.min(config.n_ctx);
        drop(source);
        let settings = engine::Settings {
            max_sequences: N_CONVERSATIONS,
            context_tokens: Some(n_context),
            cache_tokens: Some(N_CONVERSATIONS * n_context),
            ..self.with_adapters(&made_up)
        };
        let engine = Engine::load(self.path, settings)?;
        let asked = |agent: Agent| self.ask(&engine, agent, "a word ".repeat(4));
        Agent::ALL.into_iter().try_for_each(asked)?;
        let plan = engine.plan();
        // The few pages that are in use are counted twice.
        let ours = anonymous_bytes()? + plan.cache_bytes as f64;
        let least = (n_file + plan.adapters_bytes + plan.cache_bytes) as f64;
        let bounds = Bounds::AtMost(1.6, 1.1);
        let (ours, least) = (ours / 1e6, least / 1e6);
        Ok(Row::once("memory", "MB", bounds, ours, Some(least)))
    }

    /// From nothing to the first token.
    pub(super) fn first_token(&self) -> anyhow::Result<Row> {
        let mut start = || {
            let started = Instant::now();
            let engine = Engine::load(self.path, self.setup.clone())?;
            self.ask(&engine, Agent::Coding, "Hello".to_string())?;
            Ok(started.elapsed())
        };
        let [samples] = interleave(self.plan.n_samples, PATIENCE, Watch::Machine, [&mut start])?;
        let seconds = samples.median().context("no sample was taken")? / 1e3;
        Ok(Row {
            name: "first token".to_string(),
            figure: Ok(figure(&samples, seconds)),
            unit: "s",
            bounds: Bounds::AtMost(0.5, 0.2),
        })
    }

    /// Replies that repeat their prompt, and replies that do not, beside the same without guesses.
    pub(super) fn guesses(&self) -> anyhow::Result<Vec<Row>> {
        let load = |lookup: &[Agent]| {
            let setup = engine::Settings {
                lookup: lookup.to_vec(),
                ..self.setup.clone()
            };
            Engine::load(self.path, setup)
        };
        let (guessing, plain) = (load(&[Agent::Debugging])?, load(&[])?);
        let mut rows = Vec::new();
        for (name, text) in [("repeating reply", PROGRAM), ("free reply", STORY)] {
            let ask = question(Agent::Debugging, text.to_string(), N_REPLY);
            let write = |engine: &Engine| self.time(engine, &ask);
            let reply = self.chat(&plain, &ask)?;
            let [ours, theirs] = interleave(
                self.plan.n_samples,
                PATIENCE,
                Watch::Machine,
                [&mut || write(&guessing), &mut || write(&plain)],
            )?;
            let n_tokens = reply.usage.completion_tokens as usize;
            rows.push(rates(
                name.to_string(),
                n_tokens,
                &ours,
                Some(&theirs),
                Bounds::Free,
            )?);
        }
        Ok(rows)
    }

    /// A reply that is held to a form, beside a free one to the same question that is as long, or shorter where the
    /// model ends it.
    pub(super) fn held_reply(&self) -> anyhow::Result<Row> {
        let setup = engine::Settings {
            grammar: true,
            lookup: Vec::new(),
            ..self.setup.clone()
        };
        let engine = Engine::load(self.path, setup)?;
        let mut held = question(Agent::Planning, STORY.to_string(), N_REPLY);
        held.shape = Some(Contract::Plan.shape(0, Language::Python));
        let n_held = self.chat(&engine, &held)?.usage.completion_tokens;
        let free = question(Agent::Planning, STORY.to_string(), n_held as u32);
        let n_free = self.chat(&engine, &free)?.usage.completion_tokens;
        let [ours, theirs] = interleave(
            self.plan.n_samples,
            PATIENCE,
            Watch::Machine,
            [&mut || self.time(&engine, &held), &mut || {
                self.time(&engine, &free)
            }],
        )?;
        let rate = |n_tokens: u64, samples: &super::Samples| {
            let median_ms = samples.median().context("no sample was taken")?;
            anyhow::Ok(n_tokens as f64 / median_ms * 1e3)
        };
        let (own, free) = (rate(n_held, &ours)?, rate(n_free, &theirs)?);
        Ok(Row {
            name: "held reply".to_string(),
            figure: Ok(Figure {
                peer: Some(Peer {
                    median: free,
                    ratio: own / free,
                }),
                ..figure(&ours, own)
            }),
            unit: "tokens/s",
            bounds: Bounds::Free,
        })
    }

    /// All calls about one problem, beside the same number of calls that have no beginning in common; and what part of
    /// their prompts came from the cache.
    pub(super) fn shared_problem(&self) -> anyhow::Result<Vec<Row>> {
        let plain = Engine::load(self.path, self.setup.clone())?;
        // What every conversation ends with: the head of the reply.
        let ends = ["x", "y"].map(|text| plain.encode(&[Message::user(text)]));
        let [Ok(one), Ok(other)] = ends else {
            anyhow::bail!("the model's chat template refuses a plain question");
        };
        let n_common = one
            .iter()
            .rev()
            .zip(other.iter().rev())
            .take_while(|(a, b)| a == b)
            .count();
        let head = &one[one.len() - n_common..];
        let n_problem = N_PROBLEM.min(plain.plan().context_tokens / 2);
        let mut problem = String::new();
        while plain.encode(&[Message::user(problem.as_str())])?.len() < n_problem {
            problem += "There are n towns and m roads between them; each has a length. ";
        }
        drop(plain);
        let made_up = MadeUp::new(&engine::open(self.path)?.config()?, self.plan.rank, head)?;
        let engine = Engine::load(self.path, self.with_adapters(&made_up))?;

        let calls: Vec<(Agent, usize)> = CALLS
            .into_iter()
            .flat_map(|(agent, n_calls)| (0..n_calls).map(move |call| (agent, call)))
            .collect();
        let n_problems = std::cell::Cell::new(0u32);
        let call = |(agent, call): (Agent, usize)| {
            let number = n_problems.get();
            let part = format!("\n\n# Your part: {agent}\n\nGive part {call}.");
            self.ask(&engine, agent, format!("{number} {problem}{part}"))
        };
        let next_problem = || n_problems.set(n_problems.get() + 1);
        let (mut n_cached, mut n_prompt) = (0, 0);
        let shared = || {
            let before = engine.counters().progress();
            let started = Instant::now();
            next_problem();
            calls.iter().copied().try_for_each(call)?;
            let wall = started.elapsed();
            let after = engine.counters().progress();
            let cached = after.cached_tokens - before.cached_tokens;
            n_cached += cached;
            n_prompt += cached + after.prefilled_tokens - before.prefilled_tokens;
            anyhow::Ok(wall)
        };
        // All calls would take minutes, and every one takes as long as any other.
        let unshared = || {
            let started = Instant::now();
            for one in calls.iter().copied().step_by(N_UNSHARED) {
                next_problem();
                call(one)?;
            }
            let n_measured = calls.len().div_ceil(N_UNSHARED);
            anyhow::Ok(started.elapsed() * calls.len() as u32 / n_measured as u32)
        };
        let [ours, theirs] = interleave(
            self.plan.n_samples,
            PATIENCE,
            Watch::Machine,
            [&mut { shared }, &mut { unshared }],
        )?;
        ensure!(n_cached > 0, "no beginning was found in the cache");
        let seconds = |samples: &super::Samples| {
            let median_ms = samples.median().context("no sample was taken")?;
            anyhow::Ok(median_ms / 1e3)
        };
        let (own, unshared) = (seconds(&ours)?, seconds(&theirs)?);
        let time = Row {
            name: "shared problem".to_string(),
            figure: Ok(Figure {
                peer: Some(Peer {
                    median: unshared,
                    ratio: unshared / own,
                }),
                ..figure(&ours, own)
            }),
            unit: "s",
            bounds: Bounds::AtLeast(3.0, 8.0),
        };
        let hits = Row {
            name: "shared problem, from the cache".to_string(),
            figure: Ok(figure(&ours, n_cached as f64 / n_prompt as f64)),
            unit: "share",
            bounds: Bounds::Free,
        };
        Ok(vec![time, hits])
    }
}

/// A free question by an agent.
fn question(agent: Agent, text: String, max_tokens: u32) -> Ask {
    Ask {
        agent,
        model: String::new(),
        messages: vec![Message::user(text)],
        sampling: Sampling {
            max_tokens,
            ..Sampling::default()
        },
        sample_idx: 0,
        shape: None,
    }
}

/// Memory of this process that no file backs.
fn anonymous_bytes() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .context("no memory in /proc")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024.0)
}
