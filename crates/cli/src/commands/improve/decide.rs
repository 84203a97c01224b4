//! Which new adapters of a round are kept.

use domain::Agent;
use evaluation::compare::{Comparison, Side, compare};

/// What a round keeps, and why.
#[derive(Debug)]
pub(super) struct Decision {
    /// The agents whose new adapter is kept.
    pub(super) kept: Vec<Agent>,
    /// Each new adapter with what was there before; then those that do no harm alone, together, if they are several.
    pub(super) comparisons: Vec<Comparison>,
    /// True where these do harm together, so that none is kept.
    pub(super) is_harm_together: bool,
}

/// Keeps the new adapters with which the team solves not significantly fewer problems than before: each alone, adjusted
/// for their number, then together those that remain. `together` measures them.
///
/// # Errors
/// What `together` fails with.
pub(super) fn decide(
    before: &Side,
    alone: &[(Agent, Side)],
    together: impl FnOnce(&[Agent]) -> anyhow::Result<Side>,
) -> anyhow::Result<Decision> {
    let sides: Vec<Side> = alone.iter().map(|(_, side)| side.clone()).collect();
    let mut comparisons = compare(before, &sides, 1);
    let mut kept: Vec<Agent> = alone
        .iter()
        .zip(&comparisons)
        .filter(|(_, comparison)| !comparison.is_loss())
        .map(|((agent, _), _)| *agent)
        .collect();
    let mut is_harm_together = false;
    if kept.len() > 1 {
        let comparison = compare(before, &[together(&kept)?], 1);
        is_harm_together = comparison.iter().any(Comparison::is_loss);
        comparisons.extend(comparison);
    }
    if is_harm_together {
        kept.clear();
    }
    Ok(Decision {
        kept,
        comparisons,
        is_harm_together,
    })
}

#[cfg(test)]
mod tests;
