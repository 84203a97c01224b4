use domain::{Form, Language, Problem, Test};

use super::*;

fn function() -> Problem {
    Problem {
        statement: "def add(a, b):\n    \"\"\"Return a + b.\"\"\"\n".into(),
        form: Form::Function {
            entry_point: "add".into(),
            prompt: String::new(),
        },
        samples: vec![Test::Python {
            code: "assert add(1, 2) == 3".into(),
        }],
        ..wording::specimen()
    }
}

fn all_questions(conversation: &Conversation) -> Vec<Vec<Message>> {
    let example = Example {
        description: "Add three numbers.".into(),
        plan: "1. Add them.".into(),
    };
    let recall = Recall {
        examples: vec![example.clone()],
        algorithm: "Addition: put together.".into(),
    };
    vec![
        conversation.recall(3).unwrap(),
        conversation.plan(&recall, Some(&example), 1, 3).unwrap(),
        conversation.plan(&recall, None, 2, 3).unwrap(),
        conversation.confidence("1. Add a and b.").unwrap(),
        conversation
            .code(Some(&recall), Some("1. Add a and b."))
            .unwrap(),
        conversation.code(None, None).unwrap(),
        conversation
            .repair("1. Add a and b.", "print(1)\n", "It passes 0 of 1 tests.")
            .unwrap(),
    ]
}

#[test]
fn every_prompt_reads_well() {
    let prompts = Prompts::built_in();
    for (name, problem, language) in [
        ("function", function(), Language::Python),
        ("stdio", wording::specimen(), Language::Cpp),
    ] {
        let conversation = prompts.open(&problem, language).unwrap();
        let questions = all_questions(&conversation);
        let beginning = format!(
            "{}\n\n{}",
            conversation.system.trim(),
            conversation.beginning.trim()
        );
        let parts: String = questions
            .iter()
            .map(|messages| {
                messages[1]
                    .content
                    .strip_prefix(conversation.beginning.trim_end())
                    .unwrap()
            })
            .collect::<Vec<_>>()
            .join("\n\n=========\n");
        insta::assert_snapshot!(name, format!("{beginning}\n\n=========\n{parts}"));
    }
}

#[test]
fn all_calls_about_a_problem_share_their_beginning() {
    let prompts = Prompts::built_in();
    for problem in [function(), wording::specimen()] {
        let conversation = prompts.open(&problem, Language::Python).unwrap();
        let questions = all_questions(&conversation);
        let shared = conversation.beginning.trim_end();
        assert!(shared.contains(problem.statement.trim()) && shared.contains("## Samples"));
        for messages in &questions {
            assert_eq!(messages[0], questions[0][0], "the system line is the same");
            assert!(
                messages[1]
                    .content
                    .as_bytes()
                    .starts_with(shared.as_bytes())
            );
            assert!(
                messages[1].content[shared.len()..].contains("# Your part"),
                "the role comes last"
            );
        }
    }
}

#[test]
fn statements_are_not_templates() {
    let statement = "Print {{ x }} and {% if %} & <b>.";
    let problem = Problem {
        statement: statement.into(),
        ..wording::specimen()
    };
    let prompts = Prompts::built_in();
    let messages = prompts
        .open(&problem, Language::Python)
        .unwrap()
        .recall(1)
        .unwrap();
    assert!(messages[1].content.contains(statement));
}

#[test]
fn a_folder_replaces_prompts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("code.md"), "Just write {{ wanted }}.").unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not a prompt").unwrap();
    let prompts = Prompts::from_folder(folder.path()).unwrap();
    let problem = wording::specimen();
    let messages = prompts
        .open(&problem, Language::Python)
        .unwrap()
        .code(None, None)
        .unwrap();
    assert!(messages[1].content.ends_with(
        "Just write a Python 3 program that reads standard input and writes standard output."
    ));
    assert_ne!(prompts.digest(), Prompts::built_in().digest());
}

#[test]
fn mistakes_in_a_folder_are_met_before_the_first_call() {
    let check = |file: &str, text: &str, expect: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(file), text).unwrap();
        let error = Prompts::from_folder(folder.path())
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains(expect), "{error}");
    };
    check("code.md", "{{ plann }}", "fill the prompt `code`");
    check("plan.md", "{% if %}", "fill the prompt `plan`");
    check("coder.md", "x", "expected one of system.md, problem.md");
    let missing = Prompts::from_folder(Path::new("no/such/folder"))
        .err()
        .unwrap();
    assert!(
        missing
            .to_string()
            .starts_with("read the prompt no/such/folder")
    );
}
