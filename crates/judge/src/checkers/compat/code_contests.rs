//! The tester of CodeContests.
//!
//! Tokens in lower case; those that both read as doubles match when they differ by less than 1e-5, so that large
//! integers are compared with the precision of a double and large fractions have no relative tolerance.

/// Splits at what the tester splits at, which leaves form feeds inside tokens.
pub(super) fn matches(output: &[u8], answer: &[u8]) -> bool {
    let split = |text: &[u8]| -> Vec<Vec<u8>> {
        text.split(|byte| b" \n\t\r\x0b".contains(byte))
            .filter(|token| !token.is_empty())
            .map(<[u8]>::to_ascii_lowercase)
            .collect()
    };
    let (found, expected) = (split(output), split(answer));
    // The whole may be the same although a token, `nan`, does not match itself.
    found == expected
        || found.len() == expected.len()
            && found
                .iter()
                .zip(&expected)
                .all(|(found, expected)| same(found, expected))
}

fn same(found: &[u8], expected: &[u8]) -> bool {
    match (number(found), number(expected)) {
        (Some(found), Some(expected)) => (found - expected).abs() < 1e-5,
        _ => found == expected,
    }
}

/// A double as `absl::SimpleAtod` reads it.
fn number(token: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(token.trim_ascii()).ok()?;
    if text.starts_with("+-") || text.starts_with("++") {
        return None;
    }
    match text.trim_start_matches(['+', '-']) {
        bare if bare.starts_with("nan(") && bare.ends_with(')') => Some(f64::NAN),
        _ => text.parse().ok(),
    }
}
