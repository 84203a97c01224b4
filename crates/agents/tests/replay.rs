//! The parsers against 3,004 real replies of models that played the four agents.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test says that it was skipped, and a fault in its set-up may panic"
)]

use agents::contract::{Parsed, Wanted, code, confidence, plan, recall, repair};
use domain::{Form, Language};

struct Exchange {
    stage: String,
    response: String,
}

fn exchanges() -> Option<Vec<Exchange>> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/data/replay/qwen_exchanges.jsonl"
    );
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: the recorded exchanges are not here ({path})");
        return None;
    };
    let read = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| row[name].as_str().unwrap_or_default().to_string();
        Exchange {
            stage: field("stage"),
            response: field("response"),
        }
    };
    Some(text.lines().map(read).collect())
}

const WANTED: Wanted = Wanted {
    language: Language::Python,
    form: &Form::Stdio,
};

/// The text between the first two fences, found the simplest way: what a correct parser must not lose.
fn only_block(reply: &str) -> Option<&str> {
    let pieces: Vec<&str> = reply.split("```").collect();
    let [_, body, _] = pieces.as_slice() else {
        return None;
    };
    let (tag, rest) = body.split_once('\n')?;
    let rest = if tag.trim().is_empty() {
        rest.strip_prefix("python\n")
            .or(rest.strip_prefix("python3\n"))
            .unwrap_or(rest)
    } else {
        rest
    };
    (!rest.trim().is_empty()).then_some(rest.trim_end())
}

#[test]
fn no_program_is_lost() {
    let Some(exchanges) = exchanges() else { return };
    let mut n_programs = 0;
    for Exchange { stage, response } in exchanges
        .iter()
        .filter(|e| e.stage == "coding" || e.stage == "debugging")
    {
        let Some(program) = only_block(response) else {
            continue;
        };
        n_programs += 1;
        let check = |name: &str, reply: String| {
            for parsed in [code(&reply, WANTED), repair(&reply, WANTED)] {
                let found = parsed.value.unwrap_or_default();
                assert_eq!(found.trim_end(), program, "{stage}, {name}:\n{reply}");
            }
        };
        let prose = &response[..response.find("```").unwrap()];
        check("as it came", response.clone());
        check("in prose", format!("Sure.\n{response}\nThis works."));
        check(
            "after a thought",
            format!("<think>\nHm, ```x```?\n</think>\n{response}"),
        );
        check("with tildes", response.replace("```", "~~~"));
        for tag in ["", "py", "Python3", "golang", "python title=a.py"] {
            check(
                "with another tag",
                format!("{prose}```{tag}\n{program}\n```"),
            );
        }
        check("never closed", format!("{prose}```python\n{program}"));
        check(
            "closed behind the code",
            format!("{prose}```python\n{program}```"),
        );
        check(
            "opened behind prose",
            format!("Here it is: ```python\n{program}\n```"),
        );
        check(
            "in CDATA",
            format!("<code><![CDATA[\n{program}\n]]></code>"),
        );
        check(
            "with an example of use",
            format!("{response}\n\n```text\n1 2 3\n```\n"),
        );
    }
    assert!(n_programs > 1_300, "{n_programs} replies with one block");
}

#[test]
fn real_replies_are_read_without_loss() {
    let Some(exchanges) = exchanges() else { return };
    let count = |stage: &str, has: &dyn Fn(&str) -> bool| {
        let of_stage = exchanges
            .iter()
            .filter(|e| e.stage == stage && !e.response.trim().is_empty());
        let (found, lost): (Vec<_>, Vec<_>) = of_stage.partition(|e| has(&e.response));
        (found.len(), lost.len())
    };
    fn is_some<T>(parsed: Parsed<T>) -> bool {
        parsed.value.is_some()
    }
    // The recorded contracts were others than ours; what ours shares with them must be found.
    assert_eq!(count("planning", &|reply| is_some(plan(reply))), (459, 0));
    assert_eq!(
        count("coding", &|reply| is_some(code(reply, WANTED))),
        (459, 0)
    );
    // One retrieval reply is prose without any tag.
    assert_eq!(
        count("retrieval", &|reply| is_some(recall(reply, 3))),
        (499, 1)
    );
    for Exchange { response, .. } in &exchanges {
        confidence(response);
        recall(response, 3);
        repair(
            response,
            Wanted {
                language: Language::Cpp,
                form: &Form::Stdio,
            },
        );
    }
}
