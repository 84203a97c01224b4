use std::collections::{BTreeMap, BTreeSet};

use domain::{Agent, Digest};
use serde::{Deserialize, Serialize};

use crate::example::by_agent;
use crate::{
    Distilled, Finding, Header, LABELS, Measured, Selection, SetRef, Source, TOKENS, Tally, Trace,
    WORDS,
};

/// What [`Card::schema`] says.
pub const CARD_SCHEMA: &str = "mapcoder.distill.card/1";

/// What an export holds and how it came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// [`CARD_SCHEMA`].
    pub schema: String,
    /// Of the prompts that the questions were made with.
    pub prompts: Digest,
    /// How examples were chosen, with the seed.
    pub selection: Selection,
    /// What counted the tokens.
    pub tokenizer: String,
    /// By agent's name.
    pub agents: BTreeMap<String, AgentCard>,
    /// Where replies come from, with the examples of each.
    pub sources: Vec<(Source, usize)>,
    /// The data sets that problems come from, with the examples of each.
    pub sets: Vec<(SetRef, usize)>,
    /// Of all calls that the traces hold.
    pub spent: Spent,
    /// The sets that examples were held against.
    pub evaluation: Vec<SetRef>,
    /// Plans that traces come from, with who was asked; none where all are imported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distilled: Vec<Distilled>,
    /// What the files of traces say was read, asked, joined and judged.
    pub imported: Tally,
    /// What became of the replies.
    pub examples: Tally,
    /// Examples that share something with an evaluation set; they were dropped unless `contaminated_kept`.
    pub n_contaminated: usize,
    /// True where they were kept all the same.
    pub contaminated_kept: bool,
    /// Of the export's other files, by name.
    pub files: BTreeMap<String, Digest>,
}

/// One agent's part of a [`Card`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentCard {
    /// Examples.
    pub n_examples: usize,
    /// Problems that they are of.
    pub n_problems: usize,
    /// Tokens of questions and replies.
    pub n_tokens: usize,
    /// Tokens of the longest.
    pub longest: usize,
    /// Examples by what was asked for.
    pub contracts: Tally,
    /// Examples by difficulty, as far as it is known.
    pub difficulties: Tally,
}

/// What recorded calls took.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// Calls that the traces hold, imported ones included.
    pub n_calls: usize,
    /// Tokens sent, as far as they are recorded.
    pub prompt_tokens: u64,
    /// Tokens received, as far as they are recorded.
    pub completion_tokens: u64,
    /// Cost, in the unit of the price file, as far as it is recorded.
    pub cost: Option<f64>,
}

impl Spent {
    /// What the calls of traces took.
    pub fn of(traces: &[Trace]) -> Spent {
        let mut spent = Spent::default();
        for step in traces.iter().flat_map(|trace| &trace.steps) {
            spent.n_calls += 1;
            spent.prompt_tokens += step.usage.prompt_tokens;
            spent.completion_tokens += step.usage.completion_tokens;
            if let Some(cost) = step.cost {
                spent.cost = Some(spent.cost.unwrap_or_default() + cost);
            }
        }
        spent
    }
}

/// What a card is made of.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// What is said of the traces.
    pub header: &'a Header,
    /// What their calls took.
    pub spent: Spent,
    /// How examples were chosen.
    pub selection: &'a Selection,
    /// What counted the tokens.
    pub tokenizer: &'a str,
    /// The sets that examples were held against.
    pub evaluation: &'a [SetRef],
    /// What became of the replies.
    pub tally: &'a Tally,
    /// What was found of evaluation sets.
    pub findings: &'a [Finding],
    /// True where it was kept all the same.
    pub contaminated_kept: bool,
    /// The examples.
    pub chosen: &'a [Measured],
    /// The export's files; see [`crate::export::files`].
    pub files: &'a [(String, Vec<u8>)],
}

