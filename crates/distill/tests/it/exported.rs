use std::fs;
use std::path::Path;

use agents::{Contract, Format, Place};
use datasets::Reference;
use distill::verify::{Export, Verified};
use distill::{
    Card, Decontamination, Example, Header, Imported, Made, Selection, SetRef, Source, Spent, Step,
    TRACES_SCHEMA, Tally, Trace, examples, export, read_traces, select, write_traces,
};
use domain::{Agent, Digest, Language, Message, Usage};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Value, json};

use crate::school::{JUDGE, evaluation, imported, lesson};

/// Words, which are enough to measure here.
fn measure(example: &Example) -> Result<usize, std::convert::Infallible> {
    Ok(example.n_chars() / 4)
}

fn header(tally: Tally) -> Header {
    Header {
        schema: TRACES_SCHEMA.to_string(),
        prompts: Digest::of("prompts"),
        held_out: vec![SetRef::of(&evaluation())],
        distilled: Vec::new(),
        tally,
    }
}

/// The whole way from traces to a folder.
fn exported(traces: &[Trace], selection: &Selection, folder: &Path) -> Card {
    let header = header(Tally::default());
    let mut tally = Tally::default();
    let mut decontamination = Decontamination::default();
    decontamination.add(&evaluation(), &[]);
    let (clean, findings) = decontamination.divide(examples(traces, &mut tally));
    let chosen = select(clean, selection, &mut measure, &mut tally).unwrap();
    let files = export::files(&chosen, &findings).unwrap();
    let card = Card::new(&Made {
        header: &header,
        spent: Spent::of(traces),
        selection,
        tokenizer: "characters / 4",
        evaluation: &[SetRef::of(&evaluation())],
        tally: &tally,
        findings: &findings,
        contaminated_kept: false,
        chosen: &chosen,
        files: &files,
    });
    export::write(folder, &files, &card).unwrap();
    card
}

fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn verified(folder: &Path) -> Verified {
    let export = Export::read(folder).unwrap();
    let sets = [lesson().set];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime
        .block_on(export.verify(&sets, &JUDGE, 50, 0))
        .unwrap()
}

#[test]
fn the_same_record_gives_the_same_bytes_and_they_verify() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let selection = Selection::default();
    let Imported { traces, tally } = imported(lesson(), &place("ledger.db"), &[1]);
    let card = exported(&traces, &selection, &place("first"));
    let again = imported(lesson(), &place("ledger.db"), &[1]);
    assert_eq!(again.tally, tally);
    exported(&again.traces, &selection, &place("second"));
    let first = bytes(&place("first"));
    assert_eq!(first, bytes(&place("second")));

    let names: Vec<&str> = first.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), 3 * 4 + 3, "{names:?}");
    for (name, bytes) in &first {
        assert!(!String::from_utf8_lossy(bytes).contains("zebra"), "{name}");
    }
    // Of two programs that differ in the order of a product, asked for in the same words, one is kept.
    let coding = &card.agents["coding"];
    assert_eq!((coding.n_examples, coding.n_problems), (4, 2));
    assert_eq!(card.agents["debugging"].n_examples, 1);

    let found = verified(&place("first"));
    assert_eq!(found.faults, Vec::<String>::new());
    assert_eq!((found.n_judged, found.n_unknown), (5, 0));

    // An export takes the place of an earlier one, and of nothing else.
    exported(&traces, &selection, &place("first"));
    assert_eq!(first, bytes(&place("first")));
    // What processes that were killed have left is no part of it, even if one of them had the same id, and goes.
    let left = ["new", "old"].map(|ending| distill::draft(&place("first"), ending));
    for draft in &left {
        fs::create_dir(draft).unwrap();
        fs::write(draft.join("debugging.old.jsonl"), "{}").unwrap();
    }
    exported(&traces, &selection, &place("first"));
    assert_eq!(first, bytes(&place("first")));
    assert!(left.iter().all(|draft| !draft.exists()));
    fs::create_dir(place("taken")).unwrap();
    fs::write(place("taken").join("notes.txt"), "mine").unwrap();
    let refused = export::write(&place("taken"), &[], &card).unwrap_err();
    assert!(refused.to_string().contains("no `card.json`"), "{refused}");
    assert_eq!(fs::read(place("taken").join("notes.txt")).unwrap(), b"mine");
}

