use crate::Contract;
use crate::contract::{Recall, code, plan};
use crate::outcome::Place;
use crate::team::{Halt, Question, Work};

/// Self-planning (Jiang et al., 2024), without examples: the model writes a plan, then the program that follows it.
pub(crate) async fn self_planning(work: &mut Work<'_>) -> Result<(), Halt> {
    let conversation = work.open()?;
    let wanted = work.wanted();
    let messages = conversation.plan(&Recall::default(), None, 1, 1)?;
    let (plan, turn) = work
        .ask(Question::new(Contract::Plan, messages), plan)
        .await?;
    work.count(turn);
    let messages = conversation.code(None, plan.as_deref())?;
    let question = Question::new(Contract::Code, messages);
    let (source, turn) = work.ask(question, |reply| code(reply, wanted)).await?;
    work.count(turn);
    if let Some(source) = source {
        work.test(&source, Place::default()).await?;
    }
    Ok(())
}
