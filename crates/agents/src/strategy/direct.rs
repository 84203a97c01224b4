use crate::Contract;
use crate::contract::{Wanted, code};
use crate::outcome::Place;
use crate::team::{Halt, Question, Work};

/// One question, one program.
pub(crate) async fn direct(work: &mut Work<'_>) -> Result<(), Halt> {
    let problem = work.problem;
    let language = work.team.language;
    let conversation = work.team.prompts.open(problem, language)?;
    let wanted = Wanted {
        language,
        form: &problem.form,
    };
    let question = Question {
        contract: Contract::Code,
        messages: conversation.code(None, None)?,
        sample_idx: 0,
    };
    let (source, call) = work.ask(question, |reply| code(reply, wanted)).await?;
    work.count(call);
    if let Some(source) = source {
        work.test(
            &source,
            Place {
                plan_rank: 0,
                debug_round: 0,
            },
        )
        .await?;
    }
    Ok(())
}
