use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use crate::throttle::Throttle;
use crate::{Secret, pause, refusal, wire};

#[test]
fn pauses_double_and_are_shortened_by_up_to_half() {
    let [first, max] = [Duration::from_secs(1), Duration::from_secs(10)];
    for (n_sent, full) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (40, 10)] {
        let full = Duration::from_secs(full);
        for _ in 0..100 {
            let pause = pause::backoff(first, max, n_sent);
            assert!(pause <= full && pause >= full / 2, "{n_sent}: {pause:?}");
        }
    }
    let distinct: std::collections::HashSet<_> =
        (0..100).map(|_| pause::backoff(first, max, 1)).collect();
    assert!(distinct.len() > 90, "pauses spread");
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = httpdate::parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
    let read = |header| pause::retry_after(header, now).map(|wait| wait.as_secs_f64());
    assert_eq!(read("7"), Some(7.0));
    assert_eq!(read(" 0.5 "), Some(0.5));
    assert_eq!(read("Wed, 21 Oct 2015 07:29:30 GMT"), Some(90.0));
    assert_eq!(read("Wed, 21 Oct 2015 07:00:00 GMT"), Some(0.0));
    for nonsense in ["", "-1", "soon", "nan", "inf", "1e300"] {
        assert_eq!(read(nonsense), None, "{nonsense}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_complaint_halves_the_limit_once_and_replies_restore_it_slowly() {
    let throttle = Throttle::new(64);
    assert_eq!(throttle.limit(), 16);
    let mut slots = Vec::new();
    for _ in 0..16 {
        slots.push(throttle.acquire().await);
    }
    for slot in &slots {
        slot.complained(None);
    }
    assert_eq!(
        throttle.limit(),
        8,
        "all were sent before the first complaint"
    );
    drop(slots);

    let mut slots = Vec::new();
    for _ in 0..8 {
        slots.push(throttle.acquire().await);
    }
    let ninth = tokio::time::timeout(Duration::from_secs(1), throttle.acquire());
    assert!(ninth.await.is_err(), "the limit holds");
    for slot in &slots {
        slot.answered();
    }
    assert_eq!(throttle.limit(), 9, "one more for a round of replies");
    slots.push(throttle.acquire().await);
    slots[0].complained(None);
    assert_eq!(throttle.limit(), 4);
    drop(slots);
    for expected in [2, 1, 1] {
        let slot = throttle.acquire().await;
        slot.complained(None);
        assert_eq!(throttle.limit(), expected);
    }
    for _ in 0..10_000 {
        throttle.acquire().await.answered();
    }
    assert_eq!(throttle.limit(), 64);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_while_the_server_wants_to_be_left_alone() {
    let throttle = Throttle::new(4);
    throttle
        .acquire()
        .await
        .complained(Some(Duration::from_secs(30)));
    let started = tokio::time::Instant::now();
    let _slot = throttle.acquire().await;
    let waited = started.elapsed();
    assert!(
        waited >= Duration::from_secs(30) && waited <= Duration::from_secs(34),
        "{waited:?}"
    );
}

#[test]
fn a_key_is_masked_whole_and_in_parts() {
    let key = Secret::new("sk-proj-ABCDEFGH12345678");
    let check = |text: &str, expect: &str| assert_eq!(key.redact(text), expect);
    check("key sk-proj-ABCDEFGH12345678!", "key [redacted]!");
    check(
        "sk-proj-****5678 and …345678",
        "[redacted]****5678 and …[redacted]",
    );
    check("nothing to hide: ABCDE", "nothing to hide: ABCDE");
    check("日本ABCDEFGH日本", "日本[redacted]日本");
    assert_eq!(Secret::new("").redact("all stays"), "all stays");
    assert_eq!(Secret::new("abc").redact("xabcx"), "x[redacted]x");
}

proptest! {
    #[test]
    fn any_body_is_read_without_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = wire::answer(&body);
        let message = refusal::message(&body);
        prop_assert!(!message.contains('\n'));
        let _ = refusal::of_status(400, &body, &message, "m", None);
    }

    #[test]
    fn any_json_is_read_without_panic(
        content in "(null|1|\"[a-z]{0,5}\"|\\[\\]|\\{\\}|\\[\\{\"text\": \"t\"\\}\\])",
        finish in "(null|\"stop\"|\"length\"|7)",
        tail in "[\\]}, \"a-z:0-9]{0,10}",
    ) {
        let body = format!(
            r#"{{"choices": [{{"message": {{"content": {content}}}, "finish_reason": {finish}}}]{tail}"#
        );
        let _ = wire::answer(body.as_bytes());
        let whole = format!(
            r#"{{"choices": [{{"message": {{"content": {content}}}, "finish_reason": {finish}}}]}}"#
        );
        if content.starts_with('"') && finish != "7" {
            let text = wire::answer(whole.as_bytes()).map(|answer| answer.text);
            prop_assert_eq!(text.as_deref(), Ok(content.trim_matches('"')));
        }
    }

    #[test]
    fn context_messages_are_read_without_panic(
        message in "(maximum )?(context length|model length|context size)[ a-z(]{0,10}[0-9]{0,25}[ a-z(]{0,20}[0-9]{0,6}( in the messages| input tokens)?",
    ) {
        let _ = refusal::of_status(400, b"{}", &message, "m", None);
    }

    #[test]
    fn a_masked_key_is_gone(before in ".{0,20}", key in "[!-~]{8,40}", after in ".{0,20}") {
        let shown = Secret::new(&key).redact(&format!("{before}{key}{after}"));
        prop_assert!(!shown.contains(&key));
    }

    #[test]
    fn any_header_is_read_without_panic(header in ".{0,40}") {
        let _ = pause::retry_after(&header, SystemTime::now());
    }
}
