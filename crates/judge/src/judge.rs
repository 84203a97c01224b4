use std::collections::{HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use domain::{CaseReport, Digest, Judging, Language, Program, Rung, Submission, Test, Verdict};
use tokio::sync::oneshot;

use crate::checkers::Rule;
use crate::handle::Cell;
use crate::protocol::Purpose;
use crate::queue::{Case, Compiled, Executable, Job, Shared};
use crate::toolchain::Toolchains;
use crate::worker::{Worker, setup};
use crate::{JudgeError, Settings, sys};

/// Compiled programs that are kept, each a few megabytes.
const KEPT_PROGRAMS: usize = 64;

/// Judges submissions in sandboxed cells. Cloning it gives another handle on the same cells.
#[derive(Clone)]
pub struct Judge {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    compiled: Mutex<Cache>,
}

/// The programs compiled last.
#[derive(Default)]
struct Cache {
    by_key: HashMap<Digest, Compiled>,
    order: VecDeque<Digest>,
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
            && let Err(error) = Cell::start(&setup(&settings, rung, &toolchains, Purpose::Run))
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
    /// `None` when the machine has nothing for it.
    pub fn toolchain(&self, language: Language) -> Option<String> {
        self.inner.shared.toolchains.name(language)
    }

    /// Judges a submission. Many may be judged at once; they wait for free cells in turn.
    /// Dropping the future ends what is running for it.
    ///
    /// Without a toolchain for the language the verdict is [`Verdict::LanguageUnavailable`],
    /// and no case is reported; nor is any for a program that does not compile.
    /// Python programs are compiled as they are run, so their syntax errors are runtime errors of each test.
    ///
    /// # Errors
    /// [`JudgeError::Unsupported`] for tests that call functions of a program that is not Python;
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
        let judging = |verdict, cases, compile_log| Judging {
            verdict,
            cases,
            compile_log,
            rung: self.rung(),
            toolchain: self.toolchain(language).unwrap_or_default(),
        };
        if self.toolchain(language).is_none() {
            return Ok(judging(
                Verdict::LanguageUnavailable,
                Vec::new(),
                String::new(),
            ));
        }
        let (executable, log) = match self.prepare(&submission.program).await? {
            (Some(executable), log) => (executable, log),
            (None, log) => return Ok(judging(Verdict::CompileError, Vec::new(), log)),
        };
        let cases = self.run_tests(submission, &executable, each).await?;
        let verdict = cases
            .iter()
            .map(|case| case.verdict)
            .find(|&verdict| verdict != Verdict::Accepted)
            .unwrap_or(Verdict::Accepted);
        Ok(judging(verdict, cases, log))
    }

    /// The program in a form that a cell can run; absent when it does not compile.
    async fn prepare(&self, program: &Program) -> Result<(Option<Executable>, String), JudgeError> {
        match program.language {
            Language::Python => {
                let source = sealed(&program.source)?;
                Ok((Some(Executable::Python(source)), String::new()))
            }
            Language::Cpp => {
                let compiled = self.compile(program).await?;
                Ok((compiled.binary.map(Executable::Binary), compiled.log))
            }
            other => Err(JudgeError::Fault(format!("{other} has no compiler"))),
        }
    }

    async fn compile(&self, program: &Program) -> Result<Compiled, JudgeError> {
        let key = Digest::of(&program.source);
        if let Some(compiled) = self.inner.cache().by_key.get(&key) {
            return Ok(compiled.clone());
        }
        let (answer, compiled) = oneshot::channel();
        self.inner
            .shared
            .push(Job::Compile(program.source.clone(), answer));
        let compiled = compiled.await.unwrap_or(Err(JudgeError::Closed))?;
        let mut cache = self.inner.cache();
        if cache.by_key.insert(key.clone(), compiled.clone()).is_none() {
            cache.order.push_back(key);
        }
        if cache.order.len() > KEPT_PROGRAMS
            && let Some(oldest) = cache.order.pop_front()
        {
            cache.by_key.remove(&oldest);
        }
        Ok(compiled)
    }

    /// Runs the tests: one after the other where the first failure ends it, else as cells become free.
    async fn run_tests(
        &self,
        submission: &Submission,
        executable: &Executable,
        mut each: impl FnMut(usize, &CaseReport),
    ) -> Result<Vec<CaseReport>, JudgeError> {
        let rule = Rule::of(&submission.checker)?
            .ok_or(JudgeError::Unsupported("a checker that is a program"))?;
        let start = |test: &Test| {
            let (answer, report) = oneshot::channel();
            let case = Case {
                executable: executable.clone(),
                test: test.clone(),
                rule,
                limits: submission.limits,
                isolation: submission.isolation,
            };
            self.inner.shared.push(Job::Case(case, answer));
            report
        };
        let mut cases = Vec::with_capacity(submission.tests.len());
        if submission.stop_on_first_failure {
            for test in &submission.tests {
                let case = start(test).await.unwrap_or(Err(JudgeError::Closed))?;
                let failed = case.verdict != Verdict::Accepted;
                each(cases.len(), &case);
                cases.push(case);
                if failed {
                    break;
                }
            }
        } else {
            let reports: Vec<_> = submission.tests.iter().map(start).collect();
            for report in reports {
                let case = report.await.unwrap_or(Err(JudgeError::Closed))?;
                each(cases.len(), &case);
                cases.push(case);
            }
        }
        Ok(cases)
    }
}

impl Inner {
    /// A panic elsewhere leaves the cache usable: at worst a program is compiled again.
    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        match Cell::start(&setup(settings, rung, toolchains, Purpose::Compile)) {
            Ok(_) => return Ok(rung),
            Err(error) => reasons.push(format!("{rung}: {error}")),
        }
    }
    Err(JudgeError::NoSandbox {
        required: settings.min_rung,
        reason: reasons.join("; "),
    })
}

fn sealed(source: &str) -> Result<Arc<OwnedFd>, JudgeError> {
    sys::sealed(c"source", source.as_bytes())
        .map(Arc::new)
        .map_err(|error| JudgeError::Fault(format!("memory for the source: {error}")))
}
