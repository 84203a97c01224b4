use crate::Contract;
use crate::contract::reasoned;
use crate::outcome::Place;
use crate::team::{Halt, Question, Work};

/// Chain of thought (Wei et al., 2022), without examples: one question whose reply thinks before it programs.
pub(crate) async fn cot(work: &mut Work<'_>) -> Result<(), Halt> {
    let conversation = work.open()?;
    let wanted = work.wanted();
    let question = Question::new(Contract::Reasoned, conversation.cot()?);
    let (source, turn) = work.ask(question, |reply| reasoned(reply, wanted)).await?;
    work.count(turn);
    if let Some(source) = source {
        work.test(&source, Place::default()).await?;
    }
    Ok(())
}
