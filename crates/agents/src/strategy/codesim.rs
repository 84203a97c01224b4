use crate::Contract;
use crate::contract::{Recall, code, plan, recall, repair, simulation};
use crate::outcome::Place;
use crate::prompts::Conversation;
use crate::team::{Halt, Question, Work};

/// CodeSIM (Islam et al., 2025): up to `p` times, the planning agent recalls a similar problem and writes a plan,
/// follows it by hand on a sample and corrects it if it does not hold; the coding agent writes the program; and the
/// debugging agent repairs it up to `d` times. The first program that passes every sample ends the work.
///
/// A greedy model would write the same plan again, so that each round asks for another plan by its number.
pub(crate) async fn codesim(work: &mut Work<'_>, p: usize, d: usize) -> Result<(), Halt> {
    let conversation = work.open()?;
    let wanted = work.wanted();
    let question = Question::new(Contract::Recall, conversation.recall(1)?);
    let (recalled, turn) = work.ask(question, |reply| recall(reply, 1)).await?;
    work.count(turn);
    let recalled = recalled.unwrap_or_default();
    for plan_rank in 0..p {
        let plan = simulated_plan(work, &conversation, &recalled, plan_rank, p).await?;
        let messages = conversation.code(Some(&recalled), plan.as_deref())?;
        let question = Question::new(Contract::Code, messages).sample(plan_rank);
        let (source, turn) = work.ask(question, |reply| code(reply, wanted)).await?;
        work.count(turn);
        let Some(mut source) = source else { continue };
        for debug_round in 0..=d {
            let place = Place {
                plan_rank,
                debug_round,
            };
            let tested = work.test(&source, place).await?;
            if tested.passes {
                return Ok(());
            }
            if debug_round == d {
                break;
            }
            let plan = plan.as_deref().unwrap_or_default();
            let messages = conversation.repair(plan, &source, &tested.report)?;
            let question = Question::new(Contract::Repair, messages).sample(plan_rank);
            let (repaired, turn) = work.ask(question, |reply| repair(reply, wanted)).await?;
            work.count(turn);
            match repaired {
                Some(repaired) if repaired != source => source = repaired,
                _ => break,
            }
        }
    }
    Ok(())
}

/// A plan, corrected where its simulation says that it does not hold.
async fn simulated_plan(
    work: &mut Work<'_>,
    conversation: &Conversation<'_>,
    recalled: &Recall,
    at: usize,
    p: usize,
) -> Result<Option<String>, Halt> {
    // The recalled problem stands behind the first plan only: later ones are to differ from it.
    let example = recalled.examples.first().filter(|_| at == 0);
    let messages = conversation.plan(recalled, example, at + 1, p)?;
    let (first, turn) = work
        .ask(Question::new(Contract::Plan, messages), plan)
        .await?;
    work.count(turn);
    let Some(first) = first else { return Ok(None) };
    let question = Question::new(Contract::Simulation, conversation.simulate(&first)?);
    let (simulated, turn) = work.ask(question, simulation).await?;
    work.count(turn);
    let Some(simulated) = simulated.filter(|simulated| !simulated.holds) else {
        return Ok(Some(first));
    };
    let messages = conversation.refine(&first, &simulated.steps)?;
    let (refined, turn) = work
        .ask(Question::new(Contract::Plan, messages), plan)
        .await?;
    work.count(turn);
    Ok(Some(refined.unwrap_or(first)))
}
