use agents::contract::{Example as Similar, Recall};
use agents::{Contract, Prompts};
use datasets::Answers;
use distill::{Example, Source, Tally, examples};
use domain::{Digest, Language};

use crate::school::{SECRET, import_with, imported, lesson};

fn of<'a>(examples: &'a [Example], contract: Contract, problem: &str) -> Vec<&'a Example> {
    let all = examples.iter();
    all.filter(|one| one.contract == contract && one.problem == problem)
        .collect()
}

#[test]
fn exchanges_become_replies_of_our_agents() {
    let folder = tempfile::tempdir().unwrap();
    let lesson = lesson();
    let task = lesson.set.tasks[0].clone();
    let imported = imported(lesson, &folder.path().join("ledger.db"), &[1]);
    let tally = &imported.tally;
    for (name, n) in [
        ("exchanges", 17),
        ("no exchange: the line is not of the log's form", 1),
        ("exchange left out: held out", 1),
        (
            "exchange left out: no problem of the data sets has its statement",
            1,
        ),
        ("exchange left out: no knowledge base in the reply", 1),
        ("exchange left out: no program in the reply", 1),
        ("exchange left out: the program is the one before", 1),
        ("problem left out: held out", 1),
        ("problems to train on", 3),
        ("problems that the teacher solved with a plan", 2),
        ("published solution used", 2),
        ("published solution without a trace: it fails", 1),
    ] {
        assert_eq!(tally.of(name), n, "{name}\n{tally}");
    }
    let mut left_out = Tally::default();
    let examples = examples(&imported.traces, &mut left_out);

    let recall = of(&examples, Contract::Recall, "MBPP/901");
    let similar = Similar {
        description: "Write a function to find four times a whole number.".into(),
        plan: "1. Read the number\n2. Multiply it by four".into(),
    };
    let expect = format!(
        "<example>\n<description>{}</description>\n<plan>\n{}\n</plan>\n</example>\n\
         <algorithm>Product: Multiply once.</algorithm>",
        similar.description, similar.plan
    );
    assert_eq!(recall[0].reply, expect);

    // What the student is asked is what our own prompts ask.
    let prompts = Prompts::built_in();
    let conversation = prompts.open(&task.problem, Language::Python).unwrap();
    assert_eq!(recall[0].messages, conversation.recall(1).unwrap());
    let recalled = Recall {
        examples: vec![similar],
        algorithm: "Product: Multiply once.".into(),
    };
    let steps = "1. Take the number.\n2. Multiply it.";
    let plan = of(&examples, Contract::Plan, "MBPP/901");
    let asked = conversation.plan(&recalled, recalled.examples.first(), 1, 1);
    assert_eq!(plan[0].messages, asked.unwrap());
    assert_eq!(plan[0].reply, format!("<plan>\n{steps}\n</plan>"));
    let code = of(&examples, Contract::Code, "MBPP/901");
    let asked = conversation.code(Some(&recalled), Some(steps)).unwrap();
    assert_eq!(code[0].messages, asked);
    assert_eq!(
        code[0].reply,
        "```python\ndef triple(n):\n    return n * 3\n```"
    );
    // The published solution, without a plan and with the teacher's.
    assert_eq!(code[1].messages, conversation.code(None, None).unwrap());
    assert_eq!(code[2].messages, code[0].messages);
    assert_eq!(
        code[2].reply,
        "```python\ndef triple(n):\n    return 3 * n\n```"
    );
    assert_eq!(code.len(), 3);
}

#[test]
fn the_outcome_decides_on_the_confidence() {
    let folder = tempfile::tempdir().unwrap();
    let imported = imported(lesson(), &folder.path().join("ledger.db"), &[1]);
    let examples = examples(&imported.traces, &mut Tally::default());
    let reply = |problem: &str| {
        of(&examples, Contract::Confidence, problem)[0]
            .reply
            .clone()
    };
    let passed = "<explanation>From \"Take the number\" to \"Multiply it\", the steps give what the problem asks for.\
                  </explanation>\n<confidence>95</confidence>";
    assert_eq!(reply("MBPP/901"), passed);
    let doubted = "<explanation>The plan forgets negative numbers.</explanation>\n<confidence>70</confidence>";
    assert_eq!(reply("MBPP/902"), doubted);
    let failed = "<explanation>From \"Take the number\" to \"Multiply it\", the steps do not give what the problem asks \
                  for.</explanation>\n<confidence>30</confidence>";
    assert_eq!(reply("MBPP/903"), failed);
}

