use super::*;

#[test]
fn what_is_expected_is_the_sum_of_calls() {
    let figures = CallFigures {
        calls: 2.0,
        prompt_tokens: 300.0,
        reply_tokens: 150.0,
        seconds: Some(4.0),
        cost: Some(0.01),
    };
    let expected = expect(&figures, 10.0, 8);
    assert_eq!(
        (
            expected.calls,
            expected.prompt_tokens,
            expected.reply_tokens
        ),
        (20.0, 6000.0, 3000.0)
    );
    assert_eq!((expected.seconds, expected.cost), (10.0, Some(0.2)));
    let unmeasured = CallFigures {
        seconds: None,
        cost: None,
        ..figures
    };
    let expected = expect(&unmeasured, 10.0, 8);
    assert_eq!((expected.seconds, expected.cost), (0.4 + 2.0, None));
}

#[test]
fn assumed_runs_never_take_more_calls_than_the_strategy_allows() {
    for (k, t) in [(1, 0), (1, 1), (3, 5)] {
        let figures = Figures::assumed(k, t, 100.0);
        let calls = |agent| figures.agents[&agent].calls;
        assert_eq!(calls(Agent::Planning), 2.0 * k as f64);
        assert!(calls(Agent::Coding) <= k as f64 && calls(Agent::Debugging) <= (k * t) as f64);
    }
    assert_eq!(Figures::measured(&[], &[]), None);
}
