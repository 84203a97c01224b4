//! Runs that failed, done again with feedback for one agent, on scripted models.

use std::sync::Arc;

use domain::{Agent, Language, Sampling, Verdict};
use llm::{ChatModel, Scripted, text_reply};

use super::tests::{Answer, Bench, MAPCODER, WRONG, block, confidence, problem, repaired};
use crate::{Contract, Correction, Format, Spot, Status, Supervisor, SupervisorError, Transcript};

const NOTE: &str = "remember the note";

/// A team that fails, unless one of its agents is told the note. A good part makes what follows it good; plan 2 is surer.
fn forgetful(contract: Contract, _: usize, prompt: &str) -> Answer {
    let is_told = prompt.contains(NOTE);
    let is_good = is_told || prompt.contains("good");
    let word = if is_good { "good" } else { "bad" };
    let number = if prompt.contains("d1") { 1 } else { 2 };
    Ok(match contract {
        Contract::Recall => {
            let example = |at| {
                format!("<example><description>d{at}</description><plan>p{at}</plan></example>\n")
            };
            format!("{}{}<algorithm>{word}</algorithm>", example(1), example(2))
        }
        Contract::Plan => format!("<plan>plan {number} is {word}</plan>"),
        Contract::Confidence if prompt.contains("plan 2") => confidence(80),
        Contract::Confidence => confidence(40),
        Contract::Code if is_good => block("return a + b"),
        Contract::Code => block(WRONG),
        Contract::Repair if is_told => repaired("return a + b"),
        Contract::Repair => repaired("return 8"),
        other => unreachable!("MapCoder asks for no {}", other.name()),
    })
}

fn bench() -> Bench {
    Bench::new(MAPCODER, forgetful)
}

async fn transcribed(bench: &Bench, corrections: &[Correction]) -> Transcript {
    bench
        .team
        .transcribe(&problem(), corrections)
        .await
        .unwrap()
}

fn correction(spot: Spot) -> Correction {
    Correction {
        spot,
        feedback: NOTE.into(),
    }
}

#[tokio::test]
async fn one_agent_works_again_and_all_behind_it() {
    // Of the plan that came furthest, number 1 from 0: the other one failed as badly, and is less sure.
    for (agent, contract, plan, round, n_fresh) in [
        // Recall, two plans, two checks, and the program with its judging.
        (Agent::Retrieval, Contract::Recall, 0, 0, 7),
        (Agent::Planning, Contract::Plan, 1, 0, 4),
        (Agent::Coding, Contract::Code, 1, 0, 2),
        (Agent::Debugging, Contract::Repair, 1, 1, 2),
    ] {
        let bench = bench();
        let base = transcribed(&bench, &[]).await;
        assert_eq!(base.outcome.status, Status::Failed);
        assert_eq!((base.order.as_slice(), base.main_plan()), (&[1, 0][..], 1));
        let spot = base.spot_of(agent).unwrap();
        let expected = Spot {
            contract,
            plan,
            round,
        };
        assert_eq!(spot, expected);
        let n_before = bench.n_fresh();

        let corrected = transcribed(&bench, &[correction(spot)]).await;
        assert_eq!(corrected.outcome.status, Status::Passed, "{agent}");
        assert_eq!(bench.n_fresh() - n_before, n_fresh, "{agent}");
        for turn in &corrected.turns {
            let old = base.turn(&turn.spot).unwrap();
            let is_upstream = turn.spot != spot && !spot.is_upstream_of(&turn.spot);
            if is_upstream {
                assert_eq!(turn, old, "{agent}");
            }
            assert_eq!(
                turn.feedback,
                if turn.spot == spot {
                    vec![NOTE]
                } else {
                    vec![]
                }
            );
        }
        let turn = corrected.turn(&spot).unwrap();
        let old = base.turn(&spot).unwrap();
        assert_eq!(turn.messages, old.messages, "the feedback is erased");
        assert_ne!(turn.call.key, old.call.key, "it was another question");
        let asked = bench.team.ledger.exchange(&turn.call.key).unwrap().unwrap();
        let question = &asked.ask.messages[1].content;
        assert!(question.starts_with(&turn.messages[1].content) && question.contains(NOTE));
        for turn in &corrected.turns {
            let learned = format!("{:?}{}", turn.messages, turn.reply);
            assert!(!learned.contains(NOTE), "{agent}: {learned}");
        }

        // The same again is free.
        let n_before = bench.n_fresh();
        assert_eq!(transcribed(&bench, &[correction(spot)]).await, corrected);
        assert_eq!(bench.n_fresh(), n_before);
    }
}

