//! `distill` from the command line: problems to hold out, an import, an export, and its verification.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};

use serde_json::{Value, json};

use crate::world::{World, files_below};

/// What kills a program whose file grows beyond its limit.
const SIGXFSZ: i32 = 25;

const ROWS: &str = r#"{"task_id": 901, "text": "Write a function to find three times a whole number.", "code": "def triple(n):\n    return 3 * n", "test_list": ["assert triple(2) == 6", "assert triple(-1) == -3"]}
{"task_id": 902, "text": "Write a function to find four times a whole number.", "code": "def fourfold(n):\n    return 4 * n", "test_list": ["assert fourfold(2) == 8"]}
{"task_id": 903, "text": "Write a function to count the vowels of a word.", "code": "def vowels(word):\n    return sum(c in 'aeiou' for c in word)", "test_list": ["assert vowels('tree') == 2"]}
"#;

fn world() -> World {
    let world = World::new();
    world.write("project/rows.jsonl", ROWS);
    let exchange = |seq: u64, id: &str, stage: &str, response: &str| {
        let asked = json!([{"role": "user", "content": "Problem description:\nwork"}]);
        json!({"run": "teacher", "task_id": id, "seq": seq, "stage": stage, "messages": asked, "response": response})
            .to_string()
    };
    let knowledge = "<knowledge_base><algorithm>Multiply once</algorithm></knowledge_base>";
    let plan = "<plan>1. Take the number.\n2. Multiply it.</plan>";
    let log = [
        exchange(1, "MBPP/901", "retrieval", knowledge),
        exchange(2, "MBPP/901", "planning", plan),
        exchange(3, "MBPP/901", "plan_verification", "CORRECT"),
        exchange(
            4,
            "MBPP/901",
            "coding",
            "```python\ndef triple(n):\n    return n * 3\n```",
        ),
        exchange(5, "MBPP/902", "retrieval", knowledge),
        exchange(6, "MBPP/902", "planning", plan),
        exchange(
            7,
            "MBPP/902",
            "coding",
            "```python\ndef fourfold(n):\n    return 4 * n\n```",
        ),
    ];
    world.write("project/log.jsonl", &log.join("\n"));
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/reference/tiny-llama");
    for entry in from.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let to = world.write(&format!("project/tiny-llama/{name}"), "");
        std::fs::copy(path, to).unwrap();
    }
    world
}

#[test]
fn exchanges_become_example_sets_that_verify() {
    let world = world();
    let run = |arguments: &str| {
        let words: Vec<&str> = arguments.split_whitespace().collect();
        world.run(&[&["distill"], &words[..]].concat())
    };
    let held = run("hold-out --data rows.jsonl --log log.jsonl -o held.jsonl");
    assert_eq!(held.code, Some(0), "{}", held.stderr);
    let rows = std::fs::read_to_string(world.path("project/held.jsonl")).unwrap();
    assert_eq!(rows, ROWS.split_inclusive('\n').next_back().unwrap());

    let import = "import --json --log log.jsonl --data rows.jsonl --hold-out held.jsonl -k 1 -o traces.jsonl";
    let imported = run(import);
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    let line: Value = serde_json::from_str(&imported.stdout).unwrap();
    assert_eq!(line["counts"]["programs broken on purpose"], 6, "{line}");
    assert_eq!(line["counts"]["problem left out: held out"], 1, "{line}");

    // What it recorded are judgings, which are no results.
    let viewed = world.run(&["view"]);
    assert_eq!(viewed.code, Some(2), "{}", viewed.stderr);
    assert!(
        viewed
            .stderr
            .contains("holds judgings of published programs, and no results of problems"),
        "{}",
        viewed.stderr
    );

    let export = "export traces.jsonl --evaluation held.jsonl --model ./tiny-llama --max-tokens 0 -o sets --json";
    let exported = run(export);
    assert_eq!(exported.code, Some(0), "{}", exported.stderr);
    let line: Value = serde_json::from_str(&exported.stdout).unwrap();
    assert_eq!(line["agents"]["retrieval"]["n_examples"], 2, "{line}");
    assert_eq!(line["contaminated"], 0);
    let card = std::fs::read(world.path("project/sets/card.json")).unwrap();
    assert_eq!(run(export).code, Some(0));
    assert_eq!(
        std::fs::read(world.path("project/sets/card.json")).unwrap(),
        card
    );

    let verified = run("verify sets --data rows.jsonl");
    assert_eq!(
        (verified.code, verified.stderr.as_str()),
        (Some(0), ""),
        "{}",
        verified.stdout
    );
    assert!(
        verified.stdout.ends_with(" 0 faults\n"),
        "{}",
        verified.stdout
    );

    // Evaluated on what was learned: everything is dropped, or kept and refused by the gate.
    let too_late = export.replace("--evaluation held", "--evaluation rows");
    assert_eq!(run(&too_late).code, Some(4));
    let kept = run(&(too_late + " --keep-contaminated"));
    assert_eq!(kept.code, Some(100), "{}", kept.stderr);
}

const IMPORT: [&str; 16] = [
    "distill",
    "import",
    "--log",
    "log.jsonl",
    "--data",
    "rows.jsonl",
    "-k",
    "1",
    "-k",
    "3",
    "--broken",
    "6",
    "-o",
    "traces.jsonl",
    "--verbose",
    "--json",
];

