//! The baselines and MapCoder's ablations, on scripted models.

use domain::Sampling;

use super::tests::{Answer, Bench, HALF, RIGHT, WRONG, block, confidence, recall, repaired};
use crate::{Contract, Outcome, Place, Status, Strategy, Without};

fn contracts(outcome: &Outcome) -> Vec<&'static str> {
    let calls = outcome.calls.iter();
    calls.map(|call| call.contract.name()).collect()
}

fn place(plan_rank: usize, debug_round: usize) -> Place {
    Place {
        plan_rank,
        debug_round,
    }
}

/// Follows every contract; the programs come in this order, the last one again and again.
pub(super) fn obedient(
    programs: &'static [&'static str],
) -> impl Fn(Contract, usize, &str) -> Answer + Send + Sync {
    let next = std::sync::atomic::AtomicUsize::new(0);
    move |contract, nth, _| {
        let body = || {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            programs[at.min(programs.len() - 1)]
        };
        Ok(match contract {
            Contract::Recall => recall(1),
            Contract::Plan => format!("<plan>plan {nth}</plan>"),
            Contract::Confidence => confidence(50),
            Contract::Simulation => "<simulation>0 + 0 = 0</simulation><holds>1</holds>".into(),
            Contract::Code => block(body()),
            Contract::Reasoned => format!("<reasoning>add</reasoning>\n{}", block(body())),
            Contract::Analogy => format!("{}\n{}", recall(2), block(body())),
            Contract::Repair => repaired(body()),
            Contract::Reflection => format!("<reflection>lesson {nth}</reflection>"),
        })
    }
}

#[tokio::test]
async fn one_question_baselines_ask_one_question() {
    for (strategy, contract) in [
        (Strategy::Cot, "reasoned"),
        (Strategy::Analogical { k: 2 }, "analogy"),
    ] {
        let outcome = Bench::new(strategy, obedient(&[RIGHT])).solve().await;
        assert_eq!(outcome.status, Status::Passed);
        assert_eq!(contracts(&outcome), [contract]);
        assert_eq!(outcome.n_format_failures(), 0, "{strategy}");
    }
}

#[tokio::test]
async fn self_planning_programs_its_plan() {
    let bench = Bench::new(Strategy::SelfPlanning, |contract, _, prompt| {
        Ok(match contract {
            Contract::Plan => {
                assert!(!prompt.contains("different plans"), "{prompt}");
                "<plan>add them up</plan>".into()
            }
            _ => {
                assert!(prompt.contains("# The plan\n\nadd them up"), "{prompt}");
                block(RIGHT)
            }
        })
    });
    let outcome = bench.solve().await;
    assert_eq!(
        (outcome.status, contracts(&outcome)),
        (Status::Passed, vec!["plan", "code"])
    );
}

#[tokio::test]
async fn reflexion_shows_its_last_lessons_and_the_last_attempt() {
    let bodies = ["return 1", "return 2", "return 4", "return 5", RIGHT];
    let bench = Bench::new(
        Strategy::Reflexion { t: 5 },
        move |contract, nth, prompt| {
            Ok(match contract {
                Contract::Reflection => {
                    assert!(prompt.contains(bodies[nth]) && prompt.contains("It passes 0 of 2"));
                    format!("<reflection>lesson {nth}</reflection>")
                }
                _ => {
                    for lesson in 0..nth {
                        let is_kept = lesson + 3 >= nth;
                        assert_eq!(
                            prompt.contains(&format!("lesson {lesson}")),
                            is_kept,
                            "{prompt}"
                        );
                    }
                    block(bodies[nth])
                }
            })
        },
    );
    let outcome = bench.solve().await;
    assert_eq!(outcome.status, Status::Passed);
    assert_eq!(outcome.best.unwrap().place, place(0, 4));
    assert_eq!(outcome.calls.len(), 1 + 4 * 2);
}

#[tokio::test]
async fn reflexion_ends_after_its_attempts_or_when_a_greedy_model_repeats_itself() {
    let bodies = &["return 1", "return 2", "return 3", "return 4"];
    let outcome = Bench::new(Strategy::Reflexion { t: 2 }, obedient(bodies))
        .solve()
        .await;
    assert_eq!(
        (outcome.status, outcome.judgings.len()),
        (Status::Failed, 3)
    );
    let outcome = Bench::new(Strategy::Reflexion { t: 9 }, obedient(&[WRONG]))
        .solve()
        .await;
    assert_eq!(outcome.judgings.len(), 1);
    assert_eq!(contracts(&outcome), ["code", "reflection", "code"]);
}

#[tokio::test]
async fn codesim_refines_a_plan_that_does_not_hold() {
    let strategy = Strategy::CodeSim { p: 2, d: 1 };
    let bench = Bench::new(strategy, |contract, nth, prompt| {
        Ok(match contract {
            Contract::Recall => recall(1),
            Contract::Plan if prompt.contains("The plan is wrong") => {
                assert!(
                    prompt.contains("plan 0") && prompt.contains("0 becomes 1"),
                    "{prompt}"
                );
                "<plan>refined</plan>".into()
            }
            Contract::Plan => format!("<plan>plan {nth}</plan>"),
            Contract::Simulation => "<simulation>0 becomes 1</simulation>\n<holds>0</holds>".into(),
            _ => {
                assert!(prompt.contains("# The plan\n\nrefined"), "{prompt}");
                block(RIGHT)
            }
        })
    });
    let outcome = bench.solve().await;
    assert_eq!(outcome.status, Status::Passed);
    assert_eq!(
        contracts(&outcome),
        ["recall", "plan", "simulation", "plan", "code"]
    );
}

