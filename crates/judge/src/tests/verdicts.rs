//! The order in which evidence decides.

use domain::{Exit, Verdict};

use crate::checkers::Opinion;
use crate::handle::Run;
use crate::protocol::{Hit, Outcome};
use crate::verdict;

/// Puts down one piece of evidence.
type Evidence = fn(&mut Run);

/// Evidence for a verdict, from the strongest to the weakest.
const EVIDENCE: [(Verdict, Evidence); 6] = [
    (Verdict::OutputLimit, |run| {
        run.outcome.hit = Some(Hit::Output)
    }),
    (Verdict::MemoryLimit, |run| run.outcome.oom = true),
    (Verdict::TimeLimit, |run| set(run, Hit::Cpu)),
    (Verdict::IdleLimit, |run| set(run, Hit::Wall)),
    (Verdict::RuntimeError, |run| {
        run.outcome.exit = Some(Exit::Code(3))
    }),
    (Verdict::WrongAnswer, |run| run.stdout = b"wrong".to_vec()),
];

/// A run hits one limit, the first.
fn set(run: &mut Run, hit: Hit) {
    run.outcome.hit.get_or_insert(hit);
}

/// A run that ended well and said what is right.
fn right() -> Run {
    Run {
        outcome: Outcome {
            exit: Some(Exit::Code(0)),
            hit: None,
            oom: false,
            stopped: false,
            broke_launcher: false,
            cpu_us: 1,
            wall_us: 1,
            memory_bytes: 1,
            stdout_bytes: 5,
            dirty: false,
            fault: None,
        },
        stdout: b"right".to_vec(),
        stderr: Vec::new(),
        artifact: None,
    }
}

fn verdict_of(run: &Run) -> Verdict {
    let check = |output: &[u8]| {
        let opinion = if output == b"right" {
            Opinion::Right
        } else {
            Opinion::Wrong("it differs".into())
        };
        Ok::<_, ()>((opinion, Vec::new()))
    };
    verdict::of_stdio(run, check).unwrap().verdict
}

#[test]
fn the_strongest_evidence_decides() {
    assert_eq!(verdict_of(&right()), Verdict::Accepted);
    for (position, (verdict, _)) in EVIDENCE.iter().enumerate() {
        // All evidence from here on, put down from the strongest to the weakest.
        let mut run = right();
        for (_, evidence) in &EVIDENCE[position..] {
            evidence(&mut run);
        }
        assert_eq!(verdict_of(&run), *verdict);
    }
}

#[test]
fn an_exit_by_the_programs_own_choice_is_never_a_limit() {
    for exit in [
        Exit::Signal(9),
        Exit::Signal(24),
        Exit::Signal(6),
        Exit::Code(137),
        Exit::Code(1),
    ] {
        let mut run = right();
        run.outcome.exit = Some(exit);
        assert_eq!(verdict_of(&run), Verdict::RuntimeError, "{exit:?}");
    }
}
