//! Values that cross from a program to its test and back.

use domain::{Checker, Language, Limits, Program, Submission, Test, Verdict};

use crate::{Judge, Settings};

fn judge() -> Judge {
    Judge::start(Settings {
        n_cells: 1,
        ..Settings::default()
    })
    .unwrap()
}

async fn verdicts(judge: &Judge, source: &str, tests: &[&str]) -> Vec<(Verdict, String)> {
    let submission = Submission {
        program: Program {
            language: Language::Python,
            source: source.into(),
        },
        tests: tests
            .iter()
            .map(|code| Test::Python {
                code: (*code).into(),
            })
            .collect(),
        checker: Checker::Lines,
        limits: Limits::default(),
        isolation: domain::Isolation::Pooled,
        stop_on_first_failure: false,
    };
    let judging = judge.judge(&submission).await.unwrap();
    let cases = judging.cases.into_iter();
    cases.map(|case| (case.verdict, case.message)).collect()
}

async fn assert_accepted(source: &str, tests: &[&str]) {
    for (test, (verdict, message)) in tests.iter().zip(verdicts(&judge(), source, tests).await) {
        assert_eq!(verdict, Verdict::Accepted, "{test}: {message}");
    }
}

#[tokio::test]
async fn exact_values_come_back() {
    let tests = [
        "for v in [None, True, 0, -1, 1 << 62, -(1 << 62), 10**5000, 0.1, -0.0, 1e308, '', 'é\\ud800', b'\\xff', 2+3j]:\n    r = f(v)\n    assert type(r) is type(v) and repr(r) == repr(v)",
        "for v in [[], (), {}, set(), frozenset(), [1, (2, {3: {4}})], {(1, 2): [None]}, frozenset({(1,)}), range(1, 9, 2), bytearray(b'x')]:\n    r = f(v)\n    assert type(r) is type(v) and r == v",
        "assert f(float('inf')) == float('inf') and f(float('nan')) != f(float('nan'))",
        "from decimal import Decimal\nfrom fractions import Fraction\nassert f(Decimal('0.10')) == Decimal('0.1') and f(Fraction(1, 3)) == Fraction(1, 3)",
        "import datetime\nassert f(datetime.date(2020, 2, 29)) == datetime.date(2020, 2, 29)",
        "assert f(int) is int and isinstance(f(3), f(int))",
        "assert f(x := [1, 2]) == x and f(x) is not None",
    ];
    assert_accepted("def f(x): return x", &tests).await;
}

#[tokio::test]
async fn changes_to_arguments_are_seen() {
    let source = "def sort(x): x.sort()\ndef fill(d): d['new'] = [1]; d['old'].append(2)\ndef deep(x): x[0][0].append(7)\ndef keep(x): return sorted(x)";
    let tests = [
        "x = [3, 1, 2]\nassert sort(x) is None and x == [1, 2, 3]",
        "d = {'old': []}\nold = d['old']\nfill(d)\nassert d == {'old': [2], 'new': [1]} and d['old'] is old and old == [2]",
        "x = [[[]]]\ninner = x[0][0]\ndeep(x)\nassert inner == [7]",
        "x = [3, 1]\nassert keep(x) == [1, 3] and x == [3, 1]",
    ];
    assert_accepted(source, &tests).await;
}

#[tokio::test]
async fn subclasses_lose_what_they_add() {
    let source = "from collections import *\nfrom enum import IntEnum\nclass E(IntEnum):\n    A = 1\nP = namedtuple('P', 'x y')\ndef f(n): return [Counter('aab'), OrderedDict(a=1), defaultdict(int, a=1), E.A, P(1, 2), deque([1])][n]";
    let tests = [
        "assert f(0) == {'a': 2, 'b': 1} and type(f(0)) is dict",
        "assert f(1) == f(2) == {'a': 1}",
        "assert f(3) == 1 and type(f(3)) is int",
        "assert f(4) == (1, 2) and type(f(4)) is tuple",
        "from collections import deque\nassert f(5) == deque([1])",
    ];
    assert_accepted(source, &tests).await;
}