#[tokio::test]
async fn codesim_plans_again_when_no_repair_helps() {
    let strategy = Strategy::CodeSim { p: 3, d: 1 };
    let bodies = &[WRONG, "return 8", HALF, RIGHT];
    let outcome = Bench::new(strategy, obedient(bodies)).solve().await;
    assert_eq!(outcome.status, Status::Passed);
    assert_eq!(outcome.best.as_ref().unwrap().place, place(1, 1));
    let round = ["plan", "simulation", "code", "repair"];
    assert_eq!(
        contracts(&outcome),
        [&["recall"][..], &round, &round].concat()
    );
}

#[tokio::test]
async fn best_of_n_asks_n_times_and_keeps_the_program_that_passes_most() {
    let mut bench = Bench::new(
        Strategy::BestOfN { n: 4 },
        obedient(&[WRONG, HALF, RIGHT, WRONG]),
    );
    bench.team.sampling = Sampling {
        temperature: 0.8,
        ..Sampling::default()
    };
    let outcome = bench.solve().await;
    assert_eq!((outcome.calls.len(), outcome.judgings.len()), (4, 4));
    assert_eq!(outcome.status, Status::Passed);
    let best = outcome.best.unwrap();
    assert_eq!((best.n_passed, best.place), (2, place(2, 0)));
    let keys: std::collections::HashSet<_> = outcome.calls.iter().map(|call| &call.key).collect();
    assert_eq!(keys.len(), 4, "each is a question of its own");
}

fn ablation(names: &[&'static str]) -> Strategy {
    Strategy::MapCoder {
        k: 2,
        t: 2,
        without: Without::of(names.iter().copied()).unwrap(),
    }
}

#[tokio::test]
async fn an_agent_that_is_left_out_is_not_asked() {
    for (names, expect) in [
        (
            &["retrieval"][..],
            &["plan", "confidence", "plan", "confidence", "code", "repair"][..],
        ),
        (&["planning"], &["recall", "code", "repair"]),
        (
            &["debugging"],
            &[
                "recall",
                "plan",
                "confidence",
                "plan",
                "confidence",
                "code",
                "code",
            ],
        ),
        (&["retrieval", "planning"], &["code", "repair"]),
        (
            &["retrieval", "debugging"],
            &["plan", "confidence", "plan", "confidence", "code", "code"],
        ),
        (&["planning", "debugging"], &["recall", "code"]),
        (&["retrieval", "planning", "debugging"], &["code"]),
    ] {
        let outcome = Bench::new(ablation(names), obedient(&[WRONG, RIGHT]))
            .solve()
            .await;
        assert_eq!(contracts(&outcome), expect, "{names:?}");
    }
}

#[test]
fn strategies_are_recorded_by_name() {
    for name in Strategy::NAMES {
        let strategy: Strategy = name.parse().unwrap();
        assert_eq!(strategy.name(), name);
        let json = serde_json::to_value(strategy).unwrap();
        assert_eq!(json["name"], name);
        assert_eq!(serde_json::from_value::<Strategy>(json).unwrap(), strategy);
        assert!(strategy.to_string().starts_with(name));
    }
    let whole = serde_json::to_string(&ablation(&[])).unwrap();
    assert_eq!(
        whole, r#"{"name":"mapcoder","k":2,"t":2}"#,
        "as before there were ablations"
    );
    let without = ablation(&["planning", "debugging"]);
    assert_eq!(
        without.to_string(),
        "mapcoder (k = 2, t = 2, without planning, without debugging)"
    );
    assert_eq!(Without::of(["coding"]), None);
}

#[tokio::test]
async fn no_broken_reply_ends_a_baseline() {
    for name in Strategy::NAMES {
        for reply in ["", "```", "<plan>", "<holds>maybe</holds>", "I am sorry."] {
            let outcome = Bench::new(name.parse().unwrap(), move |_, _, _| Ok(reply.to_string()));
            let outcome = outcome.solve().await;
            assert_eq!(outcome.status, Status::NoProgram, "{name}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn a_second_run_of_a_baseline_asks_nothing() {
    for name in Strategy::NAMES {
        let strategy: Strategy = name.parse().unwrap();
        let first = Bench::new(strategy, obedient(&[WRONG, HALF, RIGHT]));
        let outcome = first.solve().await;
        let again = Bench::on(first.team.ledger.clone(), strategy, |_, _, _| {
            panic!("asked again")
        });
        assert_eq!(again.solve().await, outcome, "{name}");
    }
}

#[tokio::test]
async fn a_problem_gets_no_more_than_its_allowance() {
    let mut bench = Bench::new(ablation(&[]), obedient(&[WRONG, HALF, RIGHT]));
    let whole = bench.solve().await;
    assert_eq!((whole.status, whole.calls.len()), (Status::Passed, 8));
    let tokens =
        |outcome: &Outcome| outcome.usage().prompt_tokens + outcome.usage().completion_tokens;
    let last = whole.calls.last().unwrap().usage;
    let before_last = tokens(&whole) - last.prompt_tokens - last.completion_tokens;
    bench.team.allowance.tokens = Some(before_last + 1);
    assert_eq!(
        bench.solve().await,
        whole,
        "it is looked at before a question, not after"
    );
    bench.team.allowance.tokens = Some(before_last);
    let cut = bench.solve().await;
    assert_eq!(cut.status, Status::Budget);
    assert!(
        cut.fault.contains("tokens for this problem"),
        "{}",
        cut.fault
    );
    assert_eq!(cut.calls[..], whole.calls[..7]);
}