#[test]
fn a_repair_shows_the_judge_s_own_report() {
    let folder = tempfile::tempdir().unwrap();
    let imported = imported(lesson(), &folder.path().join("ledger.db"), &[1]);
    let mut left_out = Tally::default();
    let examples = examples(&imported.traces, &mut left_out);
    let repairs = of(&examples, Contract::Repair, "MBPP/902");
    let question = &repairs[0].messages[1].content;
    assert!(question.contains("return 5 * n"));
    assert!(question.contains("Test 1 of 1: wrong answer"), "{question}");
    assert!(
        question.contains("The function returned:\n    10"),
        "{question}"
    );
    let expect = "<plan>\n1. Read the number\n2. Multiply it by four\n</plan>\n```python\n\
                  def fourfold(n):\n    return n + n + n + n\n```";
    assert_eq!((repairs.len(), repairs[0].reply.as_str()), (1, expect));
    // The third problem was never solved: nothing but its check teaches.
    let of_third: Vec<Contract> = examples
        .iter()
        .filter(|one| one.problem == "MBPP/903")
        .map(|one| one.contract)
        .collect();
    assert_eq!(of_third, [Contract::Confidence]);
    assert_eq!(left_out.of("coding: left out: the program fails"), 2);
}

#[test]
fn published_wrong_answers_are_led_to_the_nearest_right_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.jsonl");
    let answers = [
        r#"{"task_id": "MBPP/901", "code": "def triple(n):\n    return n * 33", "is_solved": false}"#,
        r#"{"task_id": "MBPP/901", "code": "def triple(n):\n    return n ** 2 + 2", "is_solved": false}"#,
        r#"{"task_id": "MBPP/901", "code": "def triple(n):\n    return n ** 2 + 2 if n == 2 else n", "is_solved": false}"#,
        r#"{"task_id": "MBPP/903", "code": "def vowels(word):\n    return 9", "is_solved": false}"#,
        r#"{"task_id": "MBPP/904", "code": "def zebras(a):\n    return 9", "is_solved": false}"#,
    ];
    std::fs::write(&file, answers.join("\n")).unwrap();
    let read: Answers = datasets::load_answers(&file).unwrap();
    let mut lesson = lesson();
    lesson.answers = vec![("answers.jsonl".into(), Digest::of("answers"), read)];
    let imported = imported(lesson, &folder.path().join("ledger.db"), &[1]);
    let tally = &imported.tally;
    for (name, n) in [
        ("published answers", 5),
        ("published answer left out: its problem is left out", 1),
        ("published answer used", 1),
        (
            "published answer without a trace: it is wrong, and passes the samples",
            2,
        ),
        (
            "published answer left out: the teacher has no plan that passes",
            1,
        ),
    ] {
        assert_eq!(tally.of(name), n, "{name}\n{tally}");
    }
    let examples = examples(&imported.traces, &mut Tally::default());
    let repairs = of(&examples, Contract::Repair, "MBPP/901");
    assert_eq!(repairs.len(), 1);
    // Not the reference, `3 * n`: the teacher's `n * 3` is nearer to `n * 33`.
    assert!(repairs[0].reply.contains("return n * 3\n"));
}

#[test]
fn programs_are_broken_on_purpose_and_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let imported = import_with(lesson(), &folder.path().join("ledger.db"), &[1], 1);
    assert_eq!(imported.tally.of("programs broken on purpose"), 2);
    let examples = examples(&imported.traces, &mut Tally::default());
    let broken: Vec<&Example> = examples
        .iter()
        .filter(|one| matches!(one.source, Source::Broken { .. }))
        .collect();
    // What was broken teaches to repair, and never to write it so.
    let told: Vec<(Contract, &str)> = broken
        .iter()
        .map(|one| (one.contract, one.problem.as_str()))
        .collect();
    let expect = [
        (Contract::Repair, "MBPP/901"),
        (Contract::Repair, "MBPP/902"),
    ];
    assert_eq!(told, expect);
    assert!(broken[0].reply.contains("return n * 3\n"));
    assert!(
        broken[0].messages[1]
            .content
            .contains("Test 1 of 1: wrong answer")
    );
}

#[test]
fn nothing_of_a_held_out_problem_is_in_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let imported = imported(lesson(), &folder.path().join("ledger.db"), &[1, 3]);
    let text = serde_json::to_string(&imported.traces).unwrap();
    assert!(!text.contains("zebra") && !text.contains(SECRET));
    assert!(text.contains("vowels"));
    // Only one other problem is solved, so that three cannot be recalled.
    let reason = "exchange left out: too few problems are solved to recall";
    assert_eq!(imported.tally.of(reason), 2);
}
