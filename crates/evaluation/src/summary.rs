mod compat;
mod draws;
mod groups;

use std::collections::BTreeMap;
use std::time::Duration;

use agents::{Contract, Format, Place};
use datasets::DataSet;
use domain::{Agent, Digest, Task, Usage};
use serde::{Deserialize, Serialize};

use crate::stats::{Interval, percentile, wilson};
use crate::{Ending, ProblemResult};

pub use compat::CompatScore;
pub use draws::PassAtK;
pub use groups::{GroupSummary, Grouping};

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The data set's name.
    pub data: String,
    /// The data set's digest.
    pub digest: Digest,
    /// Problems that were selected; a run that was stopped has fewer results.
    pub n_selected: usize,
    /// Independent runs over them, which differ in their seeds.
    #[serde(default = "one")]
    pub n_draws: usize,
    /// The strategy with its parameters.
    pub strategy: String,
    /// What answered.
    pub model: String,
    /// Agents whose replies were held to their form by grammar: they cannot fail it.
    #[serde(default)]
    pub held: Vec<Agent>,
}

impl Header {
    /// A run over all that was selected of a data set, with free replies.
    pub fn new(data: &DataSet, strategy: impl Into<String>, model: impl Into<String>) -> Header {
        Header {
            data: data.name.clone(),
            digest: data.digest.clone(),
            n_selected: data.tasks.len(),
            n_draws: 1,
            strategy: strategy.into(),
            model: model.into(),
            held: Vec::new(),
        }
    }
}

fn one() -> usize {
    1
}

/// The measures of a run, or of several that differ in their seeds. It follows from the results alone: no clock, no order of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What was measured.
    pub header: Header,
    /// Every problem ends in exactly one way.
    pub endings: EndingCounts,
    /// Problems without a result, because the run was stopped.
    pub n_missing: usize,
    /// Share of the decided problems that are solved; absent when none is decided.
    pub pass_at_1: Option<f64>,
    /// Its interval at 95 %: Wilson's, or that of the bootstrap over problems where there are several draws.
    pub interval: Interval,
    /// pass@k, where there are several draws.
    #[serde(default)]
    pub pass_at: Vec<PassAtK>,
    /// The score by the rules of published harnesses that would decide otherwise on some result; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compat: Vec<CompatScore>,
    /// Solved problems by difficulty, tag and language, as far as they are known: see [`Summary::with_groups`].
    #[serde(default)]
    pub groups: Vec<GroupSummary>,
    /// Programs that passed all samples and failed a hidden test.
    pub n_sample_only: usize,
    /// Calls and tokens of the agents that were asked, in the order in which a run meets them.
    pub agents: Vec<AgentSummary>,
    /// How the replies kept their contracts.
    pub formats: Vec<FormatSummary>,
    /// Where the programs that solve were written.
    pub places: Vec<PlaceSummary>,
    /// Recorded time of all model calls, queueing included; calls that ran at once count one by one.
    pub model_time: Duration,
    /// Recorded time of all judgings.
    pub judge_time: Duration,
    /// Median recorded time of a problem, model and judge.
    pub time_p50: Duration,
    /// 95th percentile of the same.
    pub time_p95: Duration,
    /// Price of all calls, where every call has one.
    pub cost: Option<f64>,
    /// The same for each problem that is solved.
    #[serde(default)]
    pub cost_per_solved: Option<f64>,
    /// Tokens of all calls, sent and received, for each problem that is solved.
    #[serde(default)]
    pub tokens_per_solved: Option<f64>,
}

/// How many problems ended in each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EndingCounts {
    /// See [`Ending::Solved`].
    pub solved: usize,
    /// See [`Ending::Failed`].
    pub failed: usize,
    /// See [`Ending::FormatFailure`].
    #[serde(default)]
    pub format_failure: usize,
    /// See [`Ending::Budget`].
    pub budget: usize,
    /// See [`Ending::JudgeFault`].
    pub judge_fault: usize,
    /// See [`Ending::EndpointFault`].
    pub endpoint_fault: usize,
    /// See [`Ending::Stopped`].
    pub stopped: usize,
}

impl EndingCounts {
    /// The count of one ending.
    pub fn get(&self, ending: Ending) -> usize {
        match ending {
            Ending::Solved => self.solved,
            Ending::Failed => self.failed,
            Ending::FormatFailure => self.format_failure,
            Ending::Budget => self.budget,
            Ending::JudgeFault => self.judge_fault,
            Ending::EndpointFault => self.endpoint_fault,
            Ending::Stopped => self.stopped,
        }
    }

    /// Problems that count in a score.
    pub fn decided(&self) -> usize {
        self.solved + self.failed + self.format_failure
    }

    fn add(&mut self, ending: Ending) {
        *match ending {
            Ending::Solved => &mut self.solved,
            Ending::Failed => &mut self.failed,
            Ending::FormatFailure => &mut self.format_failure,
            Ending::Budget => &mut self.budget,
            Ending::JudgeFault => &mut self.judge_fault,
            Ending::EndpointFault => &mut self.endpoint_fault,
            Ending::Stopped => &mut self.stopped,
        } += 1;
    }
}

