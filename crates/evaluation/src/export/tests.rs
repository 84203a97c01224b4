use domain::{CaseReport, Checker, Digest, Isolation, Language, Limits, Program, Rung, Submission};

use super::*;
use crate::fixtures::{outcome, results};

fn submission(tests: Vec<Test>) -> Submission {
    Submission {
        program: Program {
            language: Language::Python,
            source: String::new(),
        },
        tests,
        checker: Checker::Lines,
        limits: Limits::default(),
        isolation: Isolation::Fresh,
        stop_on_first_failure: false,
    }
}

/// A judging with these verdicts.
fn judging(verdicts: &[Verdict]) -> Judging {
    let case = |verdict: &Verdict| CaseReport {
        verdict: *verdict,
        cpu: Default::default(),
        wall: Default::default(),
        memory_bytes: 0,
        exit: None,
        actual: String::new(),
        n_output_bytes: 0,
        stderr_tail: String::new(),
        message: String::new(),
        otherwise: Vec::new(),
    };
    Judging {
        verdict: Verdict::WrongAnswer,
        cases: verdicts.iter().map(case).collect(),
        compile_log: String::new(),
        rung: Rung::Userns,
        toolchain: String::new(),
    }
}

fn python(code: &str) -> Test {
    Test::Python {
        code: code.to_string(),
    }
}

#[test]
fn failed_tests_are_told_by_their_inputs() {
    let call = |arguments: &str| Test::Call {
        function: "f".to_string(),
        arguments: arguments.to_string(),
        expected: vec!["1".to_string()],
    };
    let tests = vec![
        call("[1]"),
        call("[[2, 3], \"a\"]"),
        Test::Stdio {
            input: "5\n".to_string(),
            expected: Vec::new(),
        },
        python("assert f(1) == 2\n"),
        python("import math\nassert f(1) == 2"),
        call("[9]"),
    ];
    use Verdict::{Accepted, RuntimeError, WrongAnswer};
    let all = [
        Accepted,
        WrongAnswer,
        RuntimeError,
        WrongAnswer,
        WrongAnswer,
    ];
    let failed = failed_inputs(&submission(tests), &judging(&all));
    let expect = [
        json!([[2, 3], "a"]),
        json!(["5\n"]),
        json!("assert f(1) == 2"),
    ];
    assert_eq!(failed, expect, "the last test was not run");
}

#[test]
fn a_result_is_one_program_and_an_undecided_one_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("ledger.sqlite")).unwrap();
    let solutions: Vec<Option<Solution>> = results()
        .iter()
        .map(|result| Solution::of_result(&ledger, result).unwrap())
        .collect();
    let right = |at: usize| solutions[at].as_ref().unwrap().is_right;
    assert_eq!([right(0), right(2), right(3)], [true, false, false]);
    assert_eq!(solutions[0].as_ref().unwrap().code, "print(1)");
    assert_eq!(solutions[3].as_ref().unwrap().code, "");
    assert!(solutions[4..].iter().all(Option::is_none));
}

#[tokio::test]
async fn a_result_tells_the_test_that_was_recorded_as_failed() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("ledger.sqlite")).unwrap();
    let spec = ledger::RunSpec {
        command: "eval".to_string(),
        settings: json!({}),
    };
    let run = ledger.begin_run(&spec).unwrap();
    let submission = submission(vec![python("assert f(1) == 2")]);
    let call = || async { Ok::<_, String>(judging(&[Verdict::WrongAnswer])) };
    let recorded = ledger
        .judge(&run, "p/0", &submission, "python 3", call)
        .await
        .unwrap();
    let mut outcome = outcome("p/0", agents::Status::Failed, Some((0, 0)));
    outcome.judgings[0].key = recorded.key;
    let result = ProblemResult::unscored(outcome);
    let solution = Solution::of_result(&ledger, &result).unwrap().unwrap();
    assert_eq!(solution.failed, [json!("assert f(1) == 2")]);
    assert!(!solution.is_right);
}

#[test]
fn programs_are_exported_in_two_known_forms() {
    let solution = |id: &str, is_right, failed: &[Value]| Solution {
        id: id.to_string(),
        code: "print(1)".to_string(),
        is_right,
        failed: failed.to_vec(),
    };
    let solutions = [
        solution("a/0", true, &[]),
        solution("a/1", false, &[json!([1, 2])]),
        solution("a/1", true, &[]),
    ];
    let digest = Digest::of("data");
    let results = evalplus_results(&solutions, digest.as_str(), "2026-01-31");
    assert_eq!(results["hash"], digest.as_str());
    assert_eq!(results["eval"]["a/0"][0]["solution"], "print(1)");
    let programs = results["eval"]["a/1"].as_array().unwrap();
    assert_eq!(programs.len(), 2);
    assert_eq!(programs[0]["base_status"], "fail");
    assert_eq!(programs[0]["base_fail_tests"], json!([[1, 2]]));
    assert_eq!(programs[1]["base_status"], "pass");

    let entry = HubEntry::new(
        "openai/openai_humaneval",
        "openai_humaneval",
        "2026-01-31",
        (2, 4),
        &crate::stats::wilson(2, 4),
    );
    assert_eq!(
        entry.to_yaml(),
        "- dataset:\n    id: \"openai/openai_humaneval\"\n    task_id: \"openai_humaneval\"\n  value: 50.00\n  \
         date: \"2026-01-31\"\n  notes: \"2 of 4, 95 % interval 15.0 to 85.0\"\n"
    );
}
