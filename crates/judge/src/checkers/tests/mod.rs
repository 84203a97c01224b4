mod compat;
mod plain;
mod testlib;

use domain::Checker;

use super::{Kind, Opinion};

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
