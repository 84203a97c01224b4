//! How published harnesses compare outputs, their mistakes included.
//!
//! To reproduce numbers that were published with them, never to decide. What differs on purpose is said at each.

mod apps;
mod code_contests;
mod decimal;
mod execeval;
mod livecodebench;
mod python;

use domain::Harness;

/// Whether a harness would accept the output.
pub(super) fn matches(harness: Harness, output: &[u8], answer: &[u8]) -> bool {
    // Three of them compare text, without the bytes that are none.
    let text = || python::decoded(output);
    let answer = &*String::from_utf8_lossy(answer);
    match harness {
        Harness::ExecEval => execeval::matches(&text(), answer),
        Harness::Apps => apps::matches(&text(), answer),
        Harness::LiveCodeBench => livecodebench::matches(&text(), answer),
        Harness::CodeContests => code_contests::matches(output, answer.as_bytes()),
    }
}