#[tokio::test]
async fn iterators_are_iterators() {
    let source = "def g(n):\n    yield from range(n)\ndef m(x): return map(str, x)\ndef k(d): return d.keys()";
    let tests = [
        "assert list(g(3)) == [0, 1, 2] and g(3) != [0, 1, 2]",
        "it = g(2)\nassert next(it) == 0 and next(it) == 1 and next(it, None) is None",
        "assert list(m([1, 2])) == ['1', '2']",
        "assert k({1: 2}) == {1}",
    ];
    assert_accepted(source, &tests).await;
}

#[tokio::test]
async fn exceptions_keep_their_builtin_kind() {
    let source = "class Own(KeyError): pass\ndef f(x):\n    if x == 0: raise ValueError('bad')\n    if x == 1: raise Own('k')\n    return 1 // (x - 2)";
    let tests = [
        "try:\n    f(0)\n    assert False\nexcept ValueError as e:\n    assert str(e) == 'bad'",
        "try:\n    f(1)\n    assert False\nexcept KeyError:\n    pass",
        "try:\n    f(2)\n    assert False\nexcept ZeroDivisionError:\n    pass",
    ];
    assert_accepted(source, &tests).await;
    let uncaught = verdicts(&judge(), source, &["assert f(0) == 1", "assert f(1) == 1"]).await;
    let expected = [
        (Verdict::RuntimeError, "ValueError: bad".to_string()),
        (Verdict::RuntimeError, "Own: 'k'".to_string()),
    ];
    assert_eq!(uncaught, expected);
}

#[tokio::test]
async fn objects_and_helpers_stay_with_the_program() {
    let source = "import math\nLIMIT = [1, 2]\nclass Node:\n    def __init__(self, v): self.v = v; self.left = None\n    def double(self): return self.v * 2\n    def __eq__(self, o): return True\ndef depth(n): return 0 if n is None else 1 + depth(n.left)";
    let tests = [
        "a = Node(1)\na.left = Node(2)\nassert depth(a) == 2 and a.left.v == 2 and a.double() == 2",
        "assert LIMIT == [1, 2] and math.sqrt(4) == 2",
        "assert not Node(1) == 3 and not Node(1) == Node(1)",
    ];
    assert_accepted(source, &tests).await;
}

#[tokio::test]
async fn a_builtin_is_replaced_only_where_nothing_else_is_tested() {
    let source = "def sum(a, b): return a * b\ndef sorted(x): return []\ndef f(x): return x";
    assert_accepted(
        source,
        &[
            "assert sum(3, 4) == 12",
            "def check(c):\n    assert c(3, 4) == 12 and len([1]) == 1\ncheck(sum)",
            "assert sorted(f([2, 1])) == [1, 2]",
        ],
    )
    .await;
}

#[tokio::test]
async fn failures_say_where_and_with_what() {
    let judge = judge();
    let source = "def f(x):\n    y = [x]\n    return y[x]";
    let submission = Submission {
        program: Program {
            language: Language::Python,
            source: source.into(),
        },
        tests: vec![
            Test::Python {
                code: "def check(c):\n    assert c(0) == 0\n    assert (c(0) ==\n        7), 'text'\ncheck(f)".into(),
            },
            Test::Python {
                code: "assert f(5) == 0".into(),
            },
            Test::Python {
                code: "assert g(5) == 0".into(),
            },
        ],
        checker: Checker::Lines,
        limits: Limits::default(),
        isolation: domain::Isolation::Pooled,
        stop_on_first_failure: false,
    };
    let judging = judge.judge(&submission).await.unwrap();
    let [wrong, raised, missing] = &judging.cases[..] else {
        panic!("{judging:?}");
    };
    assert_eq!(wrong.verdict, Verdict::WrongAnswer);
    assert_eq!(wrong.message, "assert (c(0) == 7), 'text'");
    assert_eq!(wrong.actual, "0");
    assert_eq!(raised.verdict, Verdict::RuntimeError);
    assert_eq!(raised.message, "IndexError: list index out of range");
    assert!(
        raised
            .stderr_tail
            .contains("File \"main.py\", line 3, in f"),
        "{raised:?}"
    );
    assert!(!raised.stderr_tail.contains("<string>"), "{raised:?}");
    assert_eq!(missing.verdict, Verdict::RuntimeError);
    assert!(
        missing.message.contains("name 'g' is not defined"),
        "{missing:?}"
    );
}
