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
    let expected = expect(&figures, 10.0, 8, None);
    assert_eq!(
        (
            expected.calls,
            expected.prompt_tokens,
            expected.reply_tokens
        ),
        (20.0, 6000.0, 3000.0)
    );
    assert_eq!((expected.seconds, expected.cost), (Some(10.0), Some(0.2)));
    let unmeasured = CallFigures {
        seconds: None,
        cost: None,
        ..figures
    };
    let seconds = |billions| expect(&unmeasured, 10.0, 8, billions).seconds;
    assert_eq!(seconds(Some(7.0)), Some(0.4 + 2.0));
    assert_eq!(seconds(Some(14.0)), Some(0.8 + 4.0));
    assert_eq!(seconds(None), None);
    // Nothing takes no time, whoever would answer.
    assert_eq!(expect(&unmeasured, 0.0, 8, None).seconds, Some(0.0));
    let mut sum = expect(&unmeasured, 10.0, 8, Some(7.0));
    sum += expected;
    assert_eq!(
        (sum.calls, sum.seconds, sum.cost),
        (40.0, Some(12.4), Some(0.2))
    );
}

#[test]
fn the_size_of_a_model_is_read_from_its_name() {
    for (name, expect) in [
        ("Qwen/Qwen2.5-32B-Instruct", Some(32.0)),
        ("qwen2.5-coder-0.5b", Some(0.5)),
        ("smollm2-135m-instruct", Some(0.135)),
        ("Qwen3-Coder-480B-A35B-Instruct", Some(35.0)),
        ("deepseek-chat", None),
        ("v1.m.b-B", None),
        ("größe-7é", None),
        ("", None),
    ] {
        assert_eq!(billions(name), expect, "{name}");
    }
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
