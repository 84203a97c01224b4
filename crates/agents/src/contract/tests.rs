use domain::{Form, Language};
use proptest::prelude::*;

use super::*;

fn function(entry_point: &str) -> Form {
    Form::Function {
        entry_point: entry_point.into(),
        prompt: String::new(),
    }
}

/// Reads a coding reply for the Python function `f`.
fn python(reply: &str) -> Parsed<String> {
    code(
        reply,
        Wanted {
            language: Language::Python,
            form: &function("f"),
        },
    )
}

fn check_code(reply: &str, source: Option<&str>, format: Format) {
    let parsed = python(reply);
    assert_eq!(
        (parsed.value.as_deref().map(str::trim_end), parsed.format),
        (source, format),
        "{reply:?}"
    );
}

const F: &str = "def f(x):\n    return x";

#[test]
fn one_closed_block_is_strict() {
    check_code(
        "```python\ndef f(x):\n    return x\n```",
        Some(F),
        Format::Strict,
    );
    check_code(
        "```\ndef f(x):\n    return x\n```\n",
        Some(F),
        Format::Strict,
    );
    check_code(
        "Here:\n~~~py\ndef f(x):\n    return x\n~~~\nDone.",
        Some(F),
        Format::Strict,
    );
    check_code(
        "````python3\r\ndef f(x):\n    return x\n````",
        Some(F),
        Format::Strict,
    );
}

#[test]
fn a_program_in_a_broken_reply_is_recovered() {
    let cases = [
        "```python\ndef f(x):\n    return x",
        "```python\ndef f(x):\n    return x```",
        "Sure: ```python\ndef f(x):\n    return x\n```",
        "```\npython\ndef f(x):\n    return x\n```",
        "```golang\ndef f(x):\n    return x\n```",
        "```python\nprint(f(2))\n```\n```python\ndef f(x):\n    return x\n```",
        "```python\ndef f(x):\n    return x\n```\nUse it:\n```python\nf(2)\n```",
        "```python\ndef g(x):\n    return 0\n```\n```python\ndef f(x):\n    return x\n```",
        "<think>```python\nx = 1\n```</think>\n```python\ndef f(x):\n    return x\n```\n```text\n2\n```",
        "<think>perhaps\n```python\ndef f(x):\n    return x\n```",
        "<response><code><![CDATA[\ndef f(x):\n    return x\n]]></code></response>",
        "<code>\ndef f(x):\n    return x\n</code>",
        "```xml\n<code>\ndef f(x):\n    return x\n</code>\n```",
        "I think this works.\n\ndef f(x):\n    return x",
        "~~~\ndef f(x):\n    return x",
    ];
    for reply in cases {
        let parsed = python(reply);
        let found = parsed.value.unwrap_or_default();
        assert_eq!(
            (found.trim(), parsed.format),
            (F, Format::Recovered),
            "{reply:?}"
        );
    }
}

#[test]
fn a_reply_without_a_program_is_a_failure() {
    for reply in [
        "",
        " \n",
        "I cannot do that.",
        "```python\n```",
        "```",
        "<think>hm",
        "<code></code>",
        "`f(x)`",
    ] {
        check_code(reply, None, Format::Failed);
    }
}

#[test]
fn a_quoted_fence_in_a_sentence_opens_no_block() {
    assert!(blocks("Write ```x = 1``` like this.\nThat is all.").is_empty());
}

#[test]
fn a_repair_is_a_plan_and_one_block() {
    let wanted = Wanted {
        language: Language::Cpp,
        form: &Form::Stdio,
    };
    let body = "#include <iostream>\nint main() {}\n";
    let strict = repair(&format!("<plan>\n1. a\n</plan>\n```cpp\n{body}```"), wanted);
    assert_eq!(
        strict,
        Parsed {
            value: Some(body.to_string()),
            format: Format::Strict
        }
    );
    for reply in [
        format!("```cpp\n{body}```"),
        format!("## Plan\n1. a\n```c++\n{body}```"),
        format!("<plan>1. a\n```cpp\n{body}```"),
        format!("Words. <plan>1. a</plan>```cpp\n{body}```"),
        body.to_string(),
    ] {
        let parsed = repair(&reply, wanted);
        assert_eq!(parsed.format, Format::Recovered, "{reply}");
        assert_eq!(parsed.value.unwrap().trim_end(), body.trim_end(), "{reply}");
    }
}

#[test]
fn names_are_defined_at_the_top_level_only() {
    assert!(defines("async def f (x): ...", "f"));
    assert!(defines("x = 1\nf = lambda x: x", "f"));
    for source in [
        "def ff(x): ...",
        "  def f(x): ...",
        "f(1)",
        "f (1)",
        "f == 1",
        "print('def f(')",
    ] {
        assert!(!defines(source, "f"), "{source}");
    }
}

const RECALL: &str = "<example><description>d1</description><plan>p1</plan></example>\n\
     <example>\n<description>d2</description>\n<plan>\np2\n</plan>\n</example>\n<algorithm>a < b</algorithm>\n";