impl Card {
    /// The card of an export.
    pub fn new(made: &Made<'_>) -> Card {
        let Made {
            header,
            selection,
            findings,
            chosen,
            ..
        } = *made;
        let mut sources: BTreeMap<&Source, usize> = BTreeMap::new();
        let mut sets: BTreeMap<&SetRef, usize> = BTreeMap::new();
        for one in chosen {
            *sources.entry(&one.example.source).or_default() += 1;
            *sets.entry(&one.example.set).or_default() += 1;
        }
        let agents = by_agent(chosen.iter().map(|one| &one.example));
        let agents = agents.into_keys().map(|agent| {
            let of_agent = chosen.iter().filter(|one| one.example.agent == agent);
            (agent.to_string(), AgentCard::of(of_agent))
        });
        Card {
            schema: CARD_SCHEMA.to_string(),
            prompts: header.prompts.clone(),
            selection: selection.clone(),
            tokenizer: made.tokenizer.to_string(),
            agents: agents.collect(),
            sources: sources
                .into_iter()
                .map(|(one, n)| (one.clone(), n))
                .collect(),
            sets: sets.into_iter().map(|(one, n)| (one.clone(), n)).collect(),
            spent: made.spent,
            evaluation: made.evaluation.to_vec(),
            distilled: header.distilled.clone(),
            imported: header.tally.clone(),
            examples: made.tally.clone(),
            n_contaminated: findings.len(),
            contaminated_kept: made.contaminated_kept,
            files: made
                .files
                .iter()
                .map(|(name, bytes)| (name.clone(), Digest::of(bytes)))
                .collect(),
        }
    }

    /// The card as Markdown, for readers.
    pub fn markdown(&self) -> String {
        let mut text = String::from("# Examples for four agents\n\n");
        text += "Every row holds the question exactly as the agent is asked at inference, a reply that keeps its contract \
                 strictly, and where both come from. Programs were judged again on all tests that there are, hidden ones \
                 included; what failed is not here.\n\n";
        text += "| agent | examples | problems | tokens | longest | asked for |\n|---|---:|---:|---:|---:|---|\n";
        for agent in Agent::ALL {
            let Some(card) = self.agents.get(agent.name()) else {
                continue;
            };
            text += &format!(
                "| {agent} | {} | {} | {} | {} | {} |\n",
                card.n_examples,
                card.n_problems,
                card.n_tokens,
                card.longest,
                list(&card.contracts)
            );
        }
        text += &format!("\nTokens are those of `{}`.\n\n", self.tokenizer);
        text += "## Where replies come from\n\n| source | digest | examples |\n|---|---|---:|\n";
        for (source, n) in &self.sources {
            let (name, digest) = match source {
                Source::Run { run } => (format!("our run {run}"), String::new()),
                Source::Log { file, digest, run } => {
                    (format!("`{file}`, run {run}"), digest.short().to_string())
                }
                Source::Broken { file, digest, run } => (
                    format!("`{file}`, run {run}, broken on purpose"),
                    digest.short().to_string(),
                ),
                Source::Published { file, digest } => (
                    format!("`{file}`, published programs"),
                    digest.short().to_string(),
                ),
            };
            text += &format!("| {name} | {digest} | {n} |\n");
        }
        text += "\n## Where problems come from\n\n| set | licence | digest | examples |\n|---|---|---|---:|\n";
        for (set, n) in &self.sets {
            text += &format!(
                "| {} | {} | {} | {n} |\n",
                set.name,
                set.licence.as_deref().unwrap_or("the user's own"),
                set.digest.short()
            );
        }
        text += "\n## Held against evaluation sets\n\n";
        let names: Vec<&str> = self
            .evaluation
            .iter()
            .map(|set| set.name.as_str())
            .collect();
        text += &match names.as_slice() {
            [] => "None was given.\n".to_string(),
            names => format!(
                "{}: {} examples share a problem, {WORDS} words in a row of a statement (all of a shorter one), or \
                 {TOKENS} tokens in a row of a published solution; they {}.\n",
                names.join(", "),
                self.n_contaminated,
                match self.contaminated_kept {
                    true => "are here all the same",
                    false => "were dropped, and `contaminated.jsonl` lists them",
                }
            ),
        };
        if !self.distilled.is_empty() {
            text += "\n## Who was asked\n\n";
            let plans: Vec<String> = self.distilled.iter().map(Distilled::markdown).collect();
            text += &plans.join("\n");
            text += &format!("\n{OF_RUNS}{}.\n{REPAIR}", labels());
        }
        let is_run = |source: &Source| matches!(source, Source::Run { .. });
        if !self.sources.iter().all(|(source, _)| is_run(source)) {
            text += &format!("\n{IMPORTED}{}{OF_IMPORTED}", labels());
        }
        text += "\n## Counts\n\n";
        let before = match self.distilled.as_slice() {
            [] => "What was read",
            _ => "What every stage came to",
        };
        for (title, tally) in [
            (before, &self.imported),
            ("What became of replies", &self.examples),
        ] {
            text += &format!("{title}:\n\n| n | what |\n|---:|---|\n");
            for (name, n) in tally.iter() {
                text += &format!("| {n} | {name} |\n");
            }
            text.push('\n');
        }
        let Spent {
            n_calls,
            prompt_tokens,
            completion_tokens,
            cost,
        } = self.spent;
        text += &format!(
            "The traces hold {n_calls} replies; recorded are {prompt_tokens} tokens sent, {completion_tokens} received, cost {}.\n",
            cost.map_or("unknown".to_string(), |cost| cost.to_string())
        );
        let selection = &self.selection;
        let of_agents = selection.max_tokens_of.iter();
        let of_agents: String = of_agents
            .map(|(agent, most)| format!(" ({agent} {most})"))
            .collect();
        text += &format!(
            "At most {} examples an agent, {} a problem, {} tokens{}; near duplicates from {} on; seed {}. Prompts {}.\n",
            selection.max_per_agent,
            selection.max_per_problem,
            selection.max_tokens,
            of_agents,
            selection.near,
            selection.seed,
            self.prompts.short()
        );
        text
    }
}

