use agents::{CallRecord, Contract, Format, JudgeRecord};
use domain::{CaseReport, Exchange, Finish, Judging, Submission, Test};
use ledger::{Ledger, LedgerError};
use serde::Serialize;

use crate::ProblemResult;

/// Longest quotation of a text that a program read or wrote, in characters.
const QUOTE: usize = 4000;

/// Everything that happened to one problem, in the order of the algorithm, as the page shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Story {
    /// What all prompts begin with: the system line, the statement, the samples.
    beginning: String,
    /// Questions and judgings.
    steps: Vec<Step>,
    /// The final judging.
    scoring: Option<Scored>,
    /// What went wrong when it is not decided; else empty.
    fault: String,
}

#[cfg(test)]
impl Story {
    /// A story without any step.
    pub(super) fn of_fault(fault: String) -> Story {
        Story {
            beginning: String::new(),
            steps: Vec::new(),
            scoring: None,
            fault,
        }
    }
}

/// One of the two.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Step {
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<Call>,
    #[serde(skip_serializing_if = "Option::is_none")]
    judging: Option<Judged>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Call {
    title: &'static str,
    agent: &'static str,
    contract: &'static str,
    format: Format,
    finish: Finish,
    prompt_tokens: u64,
    completion_tokens: u64,
    ms: u64,
    /// Shown without a click.
    open: bool,
    reply: String,
    /// The prompt behind the common beginning.
    part: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Judged {
    plan_rank: usize,
    debug_round: usize,
    n_passed: usize,
    n: usize,
    verdict: &'static str,
    source: String,
    tests: Vec<Tested>,
    compile_log: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Tested {
    number: usize,
    verdict: &'static str,
    ms: u64,
    test: String,
    wanted: String,
    got: String,
    message: String,
    stderr: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Scored {
    verdict: &'static str,
    message: String,
    source: String,
}

/// Reads the story of a result from the ledger that recorded it.
/// Calls whose record is gone are left out; the page says what the result counts.
///
/// # Errors
/// When the ledger cannot be read.
pub fn tell(ledger: &Ledger, result: &ProblemResult) -> Result<Story, LedgerError> {
    let mut exchanges: Vec<(&CallRecord, Exchange)> = Vec::new();
    for call in &result.outcome.calls {
        if let Some(exchange) = ledger.exchange(&call.key)? {
            exchanges.push((call, exchange));
        }
    }
    let mut judgings: Vec<(&JudgeRecord, Submission, Judging)> = Vec::new();
    for record in &result.outcome.judgings {
        if let Some((submission, judging)) = ledger.judged(&record.key)? {
            judgings.push((record, submission, judging));
        }
    }
    let scoring = match &result.scoring {
        None => None,
        Some(scoring) => ledger.judged(&scoring.key)?.map(|(submission, judging)| {
            let last = judging
                .cases
                .last()
                .filter(|_| judging.n_passed() < judging.cases.len());
            Scored {
                verdict: judging.verdict.title(),
                message: last.map_or(String::new(), |case| cut(&case.message)),
                source: submission.program.source,
            }
        }),
    };
    let prompts: Vec<&str> = exchanges
        .iter()
        .map(|(_, exchange)| user(exchange))
        .collect();
    let shared = common_beginning(&prompts);
    let beginning = exchanges.first().map_or(String::new(), |(_, exchange)| {
        let system = exchange.ask.messages.first();
        let system = system.map_or("", |message| message.content.as_str());
        format!("{system}\n\n{}", user(exchange)[..shared].trim_end())
    });
    let mut judgings = judgings.into_iter().peekable();
    let mut steps = Vec::new();
    for (record, exchange) in exchanges {
        let writes = writes_program(record.contract);
        steps.push(Step {
            call: Some(call(record, &exchange, shared)),
            judging: None,
        });
        // Programs are judged as they are written; of several that were asked for at once, in their order.
        if writes && judgings.peek().is_some() && record.format != Format::Failed {
            let is_of = |judged: &(&JudgeRecord, Submission, Judging)| {
                let source = judged.1.program.source.trim();
                let last_line = source.lines().next_back().unwrap_or_default().trim();
                exchange.reply.text.contains(last_line)
            };
            if let Some((record, submission, judging)) = judgings.next_if(is_of) {
                steps.push(judged(record, &submission, &judging));
            }
        }
    }
    steps.extend(
        judgings.map(|(record, submission, judging)| judged(record, &submission, &judging)),
    );
    Ok(Story {
        beginning,
        steps,
        scoring,
        fault: result.fault.clone(),
    })
}

fn user(exchange: &Exchange) -> &str {
    let last = exchange.ask.messages.last();
    last.map_or("", |message| message.content.as_str())
}

/// How many bytes all prompts have in common, up to the end of a line.
fn common_beginning(prompts: &[&str]) -> usize {
    let Some((first, others)) = prompts.split_first() else {
        return 0;
    };
    if others.is_empty() {
        return first.rfind("\n# ").map_or(0, |at| at + 1);
    }
    let mut length = first.len();
    for other in others {
        let pairs = first.bytes().zip(other.bytes());
        length = length.min(pairs.take_while(|(a, b)| a == b).count());
    }
    // All bytes up to there are equal, so that a line's end is one in each of them.
    first.as_bytes()[..length]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1)
}

fn writes_program(contract: Contract) -> bool {
    matches!(
        contract,
        Contract::Code | Contract::Reasoned | Contract::Analogy | Contract::Repair
    )
}

fn call(record: &CallRecord, exchange: &Exchange, shared: usize) -> Call {
    let title = match record.contract {
        Contract::Recall => "Retrieval",
        Contract::Plan => "Plan",
        Contract::Confidence => "Confidence",
        Contract::Simulation => "Simulation",
        Contract::Code | Contract::Reasoned | Contract::Analogy => "Program",
        Contract::Repair => "Repair",
        Contract::Reflection => "Reflection",
    };
    let prompt = user(exchange);
    Call {
        title,
        agent: record.agent.name(),
        contract: record.contract.name(),
        format: record.format,
        finish: record.finish,
        prompt_tokens: record.usage.prompt_tokens,
        completion_tokens: record.usage.completion_tokens,
        ms: millis(record.wall),
        // A program is shown where it is judged.
        open: !writes_program(record.contract),
        reply: exchange.reply.text.clone(),
        part: prompt.get(shared..).unwrap_or(prompt).trim().to_string(),
    }
}

fn judged(record: &JudgeRecord, submission: &Submission, judging: &Judging) -> Step {
    let tests = (1..).zip(&judging.cases).zip(&submission.tests);
    Step {
        call: None,
        judging: Some(Judged {
            plan_rank: record.place.plan_rank,
            debug_round: record.place.debug_round,
            n_passed: record.n_passed,
            n: submission.tests.len(),
            verdict: judging.verdict.title(),
            source: submission.program.source.clone(),
            tests: tests
                .map(|((number, case), test)| tested(number, case, test))
                .collect(),
            compile_log: cut(&judging.compile_log),
        }),
    }
}

fn tested(number: usize, case: &CaseReport, test: &Test) -> Tested {
    let first = |texts: &[String]| texts.first().map_or(String::new(), |text| cut(text));
    let (test, wanted) = match test {
        Test::Stdio { input, expected } => (cut(input), first(expected)),
        Test::Python { code } => (cut(code), String::new()),
        Test::Call {
            function,
            arguments,
            expected,
        } => (cut(&format!("{function}: {arguments}")), first(expected)),
    };
    Tested {
        number,
        verdict: case.verdict.title(),
        ms: millis(case.wall),
        test,
        wanted,
        got: cut(&case.actual),
        message: cut(&case.message),
        stderr: cut(&case.stderr_tail),
    }
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTE) {
        None => text.to_string(),
        Some((at, _)) => format!("{}\n… cut", &text[..at]),
    }
}
