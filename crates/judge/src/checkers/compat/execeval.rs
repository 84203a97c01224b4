//! ExecEval, the judge of xCodeEval.
//!
//! The same stripped lines, or the same number of tokens that match one by one. Tokens that both read as numbers of
//! GMP's library for floats, at 129 bits, match unless they differ by more than 1e-12, so `nan` matches every
//! number and large integers match when their first 129 bits do; `yes`, `no`, `true` and `false` match in any case.
//!
//! Where we do not follow: a number with a fraction is not rounded to 129 bits, and hexadecimal and binary numbers
//! of more than 128 bits are no numbers.

use super::decimal::Decimal;
use super::python::{split, strip};

/// `answer` is the harness's expected output, from which it has removed all carriage returns.
pub(super) fn matches(output: &str, answer: &str) -> bool {
    let answer = answer.replace('\r', "");
    let lines = |text| strip(text).split('\n').map(strip);
    if lines(output).eq(lines(&answer)) {
        return true;
    }
    let (mut found, mut expected) = (split(output), split(&answer));
    loop {
        match (found.next(), expected.next()) {
            (None, None) => return true,
            (Some(found), Some(expected)) if same(found, expected) => {}
            _ => return false,
        }
    }
}

fn same(found: &str, expected: &str) -> bool {
    match (Number::parse(expected), Number::parse(found)) {
        (Some(expected), Some(found)) => !expected.is_far_from(&found),
        _ => folded(expected) == folded(found),
    }
}

fn folded(token: &str) -> String {
    let lower = token.to_lowercase();
    match &*lower {
        "yes" | "no" | "true" | "false" => lower,
        _ => token.to_string(),
    }
}

/// The digits of half the sum of the double nearest to 1e-12 and the next.
const BOUND: &[u8; 32] = b"10000000000000000808608434975451";
/// The power of ten beyond which the library's numbers are infinite.
const LARGEST: i64 = 323_228_496;

#[derive(Debug)]
enum Number {
    Nan,
    Infinite { negative: bool },
    Finite(Decimal),
}

impl Number {
    fn parse(token: &str) -> Option<Number> {
        if !token.is_ascii() {
            return None;
        }
        // The library removes them wherever they stand, and reads nothing as zero.
        let text = token.replace('_', "").to_ascii_lowercase();
        if text.is_empty() {
            return Some(Number::Finite(Decimal::new(false, Vec::new(), 0)));
        }
        let (negative, bare) = match text.strip_prefix('-') {
            Some(bare) => (true, bare),
            None => (false, text.strip_prefix('+').unwrap_or(&text)),
        };
        match bare {
            "inf" | "infinity" | "@inf@" => return Some(Number::Infinite { negative }),
            "nan" | "@nan@" => return Some(Number::Nan),
            _ if bare.starts_with("nan(") && bare.ends_with(')') => return Some(Number::Nan),
            _ => {}
        }
        for (prefix, radix) in [("0x", 16), ("0b", 2)] {
            if let Some(digits) = bare.strip_prefix(prefix) {
                return prefixed(digits, radix, negative).map(Number::Finite);
            }
        }
        let number = Decimal::parse(&text, &['e', '@'])?;
        Some(match number.magnitude() {
            Some(magnitude) if magnitude > LARGEST => Number::Infinite { negative },
            _ => Number::Finite(number),
        })
    }

    /// More than 1e-12 apart; not so for anything that is compared with `nan`, or for infinities of one sign.
    fn is_far_from(&self, other: &Number) -> bool {
        match (self, other) {
            (Number::Nan, _) | (_, Number::Nan) => false,
            (Number::Infinite { negative: one }, Number::Infinite { negative: two }) => one != two,
            (Number::Finite(one), Number::Finite(two)) => {
                // What still rounds to the double nearest to 1e-12.
                let bound = Decimal::new(false, BOUND.map(|digit| digit - b'0').to_vec(), -43);
                !one.is_within(two, &bound) && !same_bits(one, two)
            }
            _ => true,
        }
    }
}

/// A hexadecimal or binary number, perhaps with a power of two behind it.
fn prefixed(text: &str, radix: u32, negative: bool) -> Option<Decimal> {
    let (mantissa, power) = match text.split_once('p') {
        None => (text, 0),
        Some((mantissa, power)) => (mantissa, power.parse::<i64>().ok()?),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let is_plain = digits.chars().all(|c| c.is_digit(radix));
    let value = u128::from_str_radix(&digits, radix)
        .ok()
        .filter(|_| is_plain)?;
    let bits_per_digit = i64::from(radix.ilog2());
    let power = power.checked_sub(bits_per_digit * fraction.len() as i64)?;
    // Half is five tenths.
    let factor: u128 = if power < 0 { 5 } else { 2 };
    let factor = factor.checked_pow(u32::try_from(power.unsigned_abs()).ok()?);
    let value = if value == 0 {
        0
    } else {
        value.checked_mul(factor?)?
    };
    let digits = value.to_string().bytes().map(|byte| byte - b'0').collect();
    Some(Decimal::new(negative, digits, power.min(0)))
}

/// True for integers of one sign that round to the same 129 bits.
fn same_bits(one: &Decimal, two: &Decimal) -> bool {
    match (one.integer_digits(), two.integer_digits()) {
        (Some((sign, one)), Some((other_sign, two))) if sign == other_sign => {
            rounded(&one) == rounded(&two)
        }
        _ => false,
    }
}

/// The first 129 bits, rounded to the nearest and then to the even number, and the number of bits after them.
fn rounded(digits: &[u8]) -> (Vec<bool>, usize) {
    const PRECISION: usize = 129;
    let mut bits = binary(digits);
    if bits.len() <= PRECISION {
        return (bits, 0);
    }
    let rest = bits.split_off(PRECISION);
    let is_odd = bits[PRECISION - 1];
    let up = rest[0] && (is_odd || rest[1..].contains(&true));
    let mut n_rest = rest.len();
    if up {
        match bits.iter().rposition(|&bit| !bit) {
            Some(at) => {
                bits[at] = true;
                bits[at + 1..].fill(false);
            }
            None => {
                bits[1..].fill(false);
                n_rest += 1;
            }
        }
    }
    (bits, n_rest)
}

/// The binary digits of an integer, the most significant first.
fn binary(digits: &[u8]) -> Vec<bool> {
    let mut limbs: Vec<u64> = Vec::new();
    for chunk in digits.chunks(19) {
        let factor = 10u128.pow(chunk.len() as u32);
        let mut carry = chunk
            .iter()
            .fold(0u128, |value, &digit| value * 10 + u128::from(digit));
        for limb in &mut limbs {
            carry += u128::from(*limb) * factor;
            *limb = carry as u64;
            carry >>= 64;
        }
        if carry > 0 {
            limbs.push(carry as u64);
        }
    }
    let bits = limbs
        .iter()
        .rev()
        .flat_map(|limb| (0..64).rev().map(move |at| limb >> at & 1 == 1));
    bits.skip_while(|&bit| !bit).collect()
}