impl AgentCard {
    fn of<'a>(examples: impl Iterator<Item = &'a Measured>) -> AgentCard {
        let mut card = AgentCard::default();
        let mut problems = BTreeSet::new();
        for Measured { example, n_tokens } in examples {
            card.n_examples += 1;
            card.n_tokens += n_tokens;
            card.longest = card.longest.max(*n_tokens);
            card.contracts.count(example.contract.name());
            if let Some(difficulty) = &example.difficulty {
                card.difficulties.count(difficulty);
            }
            problems.insert(crate::identity(&example.problem));
        }
        card.n_problems = problems.len();
        card
    }
}

/// How a reply of our own runs becomes one that is learned, up to the labels of a plan's check.
const OF_RUNS: &str = "## How replies of our runs are taken over\n\n\
    - Questions are told without a supervisor's feedback; replies that repeat it are left out.\n\
    - Confidence: the outcome decides. ";

/// The same, of a repair.
const REPAIR: &str = "- Repair: from a program that fails a sample to one that passes everything, \
    with the report of our judge.\n\
    - Everything else is as it was said.\n";

/// How an imported exchange becomes replies of our agents, up to the labels of a plan's check.
const IMPORTED: &str = "## How imported exchanges become replies of our agents\n\n\
    - Algorithm: the algorithms of the recorded knowledge base, or its concepts where it names none, cut at a few sentences.\n\
    - Similar problems: the recorded examples are tests of the same function, which our contract does not want. \
    In their place stand the most similar other problems to train on (Jaccard's index of words and pairs of words, \
    rare ones weigh more) that the teacher solved, with its plans.\n\
    - Plan: the recorded steps, numbered; steps that only speak of writing tests are left out.\n\
    - Confidence: the outcome decides. ";

/// The same, from the labels on.
const OF_IMPORTED: &str = ". The recorded explanation is kept without its sentences about tests; where nothing is left, a sentence \
    names the first and the last step and says whether they lead to the goal.\n\
    - Repair: from a program that fails a sample to one that passes everything, with the report of our judge. \
    A published wrong answer is led to the most similar program that passes. \
    A program \"broken on purpose\" is one of the teacher's that passes, with one slip: another comparison, operator, constant, \
    connective or built-in function; its report is as real as the others.\n";

/// [`LABELS`] in words.
fn labels() -> String {
    let word = |is: bool, yes: &'static str, no: &'static str| if is { yes } else { no };
    let labels: Vec<String> = LABELS
        .iter()
        .map(|(is_sure, passed, label)| {
            let said = word(*is_sure, "called right", "called wrong");
            let came = word(*passed, "a program passed", "all failed");
            format!("{said} and {came}: {label}")
        })
        .collect();
    labels.join("; ")
}

fn list(tally: &Tally) -> String {
    let counts: Vec<String> = tally
        .iter()
        .map(|(name, n)| format!("{name} {n}"))
        .collect();
    counts.join(", ")
}
