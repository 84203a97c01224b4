use proptest::prelude::*;

use super::*;

fn check(head: &str, docstring: &str, expect: &[&str]) {
    let prompt = format!("{head}\n    '''\n{docstring}\n    '''\n");
    assert_eq!(from_docstring(&prompt, "f"), expect, "{docstring}");
}

#[test]
fn doctests_are_read() {
    let head = "def f(x):";
    check(
        head,
        "    >>> f(1)\n    2\n    >>> f('a')\n    'b'\n",
        &["assert f(1) == 2", "assert f('a') == 'b'"],
    );
    check(
        head,
        "    >>> round(f([1, 2]), 2) # about\n    -0.5",
        &["assert round(f([1, 2]), 2) == -0.5"],
    );
    check(
        head,
        "    >>> f(1)\n    ['a',\n     'b']\n\n    More.",
        &["assert f(1) == ['a',\n'b']"],
    );
    check(
        head,
        "    >>> f([1,\n    ... 2])\n    3",
        &["assert f([1,\n 2]) == 3"],
    );
    check(
        head,
        "    >>> f([]) == 0\n    >>> f([1]) == 1",
        &["assert f([]) == 0", "assert f([1]) == 1"],
    );
}

#[test]
fn a_doctest_that_prints_nothing_is_none_only_where_the_head_allows_it() {
    let text = "    >>> f([])\n\n    >>> f([1])\n    1";
    check(
        "def f(x) -> Optional[int]:",
        text,
        &["assert f([]) == None", "assert f([1]) == 1"],
    );
    check("def f(x) -> int:", text, &["assert f([1]) == 1"]);
}

#[test]
fn examples_in_the_text_are_read() {
    let head = "def f(x, y):";
    for relation in [
        "==",
        "=",
        "=>",
        " ==>",
        "->",
        "➞",
        "returns",
        "should return",
        "# returns",
        "# =>",
    ] {
        check(
            head,
            &format!("    * f(1, 2) {relation} [3]"),
            &["assert f(1, 2) == [3]"],
        );
    }
    check(
        head,
        "    f(1, 2) => true\n    f(2, 2) should return False.",
        &["assert f(1, 2) == True", "assert f(2, 2) == False"],
    );
    check(head, "    f(1, 2) == 1 + 4 = 5", &["assert f(1, 2) == 5"]);
    check(
        head,
        "    f([\n      1,\n    ], 2) == (1, 2)",
        &["assert f([\n      1,\n    ], 2) == (1, 2)"],
    );
    check(
        head,
        "    1. f(1, 2) = 3 # sum\n    for f(2, 2) == 4 (sum)",
        &["assert f(1, 2) == 3", "assert f(2, 2) == 4"],
    );
}

#[test]
fn bindings_are_put_in_the_order_of_the_parameters() {
    let head = "def f(xs, k):";
    check(
        head,
        "    For xs = [1,2], k = 3 the output should be 4.",
        &["assert f([1,2], 3) == 4"],
    );
    check(
        head,
        "    Input: xs = [1], k = 2\n    Output: 3 # sum\n",
        &["assert f([1], 2) == 3"],
    );
    check(
        head,
        "    Input:\n      xs : [1]\n      max_k : 2\n    Output: 3",
        &["assert f([1], 2) == 3"],
    );
    check(
        "def f(n):",
        "    Input: 3\n    Output: (1, 2)\n    Explanation: …",
        &["assert f(3) == (1, 2)"],
    );
    check(head, "    Input: k = 2, xs = [1]\n    Output: 3", &[]);
    check(head, "    For k = 3 the result should be 4", &[]);
}

#[test]
fn what_can_be_read_in_two_ways_is_left_out() {
    let head = "def f(x):";
    for text in [
        "    f(1) == ('a')",
        "    f(abc) == 'a'",
        "    f(1) = 1 + n / 2",
        "    f(1) == 2 or 3",
        "    f(1) => 2, f(2) => 3",
        "    not f(1) == 2",
        "    g(f(1)) == 2",
        "    f(1) + f(2) == 3",
        "    >>> f(1)\n    Traceback (most recent call last):",
        "    >>> f(1) [1]",
        "    f(1)",
    ] {
        check(head, text, &[]);
    }
}

#[test]
fn published_asserts_are_mended_or_refused() {
    let ok = |text: &str, expect: &str| assert_eq!(repair(text, "f").as_deref(), Ok(expect));
    ok("assert f(1) == 2", "assert f(1) == 2");
    ok("asssert f(1) == 'No'", "assert f(1) == 'No'");
    ok("f(1) == True", "assert f(1) == True");
    ok("assert f(1) => [2]", "assert f(1) == [2]");
    ok("assert f(1) == True.", "assert f(1) == True");
    ok("assert f(1)", "assert f(1)");
    ok(
        "assert abs(f(1) - 2.5) < 1e-6",
        "assert abs(f(1) - 2.5) < 1e-6",
    );
    ok(
        "assert set(f(1)) == set([1])",
        "assert set(f(1)) == set([1])",
    );
    for refused in [
        "assert ff(1) == 2",
        "assert f([1] == 2",
        "assert f(1) == 2, assert f(2) == 3",
        "assert f('a) == 2",
        "",
    ] {
        assert!(repair(refused, "f").is_err(), "{refused}");
    }
}

#[test]
fn known_faults_are_named() {
    let wrong = "assert median([-10,4,6,1000,10,20]) == 15.0";
    assert!(fault("HumanEval/47", wrong).is_some());
    assert!(fault("HumanEval/47", &wrong.replace("15.0", "8.0")).is_none());
    assert!(fault("Other/47", wrong).is_none());
}

proptest! {
    #[test]
    fn any_docstring_is_read_without_panic(
        text in r#"(>>> |\.\.\. |f\(|\)|\[|\]|'|"|,|=|==|=>|➞|returns|For x = |Input:|Output:|output should be|[0-9]|\n|x|é| ){0,40}"#
    ) {
        for sample in from_docstring(&format!("def f(x):\n    '''{text}'''"), "f") {
            prop_assert!(sample.starts_with("assert "));
            prop_assert!(crate::python::is_balanced(&sample));
        }
        if let Ok(sample) = repair(&text, "f") {
            prop_assert!(sample.starts_with("assert ") && crate::python::is_balanced(&sample));
        }
    }
}
