use std::collections::HashSet;

use serde_json::json;
use trainer::{Example, Keep, Plan, PlanRow, Step};

use super::Shared;
use crate::ui::{Ui, megabytes};

/// What there is to compute.
pub(super) struct Work {
    n_steps: usize,
    n_tokens: usize,
    /// Tokens that the base reads alone, each prefix of a step once.
    n_prefix: usize,
    /// Tokens of all prefixes of the run, each once.
    n_distinct_prefix: usize,
    /// Tokens that the adapter acts on.
    n_own: usize,
    n_trained: usize,
    /// Mean length of a token's document.
    n_context: usize,
}

impl Work {
    pub(super) fn new(steps: &[Step], examples: &[Example]) -> Work {
        let all = || steps.iter().flat_map(|step| &step.examples);
        let lengths = || all().map(|&i| examples[i].document.tokens.len());
        let n_tokens: usize = lengths().sum();
        let distinct = |indices: &mut dyn Iterator<Item = usize>| {
            let prefixes = indices.map(|i| {
                let document = &examples[i].document;
                &document.tokens[..document.n_prefix]
            });
            let distinct: HashSet<&[u32]> = prefixes.collect();
            distinct.iter().map(|prefix| prefix.len()).sum::<usize>()
        };
        let n_prefix = steps
            .iter()
            .map(|step| distinct(&mut step.examples.iter().copied()));
        Work {
            n_steps: steps.len(),
            n_tokens,
            n_prefix: n_prefix.sum(),
            n_distinct_prefix: distinct(&mut all().copied()),
            n_own: all()
                .map(|&i| &examples[i].document)
                .map(|one| one.tokens.len() - one.n_prefix)
                .sum(),
            n_trained: all().map(|&i| examples[i].document.n_trained()).sum(),
            n_context: lengths().map(|n| n * n).sum::<usize>() / n_tokens.max(1),
        }
    }
}

/// What is shown of a plan.
pub(super) struct View<'a> {
    pub(super) plan: &'a Plan,
    /// The memory part by part, where that is wanted.
    pub(super) parts: Option<&'a Vec<PlanRow>>,
    pub(super) keep: Keep,
    pub(super) available: Option<usize>,
    /// What prefixes may take in memory, so that later epochs need not read them again.
    pub(super) prefix_bytes: usize,
}

/// Prints what a run will need.
///
/// # Errors
/// When standard output is closed or full, or the model's dimensions cannot be used.
pub(super) fn show(
    shared: &Shared<'_>,
    view: &View<'_>,
    work: &Work,
    agent: Option<&str>,
) -> anyhow::Result<()> {
    let config = shared.source.config()?;
    let shape = shared.settings.shape();
    let View {
        plan,
        parts,
        keep,
        available,
        prefix_bytes,
    } = *view;
    // Keys and values of every block.
    let prefix_token = 2 * config.n_kv_heads * config.head_dim * config.n_layers * size_of::<f32>();
    let remembered = (work.n_distinct_prefix * prefix_token).min(prefix_bytes);
    let [own, prefix, trained] = Plan::operations(&config, &shape, keep, work.n_context);
    let operations =
        own * work.n_own as f64 + prefix * work.n_prefix as f64 + trained * work.n_trained as f64;
    let seconds = operations / trainer::operations_per_second(shared.n_threads);
    let fits = available.is_none_or(|available| plan.total() <= available);
    let ui: &Ui = shared.ui;
    if ui.json() {
        let line = json!({
            "schema": "mapcoder.train.plan/1",
            "agent": agent,
            "steps": work.n_steps,
            "tokens": work.n_tokens,
            "trained_tokens": work.n_trained,
            "trained_numbers": plan.n_trained,
            "memory_bytes": plan,
            "total_bytes": plan.total(),
            "remembered_bytes": remembered,
            "parts": parts,
            "available_bytes": available,
            "fits": fits,
            "keeps_everything": keep == Keep::Everything,
            "seconds": seconds,
        });
        ui.line(&line.to_string())?;
        return Ok(());
    }
    let row = |name: &str, value: String| vec![name.to_string(), value];
    let bytes = |n: usize| megabytes(n as u64);
    let mut rows = vec![
        row("steps", work.n_steps.to_string()),
        row(
            "tokens",
            format!("{}, {} of them trained", work.n_tokens, work.n_trained),
        ),
        row("trained numbers", plan.n_trained.to_string()),
        row("base", bytes(plan.base)),
        row("adapter and optimiser", bytes(plan.adapter)),
        row(
            match keep {
                Keep::Everything => "kept within a pass",
                Keep::BlockInputs => "kept between blocks",
            },
            bytes(plan.kept),
        ),
        row("prefixes", bytes(plan.prefixes)),
        row("buffers", bytes(plan.scratch)),
        row("logits", bytes(plan.head)),
        row("memory in all", bytes(plan.total())),
    ];
    if let Some(available) = available {
        let verdict = if fits { "it fits" } else { "it does not fit" };
        rows.push(row(
            "memory available",
            format!("{}: {verdict}", bytes(available)),
        ));
    }
    if remembered > 0 {
        let beside = "beside that, of what is free, to read prompts once";
        rows.push(row(
            "prefixes remembered",
            format!("{} {beside}", bytes(remembered)),
        ));
    }
    rows.push(row("time at best", duration(seconds)));
    if let Some(agent) = agent {
        rows.insert(0, row("agent", agent.to_string()));
    }
    ui.table(&rows)?;
    if let Some(parts) = parts {
        ui.line("")?;
        ui.table(&table(parts))?;
    }
    Ok(())
}

/// The parts of a plan as a table.
fn table(parts: &[PlanRow]) -> Vec<Vec<String>> {
    let heading = ["PART", "BASE", "ADAPTER", "COMPUTED", "IN ALL"];
    let mut rows = vec![heading.map(str::to_string).to_vec()];
    rows.extend(parts.iter().map(|part| {
        let numbers = [part.base, part.adapter, part.computed, part.total()];
        let cells = numbers.map(|n| megabytes(n as u64));
        std::iter::once(part.name.clone()).chain(cells).collect()
    }));
    rows
}

/// A time as hours, minutes and seconds.
pub(super) fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}
