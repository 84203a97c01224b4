use std::collections::BTreeMap;

use agents::contract::confidence;
use agents::{Contract, Format};
use domain::{Agent, Digest, Language, Message};
use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{SetRef, Source, Step, Tally, Trace};

/// One question with the reply that a student is to learn, and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// Who learns it.
    pub agent: Agent,
    /// What was asked for.
    pub contract: Contract,
    /// The problem's id.
    pub problem: String,
    /// Where the problem comes from.
    pub set: SetRef,
    /// As the data set says it.
    pub difficulty: Option<String>,
    /// What programs are written in.
    pub language: Language,
    /// Where the reply comes from.
    pub source: Source,
    /// The recorded exchange: its key in the ledger, or the digest of the imported row.
    pub exchange: Digest,
    /// The question, exactly as the student will see it.
    pub messages: Vec<Message>,
    /// The reply.
    pub reply: String,
}

/// Confidence that is taught for a plan, by what its check said and whether the plan led to a program that passes:
/// the outcome decides on which side of 50 it is, the check how far.
pub const LABELS: [(bool, bool, u8); 4] = [
    (true, true, 95),
    (false, true, 70),
    (true, false, 30),
    (false, false, 5),
];

/// Words in a row of a supervisor's feedback that no question may hold.
const FEEDBACK_WORDS: usize = 8;

impl Example {
    /// Names the example by what is learned: equal for equal questions with equal replies.
    pub fn id(&self) -> Digest {
        Digest::of_json(&("example/1", &self.messages, &self.reply))
    }

    /// All that is read and written, in characters.
    pub fn n_chars(&self) -> usize {
        let asked = self.messages.iter().map(|message| &message.content);
        asked
            .chain([&self.reply])
            .map(|text| text.chars().count())
            .sum()
    }

    /// Everything in one text.
    pub(crate) fn text(&self) -> String {
        let asked = self.messages.iter().map(|message| message.content.as_str());
        let texts: Vec<&str> = asked.chain([self.reply.as_str()]).collect();
        texts.join("\n")
    }
}

/// The examples that traces give, in their order, without any filter but these: the reply keeps its contract strictly, it
/// led to a program that passes all tests (a plan's check may have led to one that fails, which is its label), a repair
/// leads from a program that fails a sample to one that passes everything, and no word of a supervisor is in it.
/// What is left out is counted by agent and reason.
pub fn examples(traces: &[Trace], tally: &mut Tally) -> Vec<Example> {
    let mut found = Vec::new();
    for trace in traces {
        for (at, step) in trace.steps.iter().enumerate() {
            let agent = step.contract.agent();
            match reply(trace, at) {
                Ok(reply) => {
                    tally.count(&format!("{agent}: replies that teach"));
                    found.push(Example {
                        agent,
                        contract: step.contract,
                        problem: trace.problem.clone(),
                        set: trace.set.clone(),
                        difficulty: trace.difficulty.clone(),
                        language: trace.language,
                        source: trace.source.clone(),
                        exchange: step.exchange.clone(),
                        messages: step.messages.clone(),
                        reply,
                    });
                }
                Err(reason) => tally.count(&format!("{agent}: left out: {reason}")),
            }
        }
    }
    found
}

/// The reply of a step as it is taught, or why it is not.
fn reply(trace: &Trace, at: usize) -> Result<String, &'static str> {
    let step = &trace.steps[at];
    if step.format != Format::Strict {
        return Err("the reply does not keep its contract");
    }
    let reply = match step.contract {
        Contract::Recall if trace.solved == Some(true) => step.reply.clone(),
        Contract::Recall => return Err("the run did not lead to a program that passes"),
        Contract::Plan => match outcome(trace, step.place.plan_rank) {
            Some(true) => step.reply.clone(),
            Some(false) => return Err("the plan led to programs that fail"),
            None => return Err("the plan was not tried"),
        },
        Contract::Confidence => match outcome(trace, step.place.plan_rank) {
            Some(passed) => labelled(&step.reply, passed).ok_or("the judgement cannot be read")?,
            None => return Err("the plan was not tried"),
        },
        Contract::Code | Contract::Reasoned | Contract::Analogy => {
            solves(step)?;
            step.reply.clone()
        }
        Contract::Repair => {
            solves(step)?;
            let before = trace.steps[..at].iter().rev();
            let broken = before.filter_map(|step| step.evidence.as_ref()).next();
            if broken.is_none_or(|broken| broken.n_passed == broken.n_samples) {
                return Err("the program before it passes the samples");
            }
            step.reply.clone()
        }
        Contract::Simulation | Contract::Reflection => {
            return Err("no outcome says whether the reply is right");
        }
    };
    match leaks(trace, step, &reply) {
        true => Err("a supervisor's words are in it"),
        false => Ok(reply),
    }
}

fn solves(step: &Step) -> Result<(), &'static str> {
    match step.evidence.as_ref().map(|evidence| evidence.solves) {
        Some(Some(true)) => Ok(()),
        Some(Some(false)) => Err("the program fails"),
        Some(None) => Err("the program was not judged on all tests"),
        None => Err("the program was not judged"),
    }
}

/// Whether a plan led to a program that passes; absent when no program of it was judged to the end.
fn outcome(trace: &Trace, plan_rank: usize) -> Option<bool> {
    let written = trace
        .steps
        .iter()
        .filter(|step| step.place.plan_rank == plan_rank)
        .filter_map(|step| step.evidence.as_ref());
    let outcomes: Vec<Option<bool>> = written.map(|evidence| evidence.solves).collect();
    if outcomes.contains(&Some(true)) {
        return Some(true);
    }
    let is_decided = !outcomes.is_empty() && outcomes.iter().all(Option::is_some);
    is_decided.then_some(false)
}

/// A check with the confidence that its plan's outcome gives it; see [`LABELS`].
fn labelled(reply: &str, passed: bool) -> Option<String> {
    let said = confidence(reply).value? >= 50;
    let (explanation, _) = reply.split_once("<confidence>")?;
    let (_, _, label) = LABELS
        .iter()
        .find(|(is_sure, passes, _)| (*is_sure, *passes) == (said, passed))?;
    Some(format!("{explanation}<confidence>{label}</confidence>"))
}

/// Whether a supervisor's feedback is in the question, or in the reply as a whole, or the reply speaks of one.
fn leaks(trace: &Trace, step: &Step, reply: &str) -> bool {
    let mut feedback = trace
        .steps
        .iter()
        .filter_map(|step| step.feedback.as_deref());
    let is_supervised = feedback.clone().next().is_some();
    let reply_words = words(reply).join(" ");
    if is_supervised && reply_words.split(' ').any(|word| word == "supervisor") {
        return true;
    }
    let asked: Vec<&str> = step
        .messages
        .iter()
        .map(|message| message.content.as_str())
        .collect();
    let asked = words(&asked.join("\n")).join(" ");
    feedback.any(|feedback| {
        let said = words(feedback);
        let is_asked = crate::words::runs(&said, FEEDBACK_WORDS)
            .iter()
            .any(|run| asked.contains(run.as_str()));
        is_asked || !said.is_empty() && reply_words.contains(&said.join(" "))
    })
}

/// Counts by agent, in the order of the agents.
pub(crate) fn by_agent<'a>(
    examples: impl IntoIterator<Item = &'a Example>,
) -> BTreeMap<Agent, Vec<&'a Example>> {
    let mut found: BTreeMap<Agent, Vec<&Example>> = Agent::ALL
        .into_iter()
        .map(|agent| (agent, Vec::new()))
        .collect();
    for example in examples {
        found.entry(example.agent).or_default().push(example);
    }
    found
}
