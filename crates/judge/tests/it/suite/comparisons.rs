//! Cases 51 to 55: what is compared. The checkers' own tests have the rest.

use domain::Verdict::{Accepted, WrongAnswer};

use super::case::{Case, python};

const WRONG: &[domain::Verdict] = &[WrongAnswer];

pub(super) const CASES: &[Case] = &[
    python(51, "a hexadecimal number", "print('0x10')", WRONG)
        .expects("16\n")
        .checked_by("ncmp"),
    python(51, "a number with an exponent", "print('1e6')", WRONG)
        .expects("1000000\n")
        .checked_by("ncmp"),
    python(51, "a number with a sign", "print('+5')", WRONG)
        .expects("5\n")
        .checked_by("ncmp"),
    python(51, "a number with a zero before it", "print('05')", WRONG)
        .expects("5\n")
        .checked_by("ncmp"),
    python(51, "minus zero", "print('-0')", WRONG)
        .expects("0\n")
        .checked_by("ncmp"),
    python(51, "a number in other letters", "print('\u{ff11}')", WRONG).checked_by("ncmp"),
    python(51, "a number in parts", "print('1_000')", WRONG)
        .expects("1000\n")
        .checked_by("ncmp"),
    python(51, "no number for a number", "print('nan')", WRONG).checked_by("rcmp6"),
    python(51, "infinity for a number", "print('inf')", WRONG).checked_by("rcmp6"),
    python(52, "a large number, one off", "print(10**18 + 1)", WRONG)
        .expects("1000000000000000000\n"),
    python(52, "a million, one off", "print(1000001)", WRONG)
        .expects("1000000\n")
        .checked_by("ncmp"),
    python(
        53,
        "white space at ends",
        "print(' 1 \\n', end='\\n\\n')",
        &[Accepted],
    )
    .expects(" 1\n"),
    python(53, "no line end", "print(1, end='')", &[Accepted]),
    python(53, "lines in another order", "print('2\\n1')", WRONG).expects("1\n2\n"),
    python(53, "a line too many", "print('1\\n1')", WRONG),
    python(54, "within the tolerance", "print(0.3333333)", &[Accepted])
        .expects("0.333333333\n")
        .checked_by("rcmp6"),
    python(54, "beyond the tolerance", "print(0.33333)", WRONG)
        .expects("0.333333333\n")
        .checked_by("rcmp6"),
    python(55, "yes for YES", "print('yes')", WRONG).expects("YES\n"),
    python(
        55,
        "yes for YES, where the checker says so",
        "print('yes')",
        &[Accepted],
    )
    .expects("YES\n")
    .checked_by("yesno"),
];
