use std::cell::{Cell, RefCell};

use agents::Status;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use super::*;
use crate::fixtures::{outcome, task};

fn tasks(n: usize) -> Vec<Task> {
    (0..n).map(|idx| task(&format!("p/{idx}"))).collect()
}

fn failed(task: &Task) -> ProblemResult {
    ProblemResult::unscored(outcome(&task.problem.id, Status::Failed, None))
}

fn index(task: &Task) -> usize {
    task.problem.id["p/".len()..].parse().unwrap()
}

fn ids(finished: &Finished) -> Vec<&str> {
    finished
        .results
        .iter()
        .map(|result| result.id.as_str())
        .collect()
}

#[tokio::test]
async fn results_are_in_order_whatever_the_concurrency() {
    for concurrency in [0, 1, 3, 100] {
        let in_flight = Cell::new(0);
        let most = Cell::new(0);
        let finished = run(
            tasks(20),
            concurrency,
            &Drain::default(),
            async |task: Task| {
                in_flight.set(in_flight.get() + 1);
                most.set(most.get().max(in_flight.get()));
                // Later problems end earlier.
                for _ in 0..20 - index(&task) {
                    yield_now().await;
                }
                in_flight.set(in_flight.get() - 1);
                Ok::<_, String>(failed(&task))
            },
            |_| {},
        )
        .await;
        let expected: Vec<String> = (0..20).map(|idx| format!("p/{idx}")).collect();
        assert_eq!(ids(&finished), expected);
        assert!(finished.is_complete());
        assert_eq!(most.get(), concurrency.clamp(1, 20));
    }
}

#[tokio::test]
async fn a_fault_or_a_panic_never_stops_the_others() {
    let events = RefCell::new(Vec::new());
    let finished = run(
        tasks(4),
        2,
        &Drain::default(),
        async |task: Task| {
            yield_now().await;
            match index(&task) {
                1 => Err("the disk is full".to_string()),
                2 => panic!("out of range"),
                _ => Ok(failed(&task)),
            }
        },
        |event| events.borrow_mut().push(event),
    )
    .await;
    assert_eq!(ids(&finished), ["p/0", "p/3"]);
    let faults: Vec<(&str, &str)> = finished
        .faulted
        .iter()
        .map(|faulted| (faulted.id.as_str(), faulted.fault.as_str()))
        .collect();
    assert_eq!(
        faults,
        [
            ("p/1", "the disk is full"),
            ("p/2", "a fault in this program: out of range")
        ]
    );
    assert!(!finished.is_complete());
    let events = events.into_inner();
    let n_started = events
        .iter()
        .filter(|event| matches!(event, Event::Started { .. }))
        .count();
    let n_faulted = events
        .iter()
        .filter(|event| matches!(event, Event::Faulted { .. }))
        .count();
    assert_eq!((events.len(), n_started, n_faulted), (8, 4, 2));
}

#[tokio::test]
async fn a_drained_run_finishes_what_is_in_flight_and_says_what_is_left() {
    let drain = Drain::default();
    let gate = Semaphore::new(0);
    let started = Cell::new(0);
    let running = run(
        tasks(10),
        3,
        &drain,
        async |task: Task| {
            started.set(started.get() + 1);
            let _permit = gate.acquire().await;
            Ok::<_, String>(failed(&task))
        },
        |_| {},
    );
    let stopping = async {
        while started.get() < 3 {
            yield_now().await;
        }
        drain.request();
        gate.add_permits(100);
    };
    let (finished, ()) = tokio::join!(running, stopping);
    assert_eq!(ids(&finished), ["p/0", "p/1", "p/2"]);
    assert_eq!((started.get(), finished.n_left), (3, 7));
    assert!(!finished.is_complete());
}

#[tokio::test]
async fn a_run_with_an_undecided_problem_is_incomplete() {
    let finished = run(
        tasks(1),
        1,
        &Drain::default(),
        async |task: Task| {
            Ok::<_, String>(ProblemResult::unscored(outcome(
                &task.problem.id,
                Status::Budget,
                None,
            )))
        },
        |_| {},
    )
    .await;
    assert!(!finished.is_complete());
    let nothing = run(
        Vec::new(),
        1,
        &Drain::default(),
        async |task: Task| Ok::<_, String>(failed(&task)),
        |_| {},
    )
    .await;
    assert!(nothing.is_complete());
}
