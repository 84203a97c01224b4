//! The table at the end of `eval`.

use std::fmt::Write as _;

use domain::{Agent, Usage};

use crate::progress::duration;
use crate::stats::{Interval, wilson};
use crate::{Align, Ending, GroupSummary, Grouping, Summary, Table};

impl Summary {
    /// The whole report as plain text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        self.write_head(&mut text);
        text.push('\n');
        self.write_endings(&mut text);
        let mut tables = vec![self.draw_table(), self.compat_table()];
        tables.extend(
            [Grouping::Difficulty, Grouping::Language, Grouping::Tag]
                .map(|grouping| self.group_table(grouping)),
        );
        tables.extend([self.agent_table(), self.format_table(), self.place_table()]);
        for table in tables.into_iter().flatten() {
            text.push('\n');
            text.push_str(&table.to_string());
        }
        text
    }

    /// The score in four cells of a row: solved problems, decided ones, pass@1, its interval.
    pub fn score_cells(&self) -> [String; 4] {
        [
            self.endings.solved.to_string(),
            self.endings.decided().to_string(),
            self.pass_at_1.map_or(String::new(), percent),
            range(&self.interval),
        ]
    }

    fn write_head(&self, text: &mut String) {
        let header = &self.header;
        let mut line = |name: &str, value: &str| {
            // Writing to a string never fails.
            let _ = writeln!(text, "{name:<10}{value}");
        };
        line(
            "data",
            &format!("{} ({})", header.data, header.digest.short()),
        );
        line("strategy", &header.strategy);
        line("model", &header.model);
        if !header.held.is_empty() {
            let agents: Vec<&str> = header.held.iter().map(|agent| agent.name()).collect();
            let held = match header.held.len() == Agent::ALL.len() {
                true => "held by grammar".to_string(),
                false => format!("held by grammar: {}", agents.join(", ")),
            };
            line("replies", &held);
        }
        let n = header.n_selected;
        line(
            "problems",
            &match (self.n_missing, header.n_draws) {
                (0, 1) => n.to_string(),
                (0, draws) => format!("{n}, {draws} draws each"),
                (missing, 1) => {
                    format!("{n}, {missing} of them without a result yet: incomplete")
                }
                (missing, draws) => {
                    format!(
                        "{n}, {draws} draws each, {missing} draws without a result yet: incomplete"
                    )
                }
            },
        );
        let endings = &self.endings;
        line(
            "pass@1",
            &match self.pass_at_1 {
                None => "nothing decided".to_string(),
                Some(share) => format!(
                    "{} ({}/{}), 95 % interval {} to {}",
                    percent(share),
                    endings.solved,
                    endings.decided(),
                    percent(self.interval.low),
                    percent(self.interval.high)
                ),
            },
        );
        line(
            "time",
            &format!(
                "model {}, judge {}; a problem {} (median), {} (95th percentile)",
                duration(self.model_time),
                duration(self.judge_time),
                duration(self.time_p50),
                duration(self.time_p95)
            ),
        );
        if let Some(cost) = self.cost {
            line("cost", &format!("{cost:.4}"));
        }
        let tokens = self
            .tokens_per_solved
            .map(|tokens| format!("{} tokens", grouped(tokens.round() as u64)));
        let cost = self.cost_per_solved.map(|cost| format!("cost {cost:.4}"));
        let parts: Vec<String> = tokens.into_iter().chain(cost).collect();
        if !parts.is_empty() {
            line("a solve", &parts.join(", "));
        }
    }

    fn write_endings(&self, text: &mut String) {
        let mut table = Table::new([
            ("ending", Align::Left),
            ("problems", Align::Right),
            ("", Align::Left),
        ]);
        for ending in Ending::ALL {
            let n = self.endings.get(ending);
            if ending == Ending::Stopped && n == 0 {
                continue;
            }
            let remark = match ending {
                Ending::Failed => self.failed_remark(),
                _ => String::new(),
            };
            table.row([ending.title().to_string(), n.to_string(), remark]);
        }
        text.push_str(&table.to_string());
    }

    fn failed_remark(&self) -> String {
        match self.n_sample_only {
            0 => String::new(),
            n => format!("{n} passed the samples only"),
        }
    }

    fn draw_table(&self) -> Option<Table> {
        let mut table = Table::new([
            ("pass@k", Align::Left),
            ("problems", Align::Right),
            ("share", Align::Right),
            ("95 % interval", Align::Left),
        ]);
        for one in &self.pass_at {
            table.row([
                format!("pass@{}", one.k),
                one.n_problems.to_string(),
                percent(one.share),
                range(&one.interval),
            ]);
        }
        (!self.pass_at.is_empty()).then_some(table)
    }

    /// The score by our rules and by those of harnesses that see something otherwise.
    fn compat_table(&self) -> Option<Table> {
        let right = |name| (name, Align::Right);
        let mut table = Table::new([
            ("outputs compared", Align::Left),
            right("solved"),
            ("95 % interval", Align::Left),
            right("only there"),
            right("only strict"),
        ]);
        let strict = wilson(self.endings.solved, self.endings.decided());
        let solved = self.endings.solved.to_string();
        table.row(["strictly".to_string(), solved, range(&strict)]);
        for score in &self.compat {
            table.row([
                format!("as {} does", score.harness.name()),
                score.n_solved.to_string(),
                range(&score.interval),
                score.n_only_there.to_string(),
                score.n_only_here.to_string(),
            ]);
        }
        (!self.compat.is_empty()).then_some(table)
    }

    /// The groups of a kind, the largest first where there are more than fit a screen; nothing where there is only one.
    fn group_table(&self, grouping: Grouping) -> Option<Table> {
        const SHOWN: usize = 24;
        let mut groups: Vec<&GroupSummary> = self
            .groups
            .iter()
            .filter(|group| group.grouping == grouping)
            .collect();
        if groups.len() < 2 {
            return None;
        }
        let n_groups = groups.len();
        if n_groups > SHOWN {
            groups.sort_by_key(|group| std::cmp::Reverse(group.n_decided));
            groups.truncate(SHOWN);
        }
        let mut table = Table::new([
            (grouping.title(), Align::Left),
            ("solved", Align::Right),
            ("of", Align::Right),
            ("share", Align::Right),
            ("95 % interval", Align::Left),
        ]);
        for group in &groups {
            table.row([
                group.name.clone(),
                group.n_solved.to_string(),
                group.n_decided.to_string(),
                percent(group.n_solved as f64 / group.n_decided as f64),
                range(&group.interval),
            ]);
        }
        if n_groups > SHOWN {
            table.row([format!("{} smaller ones", n_groups - SHOWN)]);
        }
        Some(table)
    }

    fn agent_table(&self) -> Option<Table> {
        let right = |name| (name, Align::Right);
        let mut table = Table::new([
            ("agent", Align::Left),
            right("calls"),
            right("prompt tokens"),
            right("cached"),
            right("completion tokens"),
            right("time"),
        ]);
        let mut n_calls = 0;
        let mut usage = Usage::default();
        for agent in &self.agents {
            n_calls += agent.n_calls;
            usage += agent.usage;
            table.row(agent_row(
                agent.agent.name(),
                agent.n_calls,
                &agent.usage,
                duration(agent.time),
            ));
        }
        if self.agents.len() > 1 {
            table.row(agent_row("all", n_calls, &usage, duration(self.model_time)));
        }
        (!self.agents.is_empty()).then_some(table)
    }

    fn format_table(&self) -> Option<Table> {
        let right = |name| (name, Align::Right);
        let mut table = Table::new([
            ("agent", Align::Left),
            ("contract", Align::Left),
            right("replies"),
            right("format failures"),
            right("of replies"),
            ("95 % interval", Align::Left),
            right("recovered"),
            right("lost"),
        ]);
        for format in &self.formats {
            table.row([
                format.agent.name().to_string(),
                format.contract.name().to_string(),
                grouped(format.n_replies as u64),
                grouped(format.n_failures as u64),
                percent(format.n_failures as f64 / format.n_replies as f64),
                range(&format.interval),
                grouped(format.n_recovered as u64),
                grouped((format.n_failures - format.n_recovered) as u64),
            ]);
        }
        (!self.formats.is_empty()).then_some(table)
    }

    fn place_table(&self) -> Option<Table> {
        let mut table = Table::new([("solved by", Align::Left), ("problems", Align::Right)]);
        for summary in &self.places {
            let place = summary.place;
            let program = match place.debug_round {
                0 => "first program".to_string(),
                round => format!("repair {round}"),
            };
            table.row([
                format!("plan {}, {program}", place.plan_rank + 1),
                summary.n_solved.to_string(),
            ]);
        }
        (!self.places.is_empty()).then_some(table)
    }
}

fn agent_row(name: &str, n_calls: usize, usage: &Usage, time: String) -> [String; 6] {
    [
        name.to_string(),
        grouped(n_calls as u64),
        grouped(usage.prompt_tokens),
        grouped(usage.cached_tokens),
        grouped(usage.completion_tokens),
        time,
    ]
}

fn range(interval: &Interval) -> String {
    format!("{} to {}", percent(interval.low), percent(interval.high))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Digits in groups of three: `12,345,678`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
