use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use domain::{CaseReport, Judging, Language, Program, Rung, Submission, Test, Verdict};
use tokio::sync::oneshot;

use crate::checkers::{CallRule, Check, Kind};
use crate::groups::{self, Group};
use crate::handle::Cell;
use crate::languages::{self, Run, Toolchains, Warm};
use crate::prepare::Cache;
use crate::queue::{Case, Executable, Job, Shared};
use crate::worker::{Place, Worker, setup};
use crate::{JudgeError, Settings, checkers};

/// Judges submissions in sandboxed cells. Cloning it gives another handle on the same cells.
#[derive(Clone)]
pub struct Judge {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    pub(crate) compiled: Mutex<Cache>,
}

impl Judge {
    /// Finds interpreters and compilers and the strongest rung that works here.
    /// It starts cells as they are needed; they end when the last handle is dropped.
    /// It blocks for as long as a few programs take to start, as does dropping the last handle.
    ///
    /// # Errors
    /// [`JudgeError::NoSandbox`] when no rung between the two in the settings works.
    pub fn start(settings: Settings) -> Result<Judge, JudgeError> {
        let mut toolchains = Toolchains::find(&settings);
        let rung = strongest(&settings, &toolchains)?;
        // An interpreter that works outside may be unreadable inside.
        if toolchains.python.is_ok()
            && let Err(error) = Cell::start(&setup(
                &settings,
                rung,
                &toolchains,
                Place::Run(Warm::Plain),
            ))
        {
            toolchains.python = Err(error);
        }
        let n_cells = settings.n_cells.max(1);
        let shared = Arc::new(Shared::new(settings, rung, toolchains));
        let threads = (0..n_cells)
            .map(|_| {
                let worker = Worker::new(Arc::clone(&shared));
                std::thread::spawn(move || worker.run())
            })
            .collect();
        Ok(Judge {
            inner: Arc::new(Inner {
                shared,
                threads,
                compiled: Mutex::default(),
            }),
        })
    }

    /// How strongly programs are isolated here.
    pub fn rung(&self) -> Rung {
        self.inner.shared.rung
    }

    /// What runs a language, such as `CPython 3.11.2`; part of the key under which a judging is recorded.
    /// `None` when the machine has nothing for it. The first question about a language blocks for as long as its
    /// compiler or interpreter takes to print its version.
    pub fn toolchain(&self, language: Language) -> Option<String> {
        self.found(language).ok()
    }

    /// What runs a language, or why nothing does.
    fn found(&self, language: Language) -> Result<String, String> {
        let shared = &self.inner.shared;
        shared.toolchains.name(&shared.settings, language)
    }

    /// Judges a submission. Many may be judged at once; they wait for free cells in turn.
    /// Dropping the future ends what is running for it.
    ///
    /// Python test codes of one submission are first run together unless the isolation is [`domain::Isolation::Fresh`]:
    /// the program is loaded afresh for each of them, but in one process. When all of them pass within the limits of
    /// one, each is reported with the evidence of that run. Else each has a process of its own, and only that counts.
    ///
    /// The limits of tests by standard input and output are stretched for the language, as [`Language::limits`] says.
    ///
    /// Without a toolchain for the language, or with one that does not work in the sandbox, the verdict is
    /// [`Verdict::LanguageUnavailable`], no case is reported, and the reason is in place of the compiler's words.
    /// Nor is any case reported for a program that does not compile.
    /// Python programs are compiled as they are run, so their syntax errors are runtime errors of each test.
    ///
    /// # Errors
    /// [`JudgeError::Unsupported`] for tests that call functions of a program that is not Python;
    /// [`JudgeError::UnknownChecker`] for a name that testlib does not have;
    /// [`JudgeError::Checker`] when the checker is at fault, not the program;
    /// [`JudgeError::Fault`] when a cell broke, and another after it.
    pub async fn judge(&self, submission: &Submission) -> Result<Judging, JudgeError> {
        self.judge_each(submission, |_, _| {}).await
    }

    /// Like [`Judge::judge`], and shows each report, with the test's place among the tests from 0 on,
    /// as soon as it and all before it are there.
    ///
    /// # Errors
    /// As [`Judge::judge`].
    pub async fn judge_each(
        &self,
        submission: &Submission,
        each: impl FnMut(usize, &CaseReport),
    ) -> Result<Judging, JudgeError> {
        let language = submission.program.language;
        let is_python_test = |test: &Test| !matches!(test, Test::Stdio { .. });
        if language != Language::Python && submission.tests.iter().any(is_python_test) {
            return Err(JudgeError::Unsupported(
                "python tests of a program that is not python",
            ));
        }
        let judging = |verdict, cases, compile_log, toolchain| Judging {
            verdict,
            cases,
            compile_log,
            rung: self.rung(),
            toolchain,
        };
        let unavailable = |reason| {
            let verdict = Verdict::LanguageUnavailable;
            Ok(judging(verdict, Vec::new(), reason, String::new()))
        };
        let toolchain = match self.found(language) {
            Ok(toolchain) => toolchain,
            Err(reason) => return unavailable(reason),
        };
        // An interpreter that cells keep ready may be unreadable inside; the first was tried at the start.
        let is_kept = matches!(languages::row(language).run, Run::Zygote);
        if is_kept && let Err(reason) = self.prove(language).await? {
            return unavailable(reason);
        }
        let compiled = self.prepare(&submission.program).await?;
        let log = compiled.log;
        let Some(executable) = compiled.executable else {
            if let Err(reason) = self.prove(language).await? {
                return unavailable(reason);
            }
            let verdict = Verdict::CompileError;
            return Ok(judging(verdict, Vec::new(), log, toolchain));
        };
        let check = self.check(submission).await?;
        let cases = match self
            .run_tests(submission, &executable, &check, each)
            .await?
        {
            Ok(cases) => cases,
            Err(reason) => return unavailable(reason),
        };
        let verdict = cases
            .iter()
            .map(|case| case.verdict)
            .find(|&verdict| verdict != Verdict::Accepted)
            .unwrap_or(Verdict::Accepted);
        Ok(judging(verdict, cases, log, toolchain))
    }

