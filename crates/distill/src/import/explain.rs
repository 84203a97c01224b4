//! Texts that a student writes, put together from what a teacher said.

use agents::contract::Recall;
use domain::{Form, Language, Problem};

use crate::words::beginning;

/// Longest description of a similar problem, in characters.
const DESCRIPTION: usize = 240;
/// Longest step that a judgement quotes, in characters.
const QUOTE: usize = 90;

/// A problem in a sentence or two, as one would recall it.
pub(crate) fn description(problem: &Problem) -> String {
    let text = essence(problem);
    let prose = text.split("```").next().unwrap_or_default();
    let lines: Vec<&str> = prose
        .lines()
        .map(|line| line.trim().trim_start_matches(['#', '>', '*', ' ']).trim())
        .filter(|line| !line.is_empty() && !is_heading(line))
        .collect();
    let prose = lines.join("\n").replace("\\-----", "");
    let text = beginning(&prose, DESCRIPTION);
    let cut: String = text.chars().take(2 * DESCRIPTION).collect();
    cut.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The statement in its author's words: for a function with a documentation string, that string.
pub(crate) fn essence(problem: &Problem) -> &str {
    let Form::Function { prompt, .. } = &problem.form else {
        return &problem.statement;
    };
    let quoted = ["\"\"\"", "'''"]
        .iter()
        .find_map(|mark| Some(prompt.split_once(mark)?.1.split_once(mark)?.0));
    match quoted {
        Some(text) if !text.trim().is_empty() => text.trim(),
        _ => problem
            .statement
            .split("\n\nThe function is called")
            .next()
            .unwrap_or_default(),
    }
}

fn is_heading(line: &str) -> bool {
    let word = line.trim_end_matches(['-', ':', '#', ' ']).to_lowercase();
    matches!(
        word.as_str(),
        "task" | "story" | "description" | "problem" | "problem description" | "instructions"
    )
}

/// A reply that keeps the recall contract.
pub(crate) fn recall_reply(recall: &Recall) -> String {
    let mut text = String::new();
    for example in &recall.examples {
        text += &format!(
            "<example>\n<description>{}</description>\n<plan>\n{}\n</plan>\n</example>\n",
            example.description, example.plan
        );
    }
    text + &format!("<algorithm>{}</algorithm>", recall.algorithm)
}

/// A reply that keeps the plan contract.
pub(crate) fn plan_reply(plan: &str) -> String {
    format!("<plan>\n{plan}\n</plan>")
}

/// A reply that keeps the confidence contract.
pub(crate) fn confidence_reply(explanation: &str, confidence: u8) -> String {
    format!("<explanation>{explanation}</explanation>\n<confidence>{confidence}</confidence>")
}

/// A reply that keeps the code contract.
pub(crate) fn code_reply(language: Language, source: &str) -> String {
    format!(
        "```{}\n{}\n```",
        language.fence_tags()[0],
        source.trim_end()
    )
}

/// A reply that keeps the repair contract.
pub(crate) fn repair_reply(plan: &str, language: Language, source: &str) -> String {
    format!("{}\n{}", plan_reply(plan), code_reply(language, source))
}

/// A judgement of a plan, where the teacher gave none.
pub(crate) fn judgement(plan: &str, is_right: bool) -> String {
    let step = |line: Option<&str>| {
        let line = line.unwrap_or_default();
        let text = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let text: String = beginning(text.trim(), QUOTE).chars().take(QUOTE).collect();
        text.trim_end_matches('.').to_string()
    };
    let (first, last) = (step(plan.lines().next()), step(plan.lines().next_back()));
    let ending = match is_right {
        true => "the steps give what the problem asks for",
        false => "the steps do not give what the problem asks for",
    };
    format!("From \"{first}\" to \"{last}\", {ending}.")
}

/// A source without blank lines around it and spaces at line ends.
pub(crate) fn tidy(source: &str) -> String {
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = source.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_string()
}
