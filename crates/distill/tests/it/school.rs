//! A small school of our own: problems in MBPP's form, and a log of exchanges about them.

use std::sync::LazyLock;

use agents::Prompts;
use datasets::{DataSet, Reference};
use distill::{HeldOut, Import, Imported, Lesson, Log, Referee, import};
use judge::Judge;
use ledger::{Ledger, RunSpec};
use serde_json::json;

pub(crate) static JUDGE: LazyLock<Judge> =
    LazyLock::new(|| Judge::start(judge::Settings::default()).unwrap());

/// Words of the statement of the problem that is held out, which no export may hold.
pub(crate) const SECRET: &str = "zebra crossings along a winding avenue";

/// Four problems; the last one is held out.
pub(crate) fn rows() -> String {
    let row = |id: u64, text: &str, code: &str, tests: [&str; 2]| {
        json!({"task_id": id, "text": text, "code": code, "test_list": tests, "test_setup_code": "",
            "challenge_test_list": []})
        .to_string()
    };
    [
        row(
            901,
            "Write a function to find three times a whole number.",
            "def triple(n):\r\n    return 3 * n",
            ["assert triple(2) == 6", "assert triple(-1) == -3"],
        ),
        row(
            902,
            "Write a function to find four times a whole number.",
            "def fourfold(n):\n    return 4 * n",
            ["assert fourfold(2) == 8", "assert fourfold(0) == 0"],
        ),
        row(
            903,
            "Write a function to count the vowels of a word.",
            "def vowels(word):\n    return len(word)",
            ["assert vowels('tree') == 2", "assert vowels('sky') == 0"],
        ),
        row(
            904,
            &format!("Write a function to count {SECRET}."),
            "def zebras(avenue):\n    return sum(part == 'z' for part in avenue)",
            ["assert zebras('azz') == 2", "assert zebras('') == 0"],
        ),
    ]
    .join("\n")
}

pub(crate) fn lesson() -> Lesson {
    let set = datasets::read("lessons.jsonl", rows().as_bytes()).unwrap();
    assert_eq!((set.tasks.len(), set.skipped.len()), (4, 0));
    let references = rows()
        .lines()
        .zip(&set.tasks)
        .map(|(row, task)| {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            Reference {
                id: task.problem.id.clone(),
                source: row["code"].as_str().unwrap().replace('\r', ""),
            }
        })
        .collect();
    Lesson {
        set,
        references,
        answers: Vec::new(),
    }
}

/// The last problem, as an evaluation set.
pub(crate) fn evaluation() -> DataSet {
    let rows = rows();
    let last = rows.lines().next_back().unwrap();
    datasets::read("evaluation.jsonl", last.as_bytes()).unwrap()
}

/// One try of the log.
pub(crate) fn exchanges(
    id: &str,
    first_seq: u64,
    problem: &str,
    stages: &[(&str, &str)],
) -> Vec<String> {
    let rows = (first_seq..).zip(stages).map(|(seq, (stage, response))| {
        json!({"run": "teacher-1", "task_id": id, "seq": seq, "stage": stage, "response": response, "messages": [
            {"role": "system", "content": "You are one of four."},
            {"role": "user", "content": format!("Problem description:\n{problem}\n\nKnowledge base:\n...")},
        ]})
        .to_string()
    });
    rows.collect()
}

/// Of the first problem, solved at once; of the second, solved after a repair, by its statement; of the third, never
/// solved; of the one that is held out; and of one that nobody knows.
pub(crate) fn log() -> Log {
    let knowledge = "```xml\n<response><knowledge_base><algorithm name=\"Product\">Multiply once</algorithm>\
                     </knowledge_base><exemplars><![CDATA[assert triple(1) == 3]]></exemplars></response>\n```";
    let plan = "<response><plan>\n  1. Take the number.\n  2. Multiply it.\n  3. Test the function with many tests.\n</plan>\
                <test_cases>x</test_cases></response>";
    let steps = "<response><plan><step>Read the number</step><step>Multiply it by four</step></plan></response>";
    let rows = [
        exchanges(
            "MBPP/901",
            10,
            "three times",
            &[
                ("retrieval", knowledge),
                ("planning", plan),
                ("plan_verification", "CORRECT"),
                ("coding", "```python3\ndef triple(n):\n    return n * 3\n```\nIt works."),
            ],
        ),
        exchanges(
            "1604",
            20,
            "Write a function to find four times a whole number. Sample Input Format: 2",
            &[
                ("retrieval", knowledge),
                ("planning", steps),
                (
                    "plan_verification",
                    "**INCORRECT**\n\nExplanation: The plan forgets negative numbers. The test cases are few.",
                ),
                ("coding", "```python\ndef fourfold(n):\n    return 5 * n\n```"),
                ("debugging", "```\npython\ndef fourfold(n):\n    return 5 * n\n```"),
                ("debugging", "```\npython\ndef fourfold(n):\n    return n + n + n + n\n```"),
            ],
        ),
        exchanges(
            "MBPP/903",
            30,
            "vowels",
            &[
                ("retrieval", "nothing"),
                ("planning", plan),
                ("plan_verification", "CORRECT"),
                ("coding", "```python\ndef vowels(word):\n    return 7\n```"),
                ("debugging", "I cannot."),
            ],
        ),
        exchanges("mbpp_904_zebras", 40, SECRET, &[("planning", plan)]),
        exchanges("x", 50, "Count the stars.", &[("planning", plan)]),
    ]
    .concat();
    Log::read("log.jsonl", &(rows.join("\n") + "\nno row\n"))
}

/// Imports all of it, for `k` problems to recall.
pub(crate) fn imported(lesson: Lesson, ledger: &std::path::Path, k: &[usize]) -> Imported {
    import_with(lesson, ledger, k, 0)
}

/// The same, with programs that are broken on purpose.
pub(crate) fn import_with(
    lesson: Lesson,
    ledger: &std::path::Path,
    k: &[usize],
    n_broken: usize,
) -> Imported {
    let ledger = Ledger::open(ledger).unwrap();
    let run = ledger
        .begin_run(&RunSpec {
            command: "test".into(),
            settings: json!({}),
        })
        .unwrap();
    let referee = Referee {
        judge: JUDGE.clone(),
        ledger,
        run,
    };
    let mut held_out = HeldOut::default();
    held_out.add(&evaluation());
    let what = Import {
        lessons: &[lesson],
        logs: &[log()],
        held_out: &held_out,
        with_noncommercial: false,
        k,
        n_broken,
        prompts: &Prompts::built_in(),
        concurrency: 4,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut last = (0, 0);
    let imported = runtime
        .block_on(import(&what, &referee, &mut |n, of| last = (n, of)))
        .unwrap();
    assert_eq!(last.0, last.1, "all programs are judged");
    imported
}
