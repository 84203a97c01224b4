use std::cmp::Reverse;

use futures_util::future::join_all;
use llm::ChatError;

use crate::contract::{Example, Recall, code, confidence, plan, recall, repair};
use crate::outcome::Place;
use crate::prompts::Conversation;
use crate::team::{Halt, Question, Step, Work};
use crate::transcript::Turn;
use crate::{Contract, PromptError, Without};

/// MapCoder's algorithm (Islam et al., 2024), with the faults of its reference implementation left out:
///
/// 1. The retrieval agent recalls `k` similar problems and the algorithm.
/// 2. The planning agent writes a plan after each of them and says how sure it is of it; all `k` at once.
///    A recall that holds fewer problems still gives `k` plans: the missing ones start from nothing.
/// 3. From the surest plan down, the coding agent writes a program, and the debugging agent repairs it from the
///    test report up to `t` times. The first program that passes every sample ends the work.
///
/// Every repaired program is tested, the last one too, and when none passes, the best one is kept.
///
/// An agent that is left out is not asked: without retrieval the plans start from nothing, without planning one program
/// is written from the problem and what was recalled, without debugging none is repaired.
pub(crate) async fn mapcoder(
    work: &mut Work<'_>,
    k: usize,
    t: usize,
    without: Without,
) -> Result<(), Halt> {
    let conversation = work.open()?;
    let wanted = work.wanted();
    let t = if without.debugging { 0 } else { t };

    let mut recalled = Recall::default();
    if !without.retrieval {
        let question = Question::new(Contract::Recall, conversation.recall(k)?);
        let (recall, turn) = work.ask(question, |reply| recall(reply, k)).await?;
        work.count(turn);
        recalled = recall.unwrap_or_default();
    }
    let plans = if without.planning {
        vec![Plan::none()]
    } else {
        plans(work, &conversation, &recalled, k).await?
    };

    for (rank, plan) in plans.iter().enumerate() {
        let messages = conversation.code(Some(&recalled), Some(&plan.text))?;
        let question = Question::new(Contract::Code, messages).of(plan.number, 0);
        let (source, turn) = work.ask(question, |reply| code(reply, wanted)).await?;
        work.count(turn);
        let Some(mut source) = source else { continue };
        let mut tested = work
            .test(
                &source,
                Place {
                    plan_rank: rank,
                    debug_round: 0,
                },
            )
            .await?;
        let mut sample_idx = 0;
        for debug_round in 1..=t {
            if tested.passes {
                return Ok(());
            }
            let messages = conversation.repair(&plan.text, &source, &tested.report)?;
            let question = Question::new(Contract::Repair, messages)
                .of(plan.number, debug_round)
                .sample(sample_idx);
            let (repaired, turn) = match work.ask(question, |reply| repair(reply, wanted)).await {
                // The other prompts fit; what is left of this plan does not.
                Err(Halt::Model(ChatError::PromptTooLong { .. })) => break,
                answer => answer?,
            };
            work.count(turn);
            match repaired {
                Some(repaired) if repaired != source => {
                    source = repaired;
                    sample_idx = 0;
                    tested = work
                        .test(
                            &source,
                            Place {
                                plan_rank: rank,
                                debug_round,
                            },
                        )
                        .await?;
                }
                // Nothing new: the next question would be the same one, and a greedy model has one answer to it.
                _ if work.is_greedy() => break,
                _ => sample_idx += 1,
            }
        }
        if tested.passes {
            return Ok(());
        }
    }
    Ok(())
}

struct Plan {
    /// In the order in which they are asked for, from 0.
    number: usize,
    text: String,
    confidence: Option<u8>,
}

impl Plan {
    /// The coding agent works from the problem alone.
    fn none() -> Plan {
        Plan {
            number: 0,
            text: String::new(),
            confidence: None,
        }
    }
}

/// The plans, from the surest down; those with equal confidence stay in the order of their examples.
async fn plans(
    work: &mut Work<'_>,
    conversation: &Conversation<'_>,
    recalled: &Recall,
    k: usize,
) -> Result<Vec<Plan>, Halt> {
    let chains = join_all((0..k).map(|at| chain(work, conversation, recalled, at, k))).await;
    let mut plans = Vec::new();
    for chain in chains {
        let (plan, turns) = chain?;
        turns.into_iter().for_each(|turn| work.count(turn));
        plans.extend(plan);
    }
    if plans.is_empty() {
        // Not one reply held a plan.
        plans.push(Plan::none());
    }
    plans.sort_by_key(|plan| Reverse(plan.confidence));
    work.rank(plans.iter().map(|plan| plan.number).collect());
    work.tell(Step::Planned {
        confidences: plans.iter().map(|plan| plan.confidence).collect(),
    });
    Ok(plans)
}

/// One plan, and how sure the model is of it.
async fn chain(
    work: &Work<'_>,
    conversation: &Conversation<'_>,
    recalled: &Recall,
    at: usize,
    k: usize,
) -> Result<(Option<Plan>, Vec<Turn>), Halt> {
    let example: Option<&Example> = recalled.examples.get(at);
    let question = |contract, messages: Result<_, PromptError>| {
        messages.map(|messages| Question::new(contract, messages).of(at, 0))
    };
    let ask = question(
        Contract::Plan,
        conversation.plan(recalled, example, at + 1, k),
    )?;
    let (text, planned) = work.ask(ask, plan).await?;
    let Some(text) = text else {
        return Ok((None, vec![planned]));
    };
    let check = question(Contract::Confidence, conversation.confidence(&text))?;
    let (confidence, checked) = work.ask(check, confidence).await?;
    let plan = Plan {
        number: at,
        text,
        confidence,
    };
    Ok((Some(plan), vec![planned, checked]))
}
