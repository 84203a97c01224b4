use crate::Contract;
use crate::contract::code;
use crate::outcome::Place;
use crate::team::{Halt, Question, Work};

/// One question, one program.
pub(crate) async fn direct(work: &mut Work<'_>) -> Result<(), Halt> {
    let conversation = work.open()?;
    let wanted = work.wanted();
    let question = Question::new(Contract::Code, conversation.code(None, None)?);
    let (source, call) = work.ask(question, |reply| code(reply, wanted)).await?;
    work.count(call);
    if let Some(source) = source {
        work.test(&source, Place::default()).await?;
    }
    Ok(())
}
