mod compat;
mod plain;
mod testlib;

use domain::{Checker, Harness};

use super::{Kind, Opinion, compat as harnesses, is_copy};

fn accepts(checker: &Checker, output: &[u8], answer: &str) -> bool {
    let Ok(Kind::Rule(rule)) = Kind::of(checker) else {
        panic!("{checker:?} is no rule");
    };
    rule.decide(output, &[answer.to_string()]) == Ok(Opinion::Right)
}

/// Undoes `\n`, `\r`, `\t`, `\\` and `\xhh`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'x') => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other.unwrap(),
            },
            byte => byte,
        });
    }
    bytes
}

#[test]
fn plain_copies_of_an_answer_are_right_for_every_harness() {
    for text in ["", "1\n2 3\n", "nan\n", "1.50 YES\n", "\t x \n", "a\n\n\nb"] {
        for output in [text, text.strip_suffix('\n').unwrap_or(text)] {
            let expected = [text.to_string()];
            assert!(is_copy(output.as_bytes(), &expected), "{output:?}");
            for harness in Harness::ALL {
                let is_right = harnesses::matches(harness, output.as_bytes(), text.as_bytes());
                assert!(is_right, "{harness:?} refuses {output:?}");
            }
        }
    }
    assert!(!is_copy(
        "1\u{2028}2".as_bytes(),
        &["1\u{2028}2".to_string()]
    ));
    assert!(!is_copy(b"1 ", &["1".to_string()]));
}
