//! Every language, on every rung: what programs do, and what is said of it.

use std::time::Duration;

use domain::Verdict::{Accepted, CompileError, MemoryLimit, RuntimeError, TimeLimit};
use domain::{Exit, Language, Limits, Rung, Submission, Verdict};
use judge::Judge;

use crate::common::{judge_with_all_tools, judged, stdio, submission};
use crate::samples::{SAMPLES, Sample};

/// Small limits, so that the suite stays quick, in which every runtime starts even on a busy machine.
fn limits() -> Limits {
    Limits {
        cpu: Duration::from_millis(300),
        wall: Duration::from_secs(20),
        memory_bytes: 64 << 20,
        ..Limits::default()
    }
}

/// What is wrong with how a language is judged.
async fn faults_of(judge: &Judge, sample: &Sample) -> Vec<String> {
    let language = sample.language;
    if judge.toolchain(language).is_none() {
        println!("skipped: nothing runs {language} here");
        return Vec::new();
    }
    let numbers: String = (0..20_000).map(|n| format!("{n}\n")).collect();
    let tests = vec![
        stdio("sum 1 2\n-4\r\n\n10", "9 é"),
        stdio(&format!("sum\n{numbers}"), "199990000 é"),
        stdio("threads", "3"),
        stdio("exit", ""),
        stdio("throw", ""),
        stdio("spin", ""),
        stdio("hog", ""),
    ];
    let program = Submission {
        limits: limits(),
        ..submission(language, sample.source, tests)
    };
    let judging = judged(judge, &program).await;
    if judging.verdict == Verdict::LanguageUnavailable {
        println!("skipped: {}", judging.compile_log);
        // Where programs see the machine's files, root's home is closed to the user that they run as,
        // and so is the list of processes, without which Mono does not start.
        let reasons = ["Permission denied", "pthread_getattr_np failed"];
        if judge.rung() == Rung::Landlock
            && reasons
                .iter()
                .any(|reason| judging.compile_log.contains(reason))
        {
            return Vec::new();
        }
    }
    let verdicts: Vec<Verdict> = judging.cases.iter().map(|case| case.verdict).collect();
    let expected = [
        Accepted,
        Accepted,
        Accepted,
        RuntimeError,
        RuntimeError,
        TimeLimit,
        MemoryLimit,
    ];
    let mut faults = Vec::new();
    if verdicts != expected || judging.cases[3].exit != Some(Exit::Code(3)) {
        faults.push(format!("{language}: {judging:#?}"));
    }
    let digits = |text: &str| text.contains(|letter: char| letter.is_ascii_digit());
    if !digits(&judging.toolchain) || !judging.toolchain.contains(' ') {
        faults.push(format!("{language}: toolchain {:?}", judging.toolchain));
    }
    // Its compiler takes many seconds; once is enough for its words.
    if language == Language::Kotlin && judge.rung() < Rung::Full {
        return faults;
    }
    let (source, word) = sample.broken;
    let judging = judged(judge, &submission(language, source, vec![stdio("", "")])).await;
    let said = match judging.cases.first() {
        None => (judging.verdict == CompileError).then_some(&judging.compile_log),
        Some(case) => (judging.verdict == RuntimeError).then_some(&case.stderr_tail),
    };
    if !said.is_some_and(|said| said.contains(word)) {
        faults.push(format!("{language}, broken: {judging:#?}"));
    }
    faults
}

async fn check(rung: Rung) {
    let Some(judge) = judge_with_all_tools(rung) else {
        return;
    };
    let running = SAMPLES.iter().map(|sample| {
        let judge = judge.clone();
        tokio::spawn(async move { faults_of(&judge, sample).await })
    });
    let running: Vec<_> = running.collect();
    let mut faults = Vec::new();
    for sample in running {
        faults.extend(sample.await.unwrap());
    }
    assert!(faults.is_empty(), "on rung {rung}:\n{}", faults.join("\n"));
}

#[tokio::test]
async fn full() {
    check(Rung::Full).await;
}

#[tokio::test]
async fn userns() {
    check(Rung::Userns).await;
}

#[tokio::test]
async fn landlock() {
    check(Rung::Landlock).await;
}

#[test]
fn every_language_has_a_sample() {
    let sampled: Vec<Language> = SAMPLES.iter().map(|sample| sample.language).collect();
    assert_eq!(sampled, Language::ALL);
}
