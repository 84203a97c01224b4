use futures_util::future::join_all;

use crate::Contract;
use crate::contract::code;
use crate::outcome::Place;
use crate::team::{Halt, Question, Work};

/// `n` independent programs, all asked for at once; of them the one that passes most samples, the earliest among
/// equals: the honest rival of every strategy that spends as much. The rank of a place is the program's number.
///
/// It needs a model that does not answer every time the same, so a temperature above 0.
pub(crate) async fn best_of_n(work: &mut Work<'_>, n: usize) -> Result<(), Halt> {
    let conversation = work.open()?;
    let wanted = work.wanted();
    let messages = conversation.code(None, None)?;
    let asked = join_all((0..n).map(|at| {
        let question = Question::new(Contract::Code, messages.clone()).sample(at);
        work.ask(question, |reply| code(reply, wanted))
    }))
    .await;
    let mut sources = Vec::new();
    for answer in asked {
        let (source, turn) = answer?;
        work.count(turn);
        sources.push(source);
    }
    for (plan_rank, source) in sources.iter().enumerate() {
        if let Some(source) = source {
            let place = Place {
                plan_rank,
                debug_round: 0,
            };
            work.test(source, place).await?;
        }
    }
    Ok(())
}
