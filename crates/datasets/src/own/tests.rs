use std::time::Duration;

use domain::{Form, Task, Test};
use proptest::prelude::*;

use super::*;

fn markdown(text: &str) -> Result<Task, String> {
    markdown_entry(text, "sum.md")
        .map(|entry| entry.task)
        .map_err(|error| error.to_string())
}

fn json(text: &str) -> Result<Vec<Task>, String> {
    let entries = json_entries(text, "sum.json").map_err(|error| error.to_string())?;
    Ok(entries.into_iter().map(|entry| entry.task).collect())
}

fn stdio(input: &str, expected: &[&str]) -> Test {
    Test::Stdio {
        input: input.to_string(),
        expected: expected.iter().map(|text| text.to_string()).collect(),
    }
}

fn python(code: &str) -> Test {
    Test::Python {
        code: code.to_string(),
    }
}

const SUM: &str = "\
# Sum

Print the sum.

```
code that belongs to the statement
```

## Samples

### Sample 1

```input
1 2
```
```output
3
```

~~~~input
5
``` still the input
~~~~

~~~output
5
~~~

~~~output
five
~~~

## Input format

Two numbers.

## Tests

Nobody sees this.

```input
```
```output
0
```

## Limits

- time: 500 ms
- memory: 1 GB

## Details

- difficulty: easy
- tags: arithmetic, first steps
";

#[test]
fn a_program_in_markdown() {
    let task = markdown(SUM).unwrap();
    let problem = &task.problem;
    assert_eq!(problem.id, "sum");
    assert_eq!(
        problem.statement,
        "# Sum\n\nPrint the sum.\n\n```\ncode that belongs to the statement\n```\n\n## Input format\n\nTwo numbers.\n"
    );
    assert_eq!(problem.form, Form::Stdio);
    assert_eq!(
        problem.samples,
        [
            stdio("1 2\n", &["3\n"]),
            stdio("5\n``` still the input\n", &["5\n", "five\n"])
        ]
    );
    assert_eq!(task.hidden.reveal(), [stdio("", &["0\n"])]);
    assert_eq!(problem.limits.cpu, Duration::from_millis(500));
    assert_eq!(problem.limits.memory_bytes, 1 << 30);
    assert_eq!(problem.difficulty.as_deref(), Some("easy"));
    assert_eq!(problem.tags, ["arithmetic", "first steps"]);
}

#[test]
fn line_ends_and_byte_order_marks_change_nothing() {
    let windows = format!("\u{feff}{}", SUM.replace('\n', "\r\n"));
    assert_eq!(markdown(&windows), markdown(SUM));
}

const DOUBLE: &str = "\
# Double

## Function

```python
from typing import List

def helper():
    pass

def double(xs: List[int]) -> List[int]:
    \"\"\"Twice each.\"\"\"
```

## Samples

```python
assert double([1]) == [2]
assert double([1,
  2]) == [
  2, 4,
]
```

## Tests

```python
xs = [1]
assert double(xs) == [2]
assert xs == [1]
```
";

#[test]
fn a_function_in_markdown() {
    let task = markdown(DOUBLE).unwrap();
    let Form::Function {
        entry_point,
        prompt,
    } = &task.problem.form
    else {
        panic!("a function is wanted");
    };
    assert_eq!(entry_point, "double");
    assert!(prompt.starts_with("from typing import List\n"));
    assert!(task.problem.statement.contains("```python\nfrom typing"));
    assert_eq!(
        task.problem.samples,
        [
            python("assert double([1]) == [2]"),
            python("assert double([1,\n  2]) == [\n  2, 4,\n]")
        ]
    );
    assert_eq!(
        task.hidden.reveal(),
        [python(
            "xs = [1]\nassert double(xs) == [2]\nassert xs == [1]"
        )]
    );
}

#[test]
fn faults_in_markdown_say_where_and_what_to_do() {
    let check = |text: &str, expect: &str| assert_eq!(markdown(text).unwrap_err(), expect);
    check(
        "text",
        "read sum.md, line 1: the title is missing; begin the file with `# Title`",
    );
    check(
        "# A\n## Samples\n```input\n1\n",
        "read sum.md, line 3: the block that begins here is never closed; end it with ```",
    );
    check(
        "# A\n## Samples\n```input\n1\n```\n```input\n2\n```\n",
        "read sum.md, line 6: the `input` block before this one has no `output` block; add one",
    );
    check(
        "# A\n## Samples\n```input\n1\n```\n",
        "read sum.md, line 5: the last `input` block has no `output` block after it; add one",
    );
    check(
        "# A\n## Samples\n```output\n1\n```\n",
        "read sum.md, line 3: this `output` block has no `input` block before it; add one",
    );
    check(
        "# A\n## Samples\n```sh\n1\n```\n",
        "read sum.md, line 3: a block with the tag `sh` is no test; use the tags `input` and `output`, or `python` for asserts",
    );
    check(
        "# A\n## Samples\n```python\nassert f(1)\n```\n",
        "read sum.md: sample 1: an assert needs a function; give its head, or use `input` and `output`",
    );
    check(
        "# A\n## Limits\n- time: soon\n",
        "read sum.md, line 3: `soon` is no time; write it like `2 s` or `500 ms`",
    );
    check(
        "# A\n## Limits\n- time: 0 s\n",
        "read sum.md, line 3: a time limit of 0 s is out of range; give more than 0 and at most 3600 s",
    );
    check(
        "# A\n## Limits\n- disk: 1 GB\n",
        "read sum.md, line 3: unknown limit `disk`; known are `time` and `memory`",
    );
    check(
        "# A\n## Function\n```python\nx = 1\n```\n",
        "read sum.md, line 3: the function's head is missing; write `def name(parameters):` at the left margin",
    );
    let both = DOUBLE.replace(
        "```python\nassert",
        "```input\n```\n```output\n```\n```python\nassert",
    );
    check(
        &both,
        "read sum.md: sample 1: this problem asks for a function, so its tests are asserts, not `input` and `output`",
    );
}

