//! Pieces of prompts that depend on the problem's form and the language.

use domain::{Agent, Form, Language, Limits, Problem, Test};

use crate::dialect;

/// What the solution is, as a noun phrase.
pub(crate) fn wanted(form: &Form, language: Language) -> String {
    match form {
        Form::Stdio => {
            format!(
                "a {} program that reads standard input and writes standard output",
                language.title()
            )
        }
        Form::Function { entry_point, .. } => {
            format!("a {} function `{entry_point}`", language.title())
        }
    }
}

/// What an agent does, for a supervisor.
pub(crate) fn part(agent: Agent) -> &'static str {
    match agent {
        Agent::Retrieval => "retrieval, which recalled similar problems and named the algorithm",
        Agent::Planning => "planning, which wrote the plan",
        Agent::Coding => "coding, which wrote the first program from the plan",
        Agent::Debugging => "debugging, which repaired the program from the test results",
    }
}

/// What a program must keep to, beyond the problem.
pub(crate) fn rules(form: &Form, language: Language) -> String {
    match (form, language) {
        (Form::Function { entry_point, .. }, _) => format!(
            "Keep the name `{entry_point}` and its parameters, return the result instead of printing it, and include \
             the imports that the code needs."
        ),
        (Form::Stdio, language) => dialect::of(language).rule.to_string(),
    }
}

/// The limits in a sentence; empty for a function, whose statement has none.
pub(crate) fn limits(problem: &Problem) -> String {
    match problem.form {
        Form::Function { .. } => String::new(),
        Form::Stdio => {
            let Limits {
                cpu, memory_bytes, ..
            } = problem.limits;
            format!(
                "It may use {} s and {} MiB.",
                cpu.as_secs_f64(),
                memory_bytes >> 20
            )
        }
    }
}

/// The samples as the statement would show them.
pub(crate) fn samples(problem: &Problem) -> String {
    let mut text = String::new();
    for (at, test) in problem.samples.iter().enumerate() {
        match test {
            Test::Stdio { input, expected } => {
                let expected = expected.first().map_or("", String::as_str);
                let number = at + 1;
                text += &format!(
                    "Input {number}:\n{}\nOutput {number}:\n{}\n\n",
                    input.trim_end(),
                    expected.trim_end()
                );
            }
            Test::Python { code } => text += &format!("{}\n", code.trim_end()),
            Test::Call {
                function,
                arguments,
                expected,
            } => {
                let answer = expected.first().map_or("", String::as_str);
                text += &format!("{} gives {answer}\n", call(function, arguments));
            }
        }
    }
    text.trim_end().to_string()
}

/// A call as one writes it, its arguments in JSON.
pub(crate) fn call(function: &str, arguments: &str) -> String {
    let arguments = arguments.trim();
    let inner = arguments
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    format!("{function}({})", inner.unwrap_or(arguments).trim())
}

/// A small problem that has everything, to try templates with.
pub(crate) fn specimen() -> Problem {
    Problem {
        id: "specimen".into(),
        statement: "Print the sum of two integers.".into(),
        form: Form::Stdio,
        samples: vec![Test::Stdio {
            input: "1 2\n".into(),
            expected: vec!["3\n".into()],
        }],
        limits: Limits::default(),
        difficulty: None,
        tags: Vec::new(),
    }
}
