use crate::Contract;
use crate::contract::{code, reflection};
use crate::outcome::Place;
use crate::team::{Halt, Question, Work};

/// Reflections that the next attempt is shown: the paper keeps one to three.
const MEMORY: usize = 3;

/// Reflexion (Shinn et al., 2023): the model tries, is told what the tests say, puts into words what it learned, and
/// tries again with its last reflections before it, up to `t` times.
///
/// The tests are the problem's samples, where the paper lets the model write its own.
pub(crate) async fn reflexion(work: &mut Work<'_>, t: usize) -> Result<(), Halt> {
    let conversation = work.open()?;
    let wanted = work.wanted();
    let question = Question::new(Contract::Code, conversation.code(None, None)?);
    let (source, turn) = work.ask(question, |reply| code(reply, wanted)).await?;
    work.count(turn);
    let Some(mut source) = source else {
        return Ok(());
    };
    let mut memory: Vec<String> = Vec::new();
    for debug_round in 0..=t {
        let place = Place {
            plan_rank: 0,
            debug_round,
        };
        let tested = work.test(&source, place).await?;
        if tested.passes || debug_round == t {
            break;
        }
        let report = tested.report;
        let messages = conversation.reflect(&source, &report)?;
        let question = Question::new(Contract::Reflection, messages);
        let (learned, turn) = work.ask(question, reflection).await?;
        work.count(turn);
        memory.extend(learned);
        let recent = &memory[memory.len().saturating_sub(MEMORY)..];
        let messages = conversation.retry(&source, &report, recent)?;
        let question = Question::new(Contract::Code, messages).sample(debug_round);
        let (again, turn) = work.ask(question, |reply| code(reply, wanted)).await?;
        work.count(turn);
        match again {
            Some(again) if again != source => source = again,
            // The same attempt would be met by the same words.
            _ if work.is_greedy() => break,
            _ => {}
        }
    }
    Ok(())
}
