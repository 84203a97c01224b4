use crate::Contract;
use crate::contract::code;
use crate::outcome::Place;
use crate::team::{Halt, Question, Work};

/// One question, one program.
pub(crate) async fn direct(work: &mut Work<'_>) -> Result<(), Halt> {
    let conversation = work.open()?;
    let wanted = work.wanted();
    let question = Question::new(Contract::Code, conversation.code(None, None)?);
    let (source, turn) = work.ask(question, |reply| code(reply, wanted)).await?;
    work.count(turn);
    if let Some(source) = source {
        work.test(&source, Place::default()).await?;
    }
    Ok(())
}