#[test]
fn a_recall_is_strict_only_as_asked_for() {
    let parsed = recall(RECALL, 2);
    assert_eq!(parsed.format, Format::Strict);
    let found = parsed.value.unwrap();
    assert_eq!(
        found.examples[1],
        Example {
            description: "d2".into(),
            plan: "p2".into()
        }
    );
    assert_eq!(found.algorithm, "a < b");
    for broken in [
        format!("Sure!\n{RECALL}"),
        RECALL.replace("</algorithm>", ""),
        RECALL.to_uppercase(),
    ] {
        let parsed = recall(&broken, 2);
        assert_eq!(parsed.format, Format::Recovered, "{broken}");
        assert_eq!(parsed.value.unwrap().examples.len(), 2, "{broken}");
    }
    assert_eq!(
        recall(RECALL, 3).format,
        Format::Recovered,
        "one example is missing"
    );
    assert_eq!(
        recall(RECALL, 1).value.unwrap().examples.len(),
        1,
        "one example too many is left out"
    );
}

#[test]
fn a_recall_in_the_shape_of_others_is_recovered() {
    let original = "<root><problem># p\n<description><![CDATA[d]]></description><code>x</code>\
                    <planning><![CDATA[1. a[b[0]]>5]]></planning></problem><algorithm>dp</algorithm></root>";
    let found = recall(original, 3).value.unwrap();
    assert_eq!(
        found.examples,
        [Example {
            description: "d".into(),
            plan: "1. a[b[0]]>5".into()
        }]
    );
    assert_eq!(found.algorithm, "dp");
    let cut = "<example><description>d</description><plan>1. begin\n2. go on";
    assert_eq!(
        recall(cut, 3).value.unwrap().examples[0].plan,
        "1. begin\n2. go on"
    );
    assert_eq!(
        recall("I know nothing.", 3),
        Parsed {
            value: None,
            format: Format::Failed
        }
    );
}

#[test]
fn a_plan_is_an_element_or_free_text() {
    assert_eq!(
        plan("<plan>\n1. a\n</plan>"),
        Parsed {
            value: Some("1. a".into()),
            format: Format::Strict
        }
    );
    for reply in [
        "1. a",
        "<plan>1. a",
        "```\n1. a\n```",
        "<think>hm</think>1. a",
        "x <PLAN >1. a</ plan> y",
        "<plan>1. a</plan>!",
    ] {
        assert_eq!(
            plan(reply),
            Parsed {
                value: Some("1. a".into()),
                format: Format::Recovered
            },
            "{reply}"
        );
    }
    assert_eq!(plan(" <think>never ends").format, Format::Failed);
}

#[test]
fn a_confidence_is_an_integer_of_a_hundred() {
    let strict =
        confidence("<explanation>It < works.</explanation>\n<confidence> 90 </confidence>");
    assert_eq!(
        strict,
        Parsed {
            value: Some(90),
            format: Format::Strict
        }
    );
    let recovered = [
        (
            "<explanation>x</explanation><confidence>90%</confidence>",
            90,
        ),
        ("<confidence>90/100</confidence>", 90),
        ("<confidence>9 / 10</confidence>", 90),
        ("<confidence>90.4", 90),
        ("<confidence>0.9</confidence>", 90),
        ("<confidence>1</confidence>", 1),
        ("<Confidence>about 90.</Confidence>", 90),
        ("I am sure. **Confidence**: 90", 90),
        ("Confidence: 1, no, confidence: 90", 90),
        (
            "<explanation>x</explanation><confidence>100</confidence> bye",
            100,
        ),
    ];
    for (reply, value) in recovered {
        assert_eq!(
            confidence(reply),
            Parsed {
                value: Some(value),
                format: Format::Recovered
            },
            "{reply}"
        );
    }
    for reply in [
        "",
        "90",
        "<confidence>high</confidence>",
        "<confidence>-5</confidence>",
        "<confidence>900</confidence>",
    ] {
        assert_eq!(
            confidence(reply),
            Parsed {
                value: None,
                format: Format::Failed
            },
            "{reply}"
        );
    }
}

/// Pieces that replies are made of, for building broken ones.
fn reply() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("```".to_string()),
        Just("```python\n".to_string()),
        Just("~~~".to_string()),
        Just("<plan>".to_string()),
        Just("</plan>".to_string()),
        Just("<example>".to_string()),
        Just("<confidence>".to_string()),
        Just("</ confidence >".to_string()),
        Just("<![CDATA[".to_string()),
        Just("]]>".to_string()),
        Just("<think>".to_string()),
        Just("</think>".to_string()),
        Just("def f(x):\n    return x\n".to_string()),
        Just("9e99".to_string()),
        Just("\n".to_string()),
        "\\PC{0,12}",
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_reply_breaks_a_parser(reply in reply(), k in 0usize..5) {
        for language in Language::ALL {
            for form in [Form::Stdio, function("f")] {
                let wanted = Wanted { language, form: &form };
                code(&reply, wanted);
                repair(&reply, wanted);
                reasoned(&reply, wanted);
                analogy(&reply, k, wanted);
            }
        }
        let found = recall(&reply, k).value;
        prop_assert!(found.is_none_or(|found| found.examples.len() <= k));
        plan(&reply);
        reflection(&reply);
        simulation(&reply);
        prop_assert!(confidence(&reply).value.is_none_or(|value| value <= 100));
    }
}
