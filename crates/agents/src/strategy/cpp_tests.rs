//! Every strategy with programs in C++: what is asked for, what is read, and what is judged.

use std::sync::atomic::{AtomicUsize, Ordering};

use domain::{Form, Language, Problem, Sampling, Test, Verdict};

use super::replay_tests::strategies;
use super::tests::{Bench, confidence, problem, recall};
use crate::{Contract, Status};

/// Passes one of the two samples.
const PRODUCT: &str = "std::cout << a * b;";
const SUM: &str = "std::cout << a + b;";

fn program(body: &str) -> String {
    format!(
        "#include <iostream>\nint main() {{\n    long a, b;\n    std::cin >> a >> b;\n    {body}\n}}"
    )
}

fn sum_of_two() -> Problem {
    let sample = |input: &str, expected: &str| Test::Stdio {
        input: input.into(),
        expected: vec![expected.into()],
    };
    Problem {
        statement: "Read two integers and print their sum.".into(),
        form: Form::Stdio,
        samples: vec![sample("2 2\n", "4\n"), sample("1 2\n", "3\n")],
        ..problem()
    }
}

/// Follows every contract; the first program is a product, the others are sums.
fn in_cpp(strategy: crate::Strategy) -> Bench {
    let n_programs = AtomicUsize::new(0);
    let mut bench = Bench::new(strategy, move |contract, nth, prompt| {
        let block = || {
            assert!(prompt.contains("```cpp"), "{prompt}");
            let body = match n_programs.fetch_add(1, Ordering::Relaxed) {
                0 => PRODUCT,
                _ => SUM,
            };
            format!("```cpp\n{}\n```", program(body))
        };
        Ok(match contract {
            Contract::Recall => recall(strategy.k()),
            Contract::Plan => format!("<plan>plan {nth}</plan>"),
            Contract::Confidence => confidence(50),
            Contract::Simulation => "<simulation>2 + 2 = 4</simulation><holds>1</holds>".into(),
            Contract::Reflection => format!("<reflection>lesson {nth}</reflection>"),
            Contract::Code => block(),
            Contract::Reasoned => format!("<reasoning>add</reasoning>\n{}", block()),
            Contract::Analogy => format!("{}\n{}", recall(2), block()),
            Contract::Repair => format!("<plan>again</plan>\n{}", block()),
        })
    });
    bench.team.language = Language::Cpp;
    bench.team.sampling = Sampling {
        temperature: 0.8,
        ..Sampling::default()
    };
    bench
}

#[tokio::test]
async fn every_strategy_writes_programs_in_cpp() {
    for strategy in strategies() {
        let bench = in_cpp(strategy);
        if bench.team.judge.toolchain(Language::Cpp).is_none() {
            println!("skipped: there is no C++ compiler");
            return;
        }
        let transcript = bench.team.transcribe(&sum_of_two(), &[]).await.unwrap();
        let outcome = &transcript.outcome;
        assert_eq!(outcome.n_format_failures(), 0, "{strategy}");
        // Those that write one program end with the product; all others come to a sum.
        let is_single = outcome.judgings.len() == 1;
        let (status, n_passed, body) = match is_single {
            true => (Status::Failed, 1, PRODUCT),
            false => (Status::Passed, 2, SUM),
        };
        assert_eq!(outcome.status, status, "{strategy}: {}", outcome.fault);
        let best = outcome.best.as_ref().unwrap();
        assert_eq!(best.program.language, Language::Cpp, "{strategy}");
        assert_eq!(best.program.source.trim_end(), program(body), "{strategy}");
        assert_eq!(best.n_passed, n_passed, "{strategy}");
        assert_eq!(transcript.trials[0].verdict, Verdict::WrongAnswer);
        for turn in &transcript.turns {
            let asked = &turn.messages[1].content;
            assert!(!asked.contains("python"), "{strategy}: {asked}");
        }
    }
}
