use super::*;

fn text(without: &[&str], end: &str, then: &str) -> Part {
    Part {
        body: Body::Text {
            without: without.iter().map(|word| word.to_string()).collect(),
        },
        end: end.to_string(),
        then: then.to_string(),
    }
}

fn repair() -> Shape {
    let code = Part {
        body: Body::Code {
            without: vec!["<think".to_string()],
        },
        end: FENCE.to_string(),
        then: String::new(),
    };
    Shape {
        opening: "<plan>".to_string(),
        parts: vec![text(&[FENCE], "</plan>", "\n```python\n"), code],
    }
}

fn score() -> Shape {
    let number = Part {
        body: Body::Number { most: 100 },
        end: "</confidence>".to_string(),
        then: String::new(),
    };
    Shape {
        opening: "<why>".to_string(),
        parts: vec![text(&[], "</why>", "<confidence>"), number],
    }
}

fn check(shape: &Shape, accepted: &[impl AsRef<str>], refused: &[impl AsRef<str>]) {
    for reply in accepted.iter().map(AsRef::as_ref) {
        assert!(shape.accepts(reply), "{reply:?}");
        // Each of its beginnings can be completed, by nothing when it is whole.
        for (at, _) in reply.char_indices() {
            let completion = shape.completion(&reply[..at]);
            let whole = format!("{}{completion}", &reply[..at]);
            assert!(shape.accepts(&whole), "{:?} + {completion:?}", &reply[..at]);
        }
        assert_eq!(shape.completion(reply), "", "{reply:?}");
    }
    for reply in refused.iter().map(AsRef::as_ref) {
        assert!(!shape.accepts(reply), "{reply:?}");
    }
}

#[test]
fn a_repair_is_a_plan_and_code() {
    check(
        &repair(),
        &[
            "<plan>1. a\n</plan>\n```python\nx = 1\n```",
            "<plan>a < b > c </pla</plan>\n```python\n\n  f()\r\n  ```",
            "<plan>a</plan>\n```python\nprint('```')\ns = \"````text\"\n```",
            "<plan>é</plan>\n```python\n`x` ``\n\n```",
        ],
        &[
            "",
            "<plan> </plan>\n```python\nx\n```",
            "<plan>a</plan>\n```python\n\n```",
            "<plan>a</plan>\n```python\nx```",
            "<plan>a</plan>\n```python\nx\n```\n",
            "<plan>a</plan>\n```python\ns = '```\n```",
            "<plan>a</plan>\n```python\ns = '```\u{a0}\n```",
            "<plan>a</plan>\n```python\nx = ```y\n```",
            "<plan>a</plan>\n```python\nx <think\n```",
            "<plan>a</plan>\n```python\nx\n\u{a0}```",
            "<plan>a```</plan>\n```python\nx\n```",
            "<plan>a</plan>\n```cpp\nx\n```",
            " <plan>a</plan>\n```python\nx\n```",
        ],
    );
}

#[test]
fn a_number_is_plain_and_within_bounds() {
    let with = |number: &str| format!("<why>a</why><confidence>{number}</confidence>");
    check(
        &score(),
        &["0", "7", "10", "99", "100"].map(with),
        &["", "101", "007", "-1", "+1", "1.0", " 1", "9e1"].map(with),
    );
}

#[test]
fn completions_are_short_and_keep_what_is_there() {
    for (beginning, completion) in [
        ("", "<plan>-</plan>\n```python\n-\n```"),
        ("<plan>1. a", "</plan>\n```python\n-\n```"),
        ("<plan>1. a</pl", "</plan>\n```python\n-\n```"),
        ("<plan>a</plan>\n```py", "thon\n-\n```"),
        ("<plan>a</plan>\n```python\nx", "\n```"),
        ("<plan>a</plan>\n```python\nx\n", "```"),
        ("<plan>a</plan>\n```python\nx\n  ``", "\n```"),
        ("<plan>a</plan>\n```python\ns = '``` ", "-\n```"),
        ("<plan>a</plan>\n```python\nx\n  ```", ""),
    ] {
        let found = repair().completion(beginning);
        assert_eq!(found, completion, "{beginning:?}");
    }
    assert_eq!(
        score().completion("<why>a</why><con"),
        "fidence>0</confidence>"
    );
    assert_eq!(
        score().completion("<why>a</why><confidence>10"),
        "</confidence>"
    );
}
