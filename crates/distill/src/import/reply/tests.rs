use proptest::prelude::*;

use super::*;

#[test]
fn a_knowledge_base_of_elements() {
    let reply = "```xml\n<response>\n<knowledge_base>\n<concept name=\"List\">Items in order.</concept>\n\
                 <algorithm name=\"Merge\"><description>Takes the smaller head of two lists</description>\
                 <steps><step>Compare the heads</step></steps></algorithm>\n\
                 <edge_case>Empty lists if n < 1</edge_case>\n</knowledge_base>";
    let expect = "Merge: Takes the smaller head of two lists. Compare the heads.";
    assert_eq!(algorithm(reply).as_deref(), Some(expect));
}

#[test]
fn a_knowledge_base_of_lines_is_cut_at_a_piece() {
    let long = "x".repeat(400);
    let reply = format!(
        "<knowledge_base>\n- **Sum**: add all\n- Greedy algorithm: take the best\n- Another algorithm: {long}\n\
         - Edge cases:\n  * No item\n</knowledge_base>"
    );
    assert_eq!(
        algorithm(&reply).as_deref(),
        Some("Greedy algorithm: take the best.")
    );
    let reply =
        "<knowledge_base>\n- **Sum**: add all\n- Edge cases:\n  * No item\n</knowledge_base>";
    assert_eq!(algorithm(reply).as_deref(), Some("Sum: add all."));
    assert_eq!(algorithm("<knowledge_base> </knowledge_base>"), None);
    assert_eq!(algorithm("nothing"), None);
}

#[test]
fn plans_in_every_dress() {
    let expect = Ok("1. Sort it.\n2. Take the first.".to_string());
    for inner in [
        "1. Sort it.\n   2. Take the first.",
        "<step>Sort it.</step>\n<step name=\"b\">Take the first.</step>",
        "- Sort it.\n- Take the first.",
        "Step 1: **Sort it.**\nStep 2: Take the\n  first.\nStep 3: Test the function with several test cases.",
        "<![CDATA[1) Sort it.\n2) Take the first.]]>",
    ] {
        let reply = format!("<response><plan>{inner}</plan></response>");
        assert_eq!(plan(&reply), expect, "{inner}");
    }
    assert_eq!(plan("Sort it."), Err("no plan in the reply"));
    assert_eq!(
        plan("<plan>1. a\n2. ```python\nx\n```</plan>"),
        Err("the plan holds code")
    );
    assert_eq!(
        plan("<plan>Sort it.</plan>"),
        Err("the plan has too few or too many steps")
    );
}

#[test]
fn checks_in_every_dress() {
    for (reply, is_correct, explanation) in [
        ("CORRECT", true, ""),
        ("**Correct**\n", true, ""),
        (
            "INCORRECT\n\nExplanation:\n- The plan forgets zero. The test cases are few.",
            false,
            "The plan forgets zero.",
        ),
        (
            "Incorrect. The plan sorts twice.\n```python\nx.\n```",
            false,
            "The plan sorts twice.",
        ),
    ] {
        let read = verdict(reply).unwrap();
        assert_eq!(
            (read.is_correct, read.explanation.as_str()),
            (is_correct, explanation),
            "{reply}"
        );
    }
    assert_eq!(verdict("**Plan:** it is fine"), None);
}

proptest! {
    #[test]
    fn no_reply_panics(
        pieces in prop::collection::vec(
            prop_oneof![
                Just("<knowledge_base>".to_string()), Just("</knowledge_base>".to_string()),
                Just("<plan>".to_string()), Just("</plan>".to_string()), Just("<step>".to_string()),
                Just("</step>".to_string()), Just("<algorithm name=\"é\">".to_string()), Just("<".to_string()),
                Just("INCORRECT".to_string()), Just("correct".to_string()), Just("1. ".to_string()),
                Just("\n".to_string()), Just("<![CDATA[".to_string()), Just("```".to_string()), "\\PC{0,12}",
            ],
            0..24,
        )
    ) {
        let reply = pieces.concat();
        if let Some(text) = algorithm(&reply) {
            prop_assert!(is_plain(&text));
        }
        if let Ok(plan) = plan(&reply) {
            prop_assert!(plan.starts_with("1. "));
        }
        verdict(&reply);
    }
}