/// The program may write no file longer than so many blocks of 512 bytes: one more byte kills it.
fn run_limited(world: &World, n_blocks: u64, arguments: &[&str]) -> ExitStatus {
    let own = world.command(arguments);
    let limit = format!("ulimit -c 0; ulimit -f {n_blocks}; exec \"$0\" \"$@\"");
    let environment = own
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let output = Command::new("sh")
        .args(["-c", &limit])
        .arg(own.get_program())
        .args(own.get_args())
        .env_clear()
        .envs(environment)
        .current_dir(own.get_current_dir().unwrap())
        .output();
    output.unwrap().status
}

/// The bytes of a folder's files.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| (name.clone(), std::fs::read(folder.join(name)).unwrap());
    files_below(folder).into_iter().map(read).collect()
}

#[test]
fn a_killed_import_goes_on_and_ends_with_the_same_bytes() {
    let (whole, killed) = (world(), world());
    let outcome = whole.run(&IMPORT);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let n_judged = outcome.stderr.matches(" programs judged\n").count();
    assert!(n_judged > 10, "{}", outcome.stderr);
    for n_programs in [1, n_judged / 2, n_judged - 1] {
        let mut n_seen = 0;
        killed.kill_when(&IMPORT, |line| {
            n_seen += usize::from(line.ends_with(" programs judged"));
            n_seen == n_programs
        });
        assert!(!killed.path("project/traces.jsonl").exists());
    }
    let last = killed.run(&IMPORT);
    assert_eq!(
        (last.code, &last.stdout),
        (Some(0), &outcome.stdout),
        "{}",
        last.stderr
    );
    let traces =
        |world: &World| std::fs::read_to_string(world.path("project/traces.jsonl")).unwrap();
    // Questions for repairs tell how long a test took, which no two records share.
    assert_eq!(
        without_times(&traces(&killed)),
        without_times(&traces(&whole))
    );
    let first = traces(&killed);
    assert_eq!(killed.run(&IMPORT).code, Some(0));
    assert!(traces(&killed) == first);
}

/// A text without its numbers of milliseconds.
fn without_times(text: &str) -> String {
    let parts: Vec<&str> = text.split(" ms").collect();
    let (last, before) = parts.split_last().unwrap();
    let numbers = |part: &&str| {
        part.trim_end_matches(|c: char| c.is_ascii_digit())
            .to_string()
    };
    before
        .iter()
        .map(numbers)
        .chain([last.to_string()])
        .collect()
}

#[test]
fn a_killed_export_leaves_all_or_nothing() {
    let world = world();
    assert_eq!(world.run(&IMPORT).code, Some(0));
    let export = |folder: &'static str| {
        let model = ["--model", "./tiny-llama", "--max-tokens", "0"];
        [
            &["distill", "export", "traces.jsonl", "-o", folder],
            &model[..],
        ]
        .concat()
    };
    let (first, second) = (export("first"), export("second"));
    assert_eq!(world.run(&first).code, Some(0));
    let folder = world.path("project/first");
    let whole = contents(&folder);
    // In the middle of each file that is longer than those before it.
    let mut limits: Vec<u64> = whole
        .iter()
        .map(|(_, bytes)| bytes.len() as u64 / 1024)
        .collect();
    limits.sort_unstable();
    limits.dedup();
    assert!(limits.len() > 3, "{limits:?}");
    for limit in limits {
        let status = run_limited(&world, limit, &second);
        assert_eq!(status.signal(), Some(SIGXFSZ), "{limit} {status}");
        assert!(!world.path("project/second").exists());
    }
    // What is left of it goes when another export comes to the same place; what looks alike and is not its own stays.
    let drafts = || {
        let entries = world.path("project").read_dir().unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("second.")).count()
    };
    let n_left = drafts();
    assert!(n_left > 0);
    let alive = world.path(&format!("project/second.{}.new", std::process::id()));
    std::fs::create_dir(&alive).unwrap();
    world.write("project/second.notes.new/mine.txt", "mine");
    assert_eq!(world.run(&second).code, Some(0));
    assert!(contents(&world.path("project/second")) == whole);
    assert!(alive.exists() && world.path("project/second.notes.new/mine.txt").exists());
    assert_eq!(drafts(), 2);
    // What is there stays until another export takes its place as a whole.
    let other = [&first[..], &["--max-per-agent", "1"]].concat();
    let status = run_limited(&world, 1, &other);
    assert_eq!(status.signal(), Some(SIGXFSZ), "{status}");
    assert!(contents(&folder) == whole);
    assert_eq!(world.run(&other).code, Some(0));
    assert!(contents(&folder) != whole);
}

#[test]
fn a_wrong_name_is_one_clear_sentence() {
    let world = world();
    let arguments = [
        "distill",
        "import",
        "--data",
        "rows.jsonl",
        "--answers",
        "other=log.jsonl",
        "-o",
        "t",
    ];
    let outcome = world.run(&arguments);
    assert_eq!(outcome.code, Some(2));
    assert!(
        outcome
            .stderr
            .contains("`--answers other=...` names no data set"),
        "{}",
        outcome.stderr
    );
}