#[test]
fn a_changed_export_does_not_verify() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let Imported { traces, .. } = imported(lesson(), &place("ledger.db"), &[1]);
    exported(&traces, &Selection::default(), &place("sets"));
    let file = place("sets").join("coding.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("return 3 * n"));
    fs::write(&file, text.replace("return 3 * n", "return 8 * n")).unwrap();
    let faults = verified(&place("sets")).faults;
    let count = |what: &str| faults.iter().filter(|fault| fault.contains(what)).count();
    assert_eq!(
        count("not the file that the card speaks of"),
        1,
        "{faults:?}"
    );
    assert_eq!(count("its id belongs to another text"), 1, "{faults:?}");
    assert_eq!(count("its program fails"), 1, "{faults:?}");
}

#[test]
fn traces_are_read_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let Imported { traces, tally } = imported(lesson(), &folder.path().join("ledger.db"), &[1]);
    let mut file = Vec::new();
    write_traces(&mut file, &header(tally.clone()), &traces).unwrap();
    assert_eq!(read_traces(&file[..]).unwrap(), (header(tally), traces));
    let error = read_traces(&b"{}\n"[..]).unwrap_err().to_string();
    assert!(error.starts_with("read line 1 of the traces"), "{error}");
}

#[test]
fn the_parquet_files_hold_the_same_rows_as_the_lines_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let Imported { traces, .. } = imported(lesson(), &place("ledger.db"), &[1]);
    exported(&traces, &Selection::default(), &place("sets"));
    let mut n_rows = 0;
    for agent in Agent::ALL {
        let file = |ending: &str| place("sets").join(format!("{agent}.{ending}"));
        let lines = fs::read_to_string(file("jsonl")).unwrap();
        let wanted: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .map(|row: Value| {
                json!({"id": row["id"], "agent": row["agent"], "contract": row["contract"],
                    "problem": row["problem"], "set": row["set"]["name"], "licence": row["set"]["licence"],
                    "difficulty": row["difficulty"], "language": row["language"],
                    "exchange": row["exchange"], "messages": row["messages"]})
            })
            .collect();
        let reader = SerializedFileReader::new(fs::File::open(file("parquet")).unwrap()).unwrap();
        let rows = reader.get_row_iter(None).unwrap();
        let rows: Vec<Value> = rows.map(|row| row.unwrap().to_json_value()).collect();
        assert_eq!(rows, wanted);
        n_rows += rows.len();
    }
    assert!(n_rows > 8, "{n_rows}");
}

/// A trace of one plan and its program, as a supervisor's second try leaves it.
fn supervised(question: &str, reply: &str) -> Trace {
    let source = Source::Run {
        run: "0123456789ab".into(),
    };
    let program = domain::Program {
        language: Language::Python,
        source: "print(1)\n".into(),
    };
    let step = |contract, question: &str, reply: &str| Step {
        contract,
        place: Place::default(),
        plan_idx: 0,
        messages: vec![Message::user(question)],
        reply: reply.to_string(),
        format: Format::Strict,
        exchange: Digest::of(reply),
        usage: Usage::default(),
        cost: None,
        feedback: None,
        evidence: None,
    };
    Trace {
        source,
        set: SetRef::of(&evaluation()),
        problem: "sum".into(),
        difficulty: None,
        language: Language::Python,
        steps: vec![
            Step {
                feedback: Some(
                    "Sort the rows by their second column before you take the first one.".into(),
                ),
                ..step(Contract::Plan, question, reply)
            },
            Step {
                evidence: Some(distill::Evidence {
                    program,
                    n_passed: 1,
                    n_samples: 1,
                    report: String::new(),
                    solves: Some(true),
                }),
                ..step(Contract::Code, "write it", "```python\nprint(1)\n```")
            },
        ],
        solved: Some(true),
    }
}

#[test]
fn no_word_of_a_supervisor_is_taught() {
    let plan = "<plan>\n1. Sort.\n2. Take the first.\n</plan>";
    let hint = "Plan it. Hint: sort the rows by their second column before you go on.";
    for (question, reply, n_plans) in [
        ("Plan it.", plan, 1),
        (hint, plan, 0),
        (
            "Plan it.",
            "<plan>\n1. As the supervisor says.\n2. Go.\n</plan>",
            0,
        ),
        (
            "Plan it.",
            "<plan>\nsort the rows by their second column before you take the first one\n</plan>",
            0,
        ),
    ] {
        let mut tally = Tally::default();
        let taught = examples(&[supervised(question, reply)], &mut tally);
        let plans = taught.iter().filter(|one| one.contract == Contract::Plan);
        assert_eq!(plans.count(), n_plans, "{question} {reply}");
        let n_left_out = tally.of("planning: left out: a supervisor's words are in it");
        assert_eq!(n_left_out, 1 - n_plans);
        assert_eq!(taught.len(), 1 + n_plans);
    }
}

