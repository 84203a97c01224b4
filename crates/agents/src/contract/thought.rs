/// What begins and ends a thought: a reply that is held to a shape says neither, or it would not be read whole.
pub(super) const MARKS: [&str; 2] = ["<think", "</think>"];

/// The reply without the model's thinking aloud (`<think>…</think>`).
/// An unclosed thought swallows everything after it; a close without an open, everything before it.
pub(super) fn without_thought(reply: &str) -> String {
    let mut kept = String::with_capacity(reply.len());
    let mut rest = reply;
    while let Some(start) = rest.find("<think") {
        kept.push_str(&rest[..start]);
        match rest[start..].find("</think>") {
            Some(end) => rest = &rest[start + end + "</think>".len()..],
            None => rest = "",
        }
    }
    kept.push_str(rest);
    match kept.rfind("</think>") {
        Some(end) => kept.split_off(end + "</think>".len()),
        None => kept,
    }
}
