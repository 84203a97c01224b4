//! Decimal numbers of any size, exactly.

use std::cmp::Ordering;

/// A number as its significant digits, without zeros at either end, and a power of ten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    /// False for zero.
    negative: bool,
    /// Values from 0 to 9, the most significant first; empty for zero.
    digits: Vec<u8>,
    /// The value is the digits, read as an integer, times ten to this power; 0 for zero.
    exponent: i64,
}

/// Digits up to which numbers are aligned with each other.
const MAX_DIGITS: i64 = 5000;

impl Decimal {
    /// Reads `[+-] digits [. digits] [e [+-] digits]`, where digits may be absent on one side of the point.
    /// `exponent_marks` are the characters that may stand for `e`.
    pub(super) fn parse(text: &str, exponent_marks: &[char]) -> Option<Decimal> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match rest.split_once(exponent_marks) {
            None => (rest, 0),
            Some((mantissa, exponent)) => (mantissa, exponent_value(exponent)?),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let digits = whole
            .bytes()
            .chain(fraction.bytes())
            .map(|byte| byte - b'0');
        let exponent = exponent.saturating_sub(fraction.len() as i64);
        Some(Decimal::new(negative, digits.collect(), exponent))
    }

    pub(super) fn new(negative: bool, mut digits: Vec<u8>, mut exponent: i64) -> Decimal {
        while digits.last() == Some(&0) {
            digits.pop();
            exponent = exponent.saturating_add(1);
        }
        let n_leading = digits.iter().take_while(|&&digit| digit == 0).count();
        digits.drain(..n_leading);
        Decimal {
            negative: negative && !digits.is_empty(),
            exponent: if digits.is_empty() { 0 } else { exponent },
            digits,
        }
    }

    /// The digits as an integer, when this is one of at most [`MAX_DIGITS`] digits.
    pub(super) fn integer_digits(&self) -> Option<(bool, Vec<u8>)> {
        let n_digits = self.exponent.saturating_add(self.digits.len() as i64);
        if self.exponent < 0 || n_digits > MAX_DIGITS {
            return None;
        }
        let mut digits = self.digits.clone();
        digits.resize(n_digits as usize, 0);
        Some((self.negative, digits))
    }

    /// The smallest power of ten above the number's absolute value; `None` for zero.
    pub(super) fn magnitude(&self) -> Option<i64> {
        let n_digits = self.digits.len() as i64;
        (n_digits > 0).then(|| self.exponent.saturating_add(n_digits))
    }

    /// True when the numbers differ by no more than a positive bound.
    /// Numbers that are too far apart in size to be aligned are told apart by their size.
    pub(super) fn is_within(&self, other: &Decimal, bound: &Decimal) -> bool {
        if self == other {
            return true;
        }
        let terms = [self, other, bound];
        let top = terms.iter().filter_map(|term| term.magnitude()).max();
        let bottom = terms.iter().map(|term| term.exponent).min();
        let (Some(top), Some(bottom)) = (top, bottom) else {
            return true;
        };
        // What lies far below the bound's own digits cannot matter, except for numbers at the very bound.
        let bottom = bottom.max(bound.exponent.saturating_sub(MAX_DIGITS / 2));
        if top.saturating_sub(bottom) > MAX_DIGITS {
            return false;
        }
        let [one, two, bound] = terms.map(|term| term.aligned(top, bottom));
        let difference = if self.negative == other.negative {
            match one.cmp(&two) {
                Ordering::Less => subtract(&two, &one),
                _ => subtract(&one, &two),
            }
        } else {
            add(&one, &two)
        };
        difference <= [&[0], &bound[..]].concat()
    }

    /// Digits from a power of ten down to another, without the sign.
    fn aligned(&self, top: i64, bottom: i64) -> Vec<u8> {
        let mut digits = vec![0; (top - bottom) as usize];
        let start = top - self.exponent - self.digits.len() as i64;
        for (at, &digit) in (start.max(0) as usize..digits.len()).zip(&self.digits) {
            digits[at] = digit;
        }
        digits
    }
}

/// An exponent; one beyond all bounds is a very large one.
fn exponent_value(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size = digits
        .parse()
        .map_or(i64::MAX / 4, |size: i64| size.min(i64::MAX / 4));
    Some(if text.starts_with('-') { -size } else { size })
}

/// The sum of two numbers of as many digits, with one digit more.
fn add(one: &[u8], two: &[u8]) -> Vec<u8> {
    let mut sum = vec![0; one.len() + 1];
    let mut carry = 0;
    for at in (0..one.len()).rev() {
        let digit = one[at] + two[at] + carry;
        sum[at + 1] = digit % 10;
        carry = digit / 10;
    }
    sum[0] = carry;
    sum
}

/// The difference of a number and one not above it, with one digit more.
fn subtract(large: &[u8], small: &[u8]) -> Vec<u8> {
    let mut difference = vec![0; large.len() + 1];
    let mut borrow = 0;
    for at in (0..large.len()).rev() {
        let digit = 10 + large[at] - small[at] - borrow;
        difference[at + 1] = digit % 10;
        borrow = u8::from(digit < 10);
    }
    difference
}
