/// Replies are looked at this often, in tokens.
const EVERY: usize = 16;
/// The longest period that is looked for, in tokens.
const MAX_PERIOD: usize = 64;
/// Periods, and tokens, that a repetition must last: a matrix of zeros or a drawn line is shorter.
const MIN_PERIODS: usize = 6;
const MIN_TOKENS: usize = 192;

/// True when a reply has fallen into saying the same again and again, to the token.
///
/// Small models do this often, and a model that decodes greedily never leaves such a loop: all that follows is
/// known, and costs as much as the rest of the reply's limit.
pub(crate) fn is_endless(reply: &[u32]) -> bool {
    reply.len().is_multiple_of(EVERY) && (1..=MAX_PERIOD).any(|period| repeats(reply, period))
}

fn repeats(reply: &[u32], period: usize) -> bool {
    let n_tokens = MIN_TOKENS.max(MIN_PERIODS * period);
    let Some(start) = reply.len().checked_sub(n_tokens) else {
        return false;
    };
    let tail = &reply[start..];
    // From the end, where a difference shows first.
    tail.iter()
        .rev()
        .zip(tail[..n_tokens - period].iter().rev())
        .all(|(later, earlier)| later == earlier)
}

#[cfg(test)]
mod tests;
