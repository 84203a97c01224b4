//! Rungs that must be there. Where they can all be had, none may go untested and nobody notice.

use std::fmt::Display;

use domain::Rung;

/// Names the rungs, with commas between, whose tests must not be skipped.
const REQUIRED: &str = "JUDGE_REQUIRE";

/// Says why a test is skipped on a rung.
///
/// # Panics
/// Where that rung is required, and for a name that is no rung's.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says what must be there"
)]
pub(crate) fn skip(rung: Rung, reason: impl Display) {
    let names = std::env::var(REQUIRED).unwrap_or_default();
    for name in names.split(',').filter(|name| !name.is_empty()) {
        let rungs = [Rung::Full, Rung::Userns, Rung::Landlock];
        let required = rungs.iter().find(|rung| rung.name() == name);
        let required = required.unwrap_or_else(|| panic!("{REQUIRED}: no rung is called `{name}`"));
        assert!(*required != rung, "{REQUIRED} has `{rung}`: {reason}");
    }
    println!("skipped: {rung}: {reason}");
}
