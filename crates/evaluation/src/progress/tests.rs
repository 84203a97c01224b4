use domain::Usage;
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn started() -> Event {
    Event::Started {
        index: 0,
        id: "p".to_string(),
    }
}

fn asked(completion_tokens: u64, format: Format, is_fresh: bool) -> Event {
    Event::Asked {
        usage: Usage {
            completion_tokens,
            ..Usage::default()
        },
        format,
        is_fresh,
    }
}

fn finished(ending: Ending) -> Event {
    Event::Finished {
        index: 0,
        id: "p".to_string(),
        ending,
        time: SECOND,
    }
}

#[test]
fn a_line_from_the_first_problem_to_the_last() {
    let mut progress = Progress::new(3);
    let mut check = |events: &[Event], at: u32, expect: &str| {
        for event in events {
            progress.apply(event, SECOND * at);
        }
        assert_eq!(progress.to_string(), expect);
    };
    check(&[started()], 0, "0/3 done, 0 solved, 0 format failures");
    check(
        &[
            asked(100, Format::Recovered, true),
            finished(Ending::Solved),
        ],
        10,
        "1/3 done, 1 solved, 1 format failures, 10 tokens/s, 20 s left",
    );
    check(
        &[
            started(),
            asked(300, Format::Strict, true),
            finished(Ending::Failed),
        ],
        100,
        "2/3 done, 1 solved, 1 format failures, 4 tokens/s, 50 s left",
    );
    let faulted = Event::Faulted {
        index: 2,
        id: "p".to_string(),
        fault: "disk full".to_string(),
    };
    check(
        &[started(), faulted],
        100,
        "3/3 done, 1 solved, 1 format failures, 4 tokens/s",
    );
}

#[test]
fn what_comes_from_the_record_does_not_pass_for_speed() {
    let mut progress = Progress::new(10);
    for _ in 0..5 {
        progress.apply(&started(), SECOND);
        progress.apply(&asked(1000, Format::Strict, false), SECOND);
        progress.apply(&finished(Ending::Solved), SECOND);
    }
    assert_eq!(
        (progress.tokens_per_second(), progress.time_left()),
        (None, None)
    );
    progress.apply(&started(), SECOND);
    progress.apply(&asked(200, Format::Strict, true), SECOND * 21);
    progress.apply(&finished(Ending::Failed), SECOND * 21);
    assert_eq!(progress.tokens_per_second(), Some(10.0));
    assert_eq!(progress.time_left(), Some(SECOND * 80));
}

#[test]
fn durations_as_people_say_them() {
    let check = |millis, expect: &str| assert_eq!(duration(Duration::from_millis(millis)), expect);
    check(0, "0.0 s");
    check(9_940, "9.9 s");
    check(9_960, "10 s");
    check(59_900, "1m 00s");
    check(3_599_000, "59m 59s");
    check(3_600_000, "1h 00m");
}

proptest! {
    #[test]
    fn any_events_in_any_order_give_a_line(events in proptest::collection::vec((0..4u8, 0..100u32), 0..40)) {
        let mut progress = Progress::new(5);
        for (kind, at) in events {
            let event = match kind {
                0 => started(),
                1 => asked(7, Format::Failed, at % 2 == 0),
                2 => finished(Ending::Solved),
                _ => finished(Ending::Budget),
            };
            progress.apply(&event, SECOND * at);
            prop_assert!(!progress.to_string().contains("NaN"));
        }
    }
}