    /// The submission's checker, compiled where it is a program.
    async fn check(&self, submission: &Submission) -> Result<Check, JudgeError> {
        let has_calls = submission
            .tests
            .iter()
            .any(|test| matches!(test, Test::Call { .. }));
        match Kind::of(&submission.checker)? {
            Kind::Rule(rule) => {
                if has_calls {
                    CallRule::of(rule)?;
                }
                Ok(Check::Rule(rule))
            }
            Kind::Source(_) if has_calls => Err(checkers::TEXTS_ONLY),
            Kind::Source(source) => {
                let fault = |reason| {
                    JudgeError::Checker(format!("{}: {reason}", checkers::program_name(source)))
                };
                if self.toolchain(Language::Cpp).is_none() {
                    return Err(fault("no C++ compiler is here".to_string()));
                }
                let program = Program {
                    language: Language::Cpp,
                    source: checkers::assembled(source),
                };
                let compiled = self.prepare(&program).await?;
                let executable = compiled
                    .executable
                    .ok_or_else(|| fault(format!("it does not compile: {}", compiled.log)))?;
                Ok(Check::Program(checkers::Program::new(source, executable)))
            }
        }
    }

    /// Runs the tests: one after the other where the first failure ends it, else as cells become free.
    /// The inner error says why the language does not work here.
    async fn run_tests(
        &self,
        submission: &Submission,
        executable: &Executable,
        check: &Check,
        mut each: impl FnMut(usize, &CaseReport),
    ) -> Result<Result<Vec<CaseReport>, String>, JudgeError> {
        let language = submission.program.language;
        let start = |test: &Test| {
            let limits = match test {
                Test::Stdio { .. } => language.limits(&submission.limits),
                Test::Python { .. } | Test::Call { .. } => submission.limits,
            };
            self.start_case(Case {
                executable: executable.clone(),
                test: test.clone(),
                check: check.clone(),
                limits,
                isolation: submission.isolation,
            })
        };
        let n_cells = self.inner.shared.settings.n_cells;
        let groups = groups::of(submission, n_cells);
        let begin = |group: &Group<'_>| match group.joint() {
            Some(test) => vec![start(&test)],
            None => group.tests().iter().map(start).collect(),
        };
        let mut begun: VecDeque<Vec<_>> = if submission.stop_on_first_failure {
            VecDeque::new()
        } else {
            groups.iter().map(begin).collect()
        };
        let mut cases = Vec::with_capacity(submission.tests.len());
        for group in &groups {
            let mut reports = begun.pop_front().unwrap_or_else(|| begin(group));
            if group.joint().is_some() {
                let joint = received(reports.remove(0)).await?;
                if joint.verdict == Verdict::Accepted {
                    for _ in group.tests() {
                        each(cases.len(), &joint);
                        cases.push(joint.clone());
                    }
                    continue;
                }
                if !submission.stop_on_first_failure {
                    reports = group.tests().iter().map(start).collect();
                }
            }
            let mut reports = reports.into_iter();
            for test in group.tests() {
                let report = reports.next().unwrap_or_else(|| start(test));
                let case = received(report).await?;
                if let Err(reason) = self.trust(language, &case).await? {
                    return Ok(Err(reason));
                }
                each(cases.len(), &case);
                let failed = case.verdict != Verdict::Accepted;
                cases.push(case);
                if failed && submission.stop_on_first_failure {
                    return Ok(Ok(cases));
                }
            }
        }
        Ok(Ok(cases))
    }

    /// Puts a test of a program in the queue.
    pub(crate) fn start_case(
        &self,
        case: Case,
    ) -> oneshot::Receiver<Result<CaseReport, JudgeError>> {
        let (answer, report) = oneshot::channel();
        self.inner.shared.push(Job::Case(Box::new(case), answer));
        report
    }
}

async fn received(
    report: oneshot::Receiver<Result<CaseReport, JudgeError>>,
) -> Result<CaseReport, JudgeError> {
    report.await.unwrap_or(Err(JudgeError::Closed))
}

impl Drop for Inner {
    /// Ends the cells and waits for them, so that nothing outlives the judge.
    fn drop(&mut self) {
        self.shared.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The strongest rung, between those that the settings name, on which a cell comes up.
fn strongest(settings: &Settings, toolchains: &Toolchains) -> Result<Rung, JudgeError> {
    let mut reasons = Vec::new();
    for rung in [Rung::Full, Rung::Userns, Rung::Landlock, Rung::Weak] {
        if rung > settings.max_rung || rung < settings.min_rung {
            continue;
        }
        match Cell::start(&setup(settings, rung, toolchains, Place::Compile)) {
            Ok(_) => return Ok(rung),
            Err(error) => reasons.push(format!("{rung}: {error}")),
        }
    }
    Err(JudgeError::NoSandbox {
        required: settings.min_rung,
        reason: reasons.join("; "),
    })
}
