use domain::{Form, Language, Limits, Problem};

use super::assemble;

const PROMPT: &str = "import math\n\n\ndef helper(x):\n    return x\n\n\ndef f(x: int) -> int:\n    \"\"\"Twice x.\"\"\"\n";

fn check(prompt: &str, source: &str, expect: &str) {
    let problem = Problem {
        id: "f".into(),
        statement: prompt.into(),
        form: Form::Function {
            entry_point: "f".into(),
            prompt: prompt.into(),
        },
        samples: Vec::new(),
        limits: Limits::default(),
        difficulty: None,
        tags: Vec::new(),
    };
    assert_eq!(assemble(&problem, Language::Python, source).source, expect);
}

#[test]
fn imports_and_helpers_of_the_statement_come_first() {
    check(
        PROMPT,
        "def f(x):\n    return 2 * x",
        "import math\n\n\ndef helper(x):\n    return x\n\n\ndef f(x):\n    return 2 * x\n",
    );
}

#[test]
fn a_body_is_put_under_its_head() {
    check(
        PROMPT,
        "    return 2 * x\n",
        &format!("{PROMPT}    return 2 * x\n"),
    );
}

#[test]
fn other_sources_stay_as_they_are() {
    check(
        "",
        "def f(x):\n    return x\n\n\n",
        "def f(x):\n    return x\n",
    );
    check(
        PROMPT,
        "def g(x):\n    return x\n",
        "def g(x):\n    return x\n",
    );
}