#[test]
fn json_holds_the_same_content() {
    let text = r#"{"title": "Sum", "statement": "Print.", "samples": [{"input": "1 2\n", "output": "3\n"}],
        "tests": [{"input": "", "outputs": ["0", "-0"]}], "limits": {"time_seconds": 0.5, "memory_mib": 64}}"#;
    let task = &json(text).unwrap()[0];
    assert_eq!(task.problem.id, "sum");
    assert_eq!(task.problem.statement, "# Sum\n\nPrint.\n");
    assert_eq!(task.problem.samples, [stdio("1 2\n", &["3\n"])]);
    assert_eq!(task.hidden.reveal(), [stdio("", &["0", "-0"])]);
    assert_eq!(task.problem.limits.cpu, Duration::from_millis(500));
    let two = json(&format!("[{text}, {text}]")).unwrap();
    assert_eq!(two[1].problem.id, "sum/2");
}

#[test]
fn faults_in_json_say_where_and_what() {
    let check = |text: &str, expect: &str| {
        let message = json(text).unwrap_err();
        assert!(message.starts_with(expect), "{message}");
    };
    check(
        "{\n\"title\": \"A\",\n\"limit\": 1}",
        "read sum.json, line 3: unknown field `limit`, expected one of `id`",
    );
    check(
        "{\"title\": \"A\"}",
        "read sum.json, line 1: missing field `statement`",
    );
    check("", "read sum.json, line 1: EOF");
    check(
        r#"{"title": "A", "statement": "", "samples": [{"input": ""}]}"#,
        "read sum.json: sample 1: the `input` has no `output`; add it",
    );
    check(
        r#"[{"title": "A", "statement": ""}, {"title": "A", "statement": "", "tests": [{}]}]"#,
        "read sum.json: problem 2: test 1: it is empty",
    );
}

fn own_test() -> impl Strategy<Value = OwnTest> {
    let text = proptest::option::of(".{0,8}");
    (
        text.clone(),
        text.clone(),
        proptest::collection::vec(".{0,4}", 0..3),
        text,
    )
        .prop_map(|(input, output, outputs, assert)| OwnTest {
            input,
            output,
            outputs,
            assert,
        })
}

prop_compose! {
    fn own_problem()(
        id in proptest::option::of(".{0,8}"),
        title in ".{0,8}",
        statement in ".{0,20}",
        function in proptest::option::of((".{0,5}", ".{0,9}").prop_map(|(name, prompt)| OwnFunction { name, prompt })),
        samples in proptest::collection::vec(own_test(), 0..3),
        tests in proptest::collection::vec(own_test(), 0..3),
        time_seconds in proptest::option::of((1..100_000u32).prop_map(|millis| f64::from(millis) / 1000.0)),
        memory_mib in proptest::option::of(0..10_000u64),
        difficulty in proptest::option::of(".{0,5}"),
        tags in proptest::collection::vec(".{0,5}", 0..3),
    ) -> OwnProblem {
        OwnProblem { id, title, statement, function, samples, tests, limits: OwnLimits { time_seconds, memory_mib }, difficulty, tags }
    }
}

proptest! {
    #[test]
    fn json_survives_a_round_trip(problem in own_problem()) {
        let text = serde_json::to_string_pretty(&problem).unwrap();
        prop_assert_eq!(json::problems(&text).unwrap(), vec![problem]);
    }

    #[test]
    fn any_markdown_is_a_problem_or_a_fault_in_a_line_that_exists(
        text in r#"(# A|## Samples|## Tests|## Function|## Limits|## Details|```|~~~~|```input|```output|```python|- time: |[0-9] s|def f\(\):|assert f\(1\)|\n|\r\n| |é|:|-){0,40}"#
    ) {
        if let Err(error) = markdown_entry(&text, "a.md") {
            let n_lines = text.lines().count().max(1);
            prop_assert!(error.line.is_none_or(|line| (1..=n_lines).contains(&line)), "{error}");
        }
    }

    #[test]
    fn any_json_is_read_without_panic(text in r#"[\[\]\{\}",:a-z0-9\\ \n]{0,60}"#) {
        let _ = json_entries(&text, "a.json");
        let _ = row_entry(&text, "a.jsonl", 1);
    }

    #[test]
    fn what_markdown_shows_is_what_the_tests_hold(input in "([0-9a-z ]{0,6}\n){0,4}", output in "([0-9a-z ]{0,6}\n){0,4}") {
        let text = format!("# A\n\n## Samples\n\n```input\n{input}```\n```output\n{output}```\n");
        let task = markdown(&text).unwrap();
        prop_assert_eq!(task.problem.samples, vec![stdio(&input, &[&output])]);
    }
}
