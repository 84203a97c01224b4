use crate::Contract;
use crate::contract::analogy;
use crate::outcome::Place;
use crate::team::{Halt, Question, Work};

/// Analogical prompting (Yasunaga et al., 2024): one question whose reply recalls `k` similar problems, explains what
/// they share, and solves the problem after them.
pub(crate) async fn analogical(work: &mut Work<'_>, k: usize) -> Result<(), Halt> {
    let conversation = work.open()?;
    let wanted = work.wanted();
    let question = Question::new(Contract::Analogy, conversation.analogy(k)?);
    let (source, turn) = work
        .ask(question, |reply| analogy(reply, k, wanted))
        .await?;
    work.count(turn);
    if let Some(source) = source {
        work.test(&source, Place::default()).await?;
    }
    Ok(())
}