#[tokio::test]
async fn a_transcript_is_the_run_itself() {
    let bench = bench();
    let transcript = transcribed(&bench, &[]).await;
    assert_eq!(bench.solve().await, transcript.outcome);
    for (turn, call) in transcript.turns.iter().zip(&transcript.outcome.calls) {
        let exchange = bench.team.ledger.exchange(&call.key).unwrap().unwrap();
        assert_eq!(turn.messages, exchange.ask.messages);
        assert_eq!((&turn.reply, &turn.call), (&exchange.reply.text, call));
    }
    let programs: Vec<_> = transcript
        .turns
        .iter()
        .filter_map(|turn| transcript.trial(&turn.spot))
        .map(|trial| (trial.record.place.plan_rank, trial.record.place.debug_round))
        .collect();
    assert_eq!(programs, [(0, 0), (0, 1), (1, 0), (1, 1)]);
    assert!(
        transcript
            .trials
            .iter()
            .all(|trial| trial.report.contains("wrong answer"))
    );
}

#[tokio::test]
async fn nobody_without_a_part_can_be_named() {
    let bench = Bench::new(MAPCODER, |_, _, _| Ok(String::new()));
    let transcript = transcribed(&bench, &[]).await;
    assert_eq!(transcript.outcome.status, Status::NoProgram);
    let spots = Agent::ALL.map(|agent| transcript.spot_of(agent).is_some());
    assert_eq!(spots, [true, true, true, false]);
}

fn supervisor(
    bench: &Bench,
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
) -> Supervisor {
    let model: Arc<dyn ChatModel> = Arc::new(Scripted::new(move |ask: &domain::Ask| {
        Ok(text_reply(ask, answer(&ask.messages[1].content)))
    }));
    Supervisor {
        model,
        ledger: bench.team.ledger.clone(),
        run: bench.team.run.clone(),
        sampling: Sampling::default(),
        max_chars: 20_000,
    }
}

async fn review(
    supervisor: &Supervisor,
    bench: &Bench,
    transcript: &Transcript,
) -> Result<crate::Reviewed, SupervisorError> {
    let prompts = &bench.team.prompts;
    supervisor
        .review(
            prompts,
            &problem(),
            Language::Python,
            transcript,
            Some(Verdict::WrongAnswer),
        )
        .await
}

#[tokio::test]
async fn a_supervisor_reads_the_whole_way_of_the_plan_that_came_furthest() {
    let bench = bench();
    let transcript = transcribed(&bench, &[]).await;
    let supervisor = supervisor(&bench, |prompt| {
        // How long a test took is another number every time.
        let lines: Vec<&str> = prompt
            .lines()
            .map(|line| match line.rsplit_once(", ") {
                Some((before, took)) if took.ends_with(" ms") => before,
                _ => line,
            })
            .collect();
        insta::assert_snapshot!("review", lines.join("\n"));
        "<reason>r</reason>\n<agent>2</agent>\n<feedback>Say what is added.</feedback>".into()
    });
    let first = review(&supervisor, &bench, &transcript).await.unwrap();
    assert_eq!((first.format, first.reply.fresh), (Format::Strict, true));
    let found = first.review.unwrap();
    assert_eq!(
        (found.blame, found.feedback.as_str()),
        (Some(Agent::Planning), "Say what is added.")
    );
    assert!(
        !review(&supervisor, &bench, &transcript)
            .await
            .unwrap()
            .reply
            .fresh
    );
}

#[tokio::test]
async fn a_broken_review_is_a_format_failure_and_no_error() {
    let bench = bench();
    let transcript = transcribed(&bench, &[]).await;
    let supervisor = supervisor(&bench, |_| "It is the coder.".into());
    let reviewed = review(&supervisor, &bench, &transcript).await.unwrap();
    assert_eq!((reviewed.format, reviewed.review), (Format::Failed, None));
}
