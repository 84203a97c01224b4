use proptest::prelude::*;

use super::*;

#[test]
fn literals_are_told_from_other_text() {
    for literal in [
        "1",
        "-1.5",
        "2e10",
        "1_000",
        "'a'",
        "\"a\\\"b\"",
        "'''a\nb'''",
        "r'\\d'",
        "True",
        "None",
        "[]",
        "[1, 'a', (2,)]",
        "()",
        "(1, 2)",
        "{}",
        "{'a': 1, 8: [2]}",
        "{1, 2,}",
        "[\n 1,\n 2\n]",
    ] {
        assert!(is_literal(literal), "{literal}");
    }
    for other in [
        "",
        "x",
        "f(1)",
        "1 + 2",
        "('Venus')",
        "[1, x]",
        "'open",
        "'a\nb'",
        "Trueish",
        "[1",
        "1.",
        "{'a': }",
        "1x",
        "-",
        ",",
    ] {
        assert!(!is_literal(other), "{other}");
    }
}

#[test]
fn a_full_stop_is_no_part_of_a_number() {
    assert_eq!(after_literal("16."), Some("."));
    assert_eq!(after_literal("1.5."), Some("."));
    assert_eq!(after_literal("True."), Some("."));
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    assert_eq!(after_literal(&"[".repeat(100_000)), None);
}

#[test]
fn calls_are_found_with_their_brackets() {
    let text = "my_f(1) f (2) f(')', [f(3)]) o.f(4) f(5";
    let found: Vec<&str> = calls(text, "f")
        .map(|(start, end)| &text[start..end])
        .collect();
    assert_eq!(found, ["f (2)", "f(')', [f(3)])", "f(3)"]);
}

#[test]
fn a_head_gives_its_parameters_and_its_documentation() {
    let source = "import x\n\ndef g(a):\n    pass\n\ndef f(a: Dict[str, int] = {'a': 1, 'b': 2},\n      b=(1, 2), *rest) -> Optional[int]:\n    '''Says \"f\".'''\n";
    let (head, _) = head(source, "f").unwrap();
    assert!(head.ends_with("-> Optional[int]"), "{head}");
    assert_eq!(parameters(head), ["a", "b"]);
    assert_eq!(docstring(source, "f"), Some("Says \"f\"."));
    assert_eq!(
        docstring("def f():\n  import x\n  \"\"\"Doc.\"\"\"", "f"),
        Some("Doc.")
    );
    assert_eq!(docstring("def f():\n  pass", "f"), None);
    assert_eq!(last_function(source), Some("f"));
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in r#"[\[\]\(\)\{\}'"\\,:#=. \n\-a-f0-9é➞]{0,60}"#) {
        if let Some(rest) = after_literal(&text) {
            prop_assert!(text.ends_with(rest) && rest.len() < text.len());
        }
        after_brackets(&text);
        is_balanced(&text);
        leading_call(&text);
        for (start, end) in calls(&text, "a") {
            prop_assert!(is_balanced(&text[start..end]));
        }
        let source = format!("def f({text}):\n  '''{text}'''");
        if let Some((head, _)) = head(&source, "f") {
            parameters(head);
        }
        docstring(&source, "f");
        last_function(&text);
    }
}