/// What one agent was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSummary {
    /// Which one.
    pub agent: Agent,
    /// Questions.
    pub n_calls: usize,
    /// Their tokens.
    pub usage: Usage,
    /// Their recorded time.
    pub time: Duration,
}

/// How the replies to one kind of question kept its contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FormatSummary {
    /// Who was asked.
    pub agent: Agent,
    /// What was owed.
    pub contract: Contract,
    /// Replies.
    pub n_replies: usize,
    /// Replies that the strict parser refused.
    pub n_failures: usize,
    /// Wilson's interval of their share at 95 %.
    pub interval: Interval,
    /// Of these, replies from which the tolerant parser still got what was asked for.
    pub n_recovered: usize,
}

/// Problems solved by programs from one place of the algorithm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceSummary {
    /// Rank of the plan and round of debugging, both from 0.
    pub place: Place,
    /// Problems.
    pub n_solved: usize,
}

impl Summary {
    /// Measures results.
    pub fn new(header: Header, results: &[ProblemResult]) -> Summary {
        let mut endings = EndingCounts::default();
        let mut agents: BTreeMap<Agent, AgentSummary> = BTreeMap::new();
        let mut formats: BTreeMap<(Agent, Contract), FormatSummary> = BTreeMap::new();
        let mut places: BTreeMap<Place, usize> = BTreeMap::new();
        let mut cost = Some(0.0);
        for result in results {
            endings.add(result.ending);
            for call in &result.outcome.calls {
                let agent = agents.entry(call.agent).or_insert_with(|| AgentSummary {
                    agent: call.agent,
                    n_calls: 0,
                    usage: Usage::default(),
                    time: Duration::ZERO,
                });
                agent.n_calls += 1;
                agent.usage += call.usage;
                agent.time += call.wall;
                let format = formats
                    .entry((call.agent, call.contract))
                    .or_insert_with(|| FormatSummary {
                        agent: call.agent,
                        contract: call.contract,
                        n_replies: 0,
                        n_failures: 0,
                        interval: wilson(0, 0),
                        n_recovered: 0,
                    });
                format.n_replies += 1;
                format.n_failures += usize::from(call.format != Format::Strict);
                format.n_recovered += usize::from(call.format == Format::Recovered);
                cost = cost.zip(call.cost).map(|(sum, cost)| sum + cost);
            }
            if let Some(best) = result
                .outcome
                .best
                .as_ref()
                .filter(|_| result.ending == Ending::Solved)
            {
                *places.entry(best.place).or_default() += 1;
            }
        }
        let times: Vec<f64> = results
            .iter()
            .map(|result| (result.model_time() + result.judge_time()).as_secs_f64())
            .collect();
        let at = |q| Duration::from_secs_f64(percentile(&times, q).unwrap_or(0.0));
        let decided = endings.decided();
        for format in formats.values_mut() {
            format.interval = wilson(format.n_failures, format.n_replies);
        }
        let cost = cost.filter(|_| {
            results
                .iter()
                .any(|result| !result.outcome.calls.is_empty())
        });
        let n_tokens: u64 = agents
            .values()
            .map(|agent| agent.usage.prompt_tokens + agent.usage.completion_tokens)
            .sum();
        let per_solved = |sum: f64| (endings.solved > 0).then(|| sum / endings.solved as f64);
        let pass_at = draws::pass_at(results);
        let (pass_at_1, interval) = match pass_at.first() {
            Some(first) => (Some(first.share), first.interval),
            None => (
                (decided > 0).then(|| endings.solved as f64 / decided as f64),
                wilson(endings.solved, decided),
            ),
        };
        let count = |wanted: fn(&ProblemResult) -> bool| {
            results.iter().filter(|result| wanted(result)).count()
        };
        Summary {
            n_missing: (header.n_selected * header.n_draws).saturating_sub(results.len()),
            header,
            endings,
            pass_at_1,
            interval,
            pass_at,
            compat: compat::scores(results),
            groups: Vec::new(),
            n_sample_only: count(|result| {
                result.ending == Ending::Failed
                    && result.outcome.status == agents::Status::Passed
                    && result.outcome.n_samples > 0
            }),
            agents: agents.into_values().collect(),
            formats: formats.into_values().collect(),
            places: places
                .into_iter()
                .map(|(place, n_solved)| PlaceSummary { place, n_solved })
                .collect(),
            model_time: results.iter().map(ProblemResult::model_time).sum(),
            judge_time: results.iter().map(ProblemResult::judge_time).sum(),
            time_p50: at(0.5),
            time_p95: at(0.95),
            cost_per_solved: cost.and_then(per_solved),
            cost,
            tokens_per_solved: per_solved(n_tokens as f64),
        }
    }

    /// The same with the groups that the results' problems belong to.
    pub fn with_groups(self, tasks: &[Task], results: &[ProblemResult]) -> Summary {
        Summary {
            groups: groups::groups(tasks, results),
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