fn example(question: &str, reply: &str) -> Example {
    let trace = supervised(question, "<plan>\nx\n</plan>");
    let mut example = examples(&[trace], &mut Tally::default()).remove(0);
    example.reply = reply.to_string();
    example
}

#[test]
fn what_an_evaluation_set_holds_is_found_again() {
    let mut decontamination = Decontamination::default();
    let solution = "def zebras(avenue):\n    total = 0\n    for part in avenue:\n        if part == 'z':\n            \
                    total = total + 1\n        elif part == 'Z':\n            total = total + 2\n    return total\n";
    let reference = Reference {
        id: "MBPP/904".into(),
        source: solution.into(),
    };
    decontamination.add(&evaluation(), &[reference]);
    let kind = |question: &str, reply: &str| {
        let finding = decontamination.find(&example(question, reply));
        finding.map(|finding| finding.kind)
    };
    assert_eq!(kind("Sort it.", "Fine."), None);
    let statement = "WRITE a function to count zebra crossings,\nalong a winding avenue!";
    assert_eq!(kind(statement, "Fine.").as_deref(), Some("words"));
    assert_eq!(kind("Count crossings along an avenue.", "Fine."), None);
    let copied = format!(
        "Sure:\n```python\n# mine\n{}\n```",
        solution.replace("    ", "\t")
    );
    assert_eq!(kind("Do it.", &copied).as_deref(), Some("code"));
    let mut same = example("Do it.", "Fine.");
    same.problem = "mbpp_904_zebras".into();
    assert_eq!(decontamination.find(&same).unwrap().kind, "problem");
}

#[test]
fn what_is_kept_is_short_distinct_and_balanced() {
    let of = |problem: usize, words: usize, difficulty: &str| {
        let text: Vec<String> = (0..words).map(|n| format!("p{problem}w{n}")).collect();
        let mut one = example(&text.join(" "), "<plan>\nx\n</plan>");
        one.problem = format!("own/{problem}");
        one.difficulty = Some(difficulty.to_string());
        one
    };
    let mut all: Vec<Example> = (0..30).map(|at| of(at, 20, "easy")).collect();
    all.extend((30..33).map(|at| of(at, 22, "hard")));
    // Too long, the same again, nearly the same again.
    all.push(of(40, 4000, "hard"));
    all.push(of(0, 20, "easy"));
    let mut near = of(1, 20, "easy");
    near.messages[0].content += " more";
    all.push(near);
    let selection = Selection {
        max_per_agent: 8,
        near: 0.5,
        ..Selection::default()
    };
    let mut tally = Tally::default();
    let chosen = select(all.clone(), &selection, &mut measure, &mut tally).unwrap();
    for (name, n) in [
        ("planning: left out: too long", 1),
        ("planning: left out: the same again", 1),
        ("planning: left out: nearly the same again", 1),
        ("planning: left out: enough of its agent", 25),
        ("planning: kept", 8),
    ] {
        assert_eq!(tally.of(name), n, "{name}\n{tally}");
    }
    let hard = chosen
        .iter()
        .filter(|one| one.example.difficulty.as_deref() == Some("hard"));
    assert_eq!(hard.count(), 3);
    // The shortest of a problem are kept, and as many as may be.
    let mut of_one: Vec<Example> = (20..25)
        .map(|words| of(50 + words, words, "easy"))
        .collect();
    for one in &mut of_one {
        one.problem = "own/50".to_string();
    }
    of_one.extend((0..3).map(|at| of(at, 20, "easy")));
    let selection_of = Selection {
        max_per_problem: 2,
        ..Selection::default()
    };
    let mut tally = Tally::default();
    let kept = select(of_one, &selection_of, &mut measure, &mut tally).unwrap();
    assert_eq!(tally.of("planning: left out: enough of its problem"), 3);
    let of_problem = kept.iter().filter(|one| one.example.problem == "own/50");
    let lengths: Vec<usize> = of_problem
        .map(|one| one.example.messages[0].content.split(' ').count())
        .collect();
    assert_eq!((kept.len(), lengths.iter().sum()), (5, 20 + 21));
    // What is kept does not follow from the order in which it came.
    all.reverse();
    let again = select(all, &selection, &mut measure, &mut Tally::default()).unwrap();
    let ids = |chosen: &[distill::Measured]| -> Vec<Digest> {
        chosen.iter().map(|one| one.example.id()).collect()
    };
    assert_eq!(ids(&chosen), ids(&again));
}
