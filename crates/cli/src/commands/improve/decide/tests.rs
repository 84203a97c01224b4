use evaluation::compare::SideProblem;

use super::*;

/// A team that solves the first `n_solved` of 20 problems.
fn side(name: &str, n_solved: usize) -> Side {
    let problem = |at: usize| {
        let problem = SideProblem {
            n_decided: 1,
            n_solved: usize::from(at < n_solved),
            ending: String::new(),
            program: None,
        };
        (format!("p/{at:02}"), problem)
    };
    Side {
        name: name.to_string(),
        problems: (0..20).map(problem).collect(),
    }
}

/// Decides on adapters with which so many problems are solved alone, and so many together, in place of 12.
fn check(alone: &[(Agent, usize)], together: Option<usize>, kept: &[Agent], is_harm: bool) {
    let alone: Vec<(Agent, Side)> = alone
        .iter()
        .map(|(agent, n)| (*agent, side(agent.name(), *n)))
        .collect();
    let mut n_measured = 0;
    let decision = decide(&side("base", 12), &alone, |agents| {
        n_measured += 1;
        assert!(agents.len() > 1);
        Ok(side("together", together.unwrap()))
    });
    let decision = decision.unwrap();
    assert_eq!(decision.kept, kept);
    assert_eq!(decision.is_harm_together, is_harm);
    assert_eq!(n_measured, usize::from(together.is_some()));
    assert_eq!(decision.comparisons.len(), alone.len() + n_measured);
}

use Agent::{Coding, Debugging, Planning, Retrieval};

#[test]
fn what_does_no_harm_is_kept() {
    check(&[(Coding, 14)], None, &[Coding], false);
    let both = [Planning, Coding];
    check(&[(Planning, 12), (Coding, 14)], Some(15), &both, false);
}

#[test]
fn a_harmful_adapter_is_dropped() {
    // Six problems lost and none won: p = 0.031.
    check(&[(Coding, 6)], None, &[], false);
    check(&[(Planning, 2), (Coding, 12)], None, &[Coding], false);
}

#[test]
fn a_few_lost_problems_are_chance() {
    // Five problems lost and none won: p = 0.063.
    check(&[(Coding, 7)], None, &[Coding], false);
}

#[test]
fn several_adapters_are_judged_as_several() {
    // Holm: among four the smallest p has to be below 0.05 / 4, and 0.031 is not.
    let alone = [
        (Retrieval, 12),
        (Planning, 12),
        (Coding, 6),
        (Debugging, 12),
    ];
    let all = [Retrieval, Planning, Coding, Debugging];
    check(&alone, Some(12), &all, false);
}

#[test]
fn adapters_that_do_harm_together_are_all_dropped() {
    check(&[(Planning, 11), (Coding, 10)], Some(3), &[], true);
    // What is not shown to be harm is none.
    let both = [Planning, Coding];
    check(&[(Planning, 11), (Coding, 10)], Some(8), &both, false);
}

#[test]
fn a_measurement_that_fails_decides_nothing() {
    let alone = [
        (Planning, side("planning", 12)),
        (Coding, side("coding", 12)),
    ];
    let failed = decide(&side("base", 12), &alone, |_| anyhow::bail!("no model"));
    assert!(failed.is_err());
}
