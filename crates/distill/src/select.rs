use std::collections::{BTreeMap, BTreeSet};

use domain::{Agent, Digest};
use serde::{Deserialize, Serialize};

use crate::similar::Signature;
use crate::words::words;
use crate::{Example, Tally, identity};

/// Which examples are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// The most examples of an agent; 0 keeps all.
    pub max_per_agent: usize,
    /// The most examples of an agent that one problem gives, in all its forms; 0 keeps all.
    pub max_per_problem: usize,
    /// The most tokens of a question with its reply; 0 keeps all.
    pub max_tokens: usize,
    /// The same for some agents, whose questions are longer or shorter than others'.
    pub max_tokens_of: BTreeMap<Agent, usize>,
    /// Examples that are at least this much alike, as MinHash estimates it, are one; above 1 all are kept.
    pub near: f64,
    /// Another seed prefers other problems where not all are kept.
    pub seed: u64,
}

impl Default for Selection {
    fn default() -> Self {
        Selection {
            max_per_agent: 500,
            max_per_problem: 4,
            max_tokens: 900,
            max_tokens_of: BTreeMap::new(),
            near: 0.9,
            seed: 0,
        }
    }
}

/// An example with its length.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The example.
    pub example: Example,
    /// Tokens of the question and the reply, as the student reads them.
    pub n_tokens: usize,
}

/// Chooses examples: none twice, none nearly twice, none too long; then for each agent in turns from every kind (what is
/// asked for, with a plan or without, and how difficult the problem is) and from every problem, short ones first. What is left out is counted by
/// agent and reason. The order of what is kept follows from the examples alone.
///
/// # Errors
/// What `measure`, which counts tokens, fails with.
pub fn select<E>(
    examples: Vec<Example>,
    selection: &Selection,
    measure: &mut dyn FnMut(&Example) -> Result<usize, E>,
    tally: &mut Tally,
) -> Result<Vec<Measured>, E> {
    let mut kept = Vec::new();
    let mut by_agent: BTreeMap<Agent, Vec<Measured>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for example in examples {
        if !ids.insert(example.id()) {
            tally.count(&format!("{}: left out: the same again", example.agent));
            continue;
        }
        let n_tokens = measure(&example)?;
        let of_agent = selection.max_tokens_of.get(&example.agent);
        let most = of_agent.copied().unwrap_or(selection.max_tokens);
        if most > 0 && n_tokens > most {
            tally.count(&format!("{}: left out: too long", example.agent));
            continue;
        }
        let of_agent = by_agent.entry(example.agent).or_default();
        of_agent.push(Measured { example, n_tokens });
    }
    for (agent, mut examples) in by_agent {
        examples.sort_by_cached_key(|one| (one.n_tokens, one.example.id()));
        let n_before = examples.len();
        drop_near(&mut examples, selection.near);
        let n_near = n_before - examples.len();
        tally.add(&format!("{agent}: left out: nearly the same again"), n_near);
        let n_before = examples.len();
        cap_problems(&mut examples, selection.max_per_problem);
        let n_capped = n_before - examples.len();
        tally.add(
            &format!("{agent}: left out: enough of its problem"),
            n_capped,
        );
        let n_before = examples.len();
        let mut chosen = balance(examples, selection);
        let n_cut = n_before - chosen.len();
        tally.add(&format!("{agent}: left out: enough of its agent"), n_cut);
        tally.add(&format!("{agent}: kept"), chosen.len());
        chosen.sort_by_cached_key(|one| {
            let example = &one.example;
            (example.problem.clone(), example.contract, example.id())
        });
        kept.extend(chosen);
    }
    Ok(kept)
}

/// Keeps the first of those that are nearly the same.
fn drop_near(examples: &mut Vec<Measured>, near: f64) {
    if near > 1.0 {
        return;
    }
    let mut signatures: Vec<Signature> = Vec::new();
    examples.retain(|one| {
        let signature = Signature::of(&words(&one.example.text()));
        let is_new = signatures
            .iter()
            .all(|other| signature.likeness(other) < near);
        if is_new {
            signatures.push(signature);
        }
        is_new
    });
}

/// Keeps the first examples of each problem, of each contract in turn.
fn cap_problems(examples: &mut Vec<Measured>, most: usize) {
    if most == 0 {
        return;
    }
    let key = |one: &Measured| identity(&one.example.problem);
    let mut turns = BTreeMap::new();
    let mut ranked: Vec<(usize, usize)> = Vec::new();
    for (at, one) in examples.iter().enumerate() {
        let turn: &mut usize = turns.entry((key(one), one.example.contract)).or_default();
        ranked.push((*turn, at));
        *turn += 1;
    }
    ranked.sort_unstable();
    let mut n_of = BTreeMap::new();
    let mut is_kept = vec![false; examples.len()];
    for (_, at) in ranked {
        let n: &mut usize = n_of.entry(key(&examples[at])).or_default();
        is_kept[at] = *n < most;
        *n += 1;
    }
    let mut is_kept = is_kept.into_iter();
    examples.retain(|_| is_kept.next().unwrap_or(false));
}

/// Whether the question gives a plan, which makes it another kind of question.
fn has_plan(example: &Example) -> bool {
    let mut asked = example.messages.iter();
    asked.any(|message| message.content.contains("\n# The plan\n"))
}

/// Takes in turns from each kind; within a kind, the first example of every problem before the second of any.
fn balance(examples: Vec<Measured>, selection: &Selection) -> Vec<Measured> {
    if selection.max_per_agent == 0 || examples.len() <= selection.max_per_agent {
        return examples;
    }
    let mut turns: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut kinds: BTreeMap<String, Vec<(usize, usize, Digest, Measured)>> = BTreeMap::new();
    for one in examples {
        let difficulty = one.example.difficulty.as_deref().unwrap_or_default();
        let kind = format!(
            "{} {difficulty} {}",
            one.example.contract.name(),
            has_plan(&one.example)
        );
        let key = (kind.clone(), identity(&one.example.problem));
        let turn = turns.entry(key).or_default();
        let draw = Digest::of_json(&("select/1", selection.seed, one.example.id()));
        // Lengths in steps, so that chance decides between about equal ones.
        let length = one.n_tokens / 100;
        kinds
            .entry(kind)
            .or_default()
            .push((*turn, length, draw, one));
        *turn += 1;
    }
    let mut queues: Vec<_> = kinds
        .into_values()
        .map(|mut kind| {
            kind.sort_by(|a, b| (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)));
            kind.into_iter()
        })
        .collect();
    let mut chosen = Vec::new();
    while chosen.len() < selection.max_per_agent {
        let n_before = chosen.len();
        for queue in &mut queues {
            if chosen.len() < selection.max_per_agent {
                chosen.extend(queue.next().map(|(_, _, _, one)| one));
            }
        }
        if chosen.len() == n_before {
            break;
        }
    }
    chosen
}
