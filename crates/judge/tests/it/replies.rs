//! What a program may send in place of an answer: anything. None of it passes a test or breaks the judge.

use domain::Verdict::{
    Accepted, IdleLimit, MemoryLimit, RuntimeError, Security, TimeLimit, WrongAnswer,
};
use domain::{Language, Submission};

use crate::common::{asserts, best_judge, submission};

/// Sends replies made at random from a seed: values with every tag and none, frames cut, damaged, or sent twice.
const PROGRAM: &str = r#"
import json, os, random
TAGS = ['int', 'tuple', 'set', 'frozenset', 'dict', 'bytes', 'bytearray', 'complex', 'range', 'slice', 'deque',
        'decimal', 'fraction', 'date', 'datetime', 'timedelta', 'constant', 'iterator', 'keys', 'values', 'items',
        'type', 'object', 'value', '__class__', '']
LEAVES = [None, True, 0, -1, 1 << 70, 1e308, float('nan'), '', '0x10', 'NotImplemented', 'int', 'eval', '\ud800', 'é' * 50]

def value(r, depth):
    kind = r.random()
    if depth == 0 or kind < 0.3: return r.choice(LEAVES)
    if kind < 0.5: return [value(r, depth - 1) for _ in range(r.randrange(4))]
    if kind < 0.9: return {r.choice(TAGS): value(r, depth - 1)}
    return {r.choice(TAGS): value(r, depth - 1) for _ in range(r.randrange(4))}

def reply(r):
    kinds = [lambda: {'value': value(r, 4)},
             lambda: {'value': value(r, 2), 'arguments': value(r, 3)},
             lambda: {'raised': [value(r, 1) for _ in range(4)]},
             lambda: {'raised': ['E', r.choice(['AssertionError', 'StopIteration', 'ExceptionGroup', 'int', 'x']), '', '']},
             lambda: {'unpackable': value(r, 1)},
             lambda: value(r, 3)]
    return json.dumps(r.choice(kinds)()).encode()

def f(seed):
    r = random.Random(seed)
    body = bytearray(reply(r))
    n = len(body)
    damage = r.random()
    if damage < 0.2 and body: body[r.randrange(n)] = r.randrange(256)
    elif damage < 0.3: body = body[:r.randrange(n + 1)]; n = len(body)
    elif damage < 0.35: n = r.choice([0, 1, n + 1, 1 << 24, (1 << 32) - 1])
    os.write(3, n.to_bytes(4, 'little') + body)
    if n != len(body) or r.random() < 0.2: os._exit(0)
    return 'wrong'
"#;

#[tokio::test]
async fn no_reply_made_at_random_is_accepted() {
    let judge = best_judge();
    let tests = (0..200).map(|seed| asserts(&format!("assert f({seed}) == 'right'")));
    let program = Submission {
        limits: domain::Limits::with_cpu(std::time::Duration::from_secs(2)),
        ..submission(Language::Python, PROGRAM, tests.collect())
    };
    let judging = judge.judge(&program).await.unwrap();
    let honest = [
        WrongAnswer,
        RuntimeError,
        Security,
        MemoryLimit,
        TimeLimit,
        IdleLimit,
    ];
    for (seed, case) in judging.cases.iter().enumerate() {
        assert!(honest.contains(&case.verdict), "{seed}: {case:?}");
    }
    let count = |verdict| {
        judging
            .cases
            .iter()
            .filter(|case| case.verdict == verdict)
            .count()
    };
    assert!(
        count(Security) > 20 && count(WrongAnswer) > 5,
        "{judging:?}"
    );
    assert_eq!(count(Accepted), 0);
}
