//! Threads that own cells. Each takes one job at a time from a common queue.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{CaseReport, Exit, Isolation, Language, Limits, Rung, Test, Verdict};

use crate::checkers::{CallRule, Check, Opinion};
use crate::error::Failure;
use crate::handle::{Cell, Run};
use crate::languages::{self, Toolchains, Warm};
use crate::protocol::{Allowance, Purpose, Setup, Task, raw};
use crate::queue::{Answer, Case, Executable, Job, Shared};
use crate::sys::{self, Sockets};
use crate::verdict;
use crate::{JudgeError, Settings, checkers};

/// Memory of the interpreter that runs test code.
const ORACLE_MEMORY: u64 = 2 << 30;
/// No assert test takes longer, whatever its limits: its cells must have answered by then.
const MAX_TEST: Duration = Duration::from_secs(3600);
/// Files of a compilation.
const COMPILE_DISK: u64 = 512 << 20;

/// One of the cells of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where programs run; those of Python in an interpreter of this kind.
    Run(Warm),
    /// Where test code and checkers run.
    Oracle,
    /// Where programs are compiled.
    Compile,
}

impl Place {
    fn purpose(self) -> Purpose {
        match self {
            Place::Run(_) => Purpose::Run,
            Place::Oracle => Purpose::Oracle,
            Place::Compile => Purpose::Compile,
        }
    }
}

/// How a cell for this place is set up.
pub(crate) fn setup(
    settings: &Settings,
    rung: Rung,
    toolchains: &Toolchains,
    place: Place,
) -> Setup {
    let python = match place {
        Place::Run(warm) => toolchains.interpreter(warm),
        Place::Oracle => toolchains.interpreter(Warm::Plain),
        Place::Compile => None,
    };
    let mut readable = toolchains.readable();
    if place == Place::Compile {
        let headers = toolchains.headers(settings);
        readable.extend(headers.map(|header| header.directory.to_string_lossy().into_owned()));
    }
    Setup {
        purpose: place.purpose(),
        rung,
        readable,
        python,
        disk_bytes: if place == Place::Compile {
            COMPILE_DISK
        } else {
            settings.disk_bytes
        },
        scratch: (place != Place::Oracle && rung < Rung::Userns)
            .then(|| settings.scratch_dir.to_string_lossy().into_owned()),
    }
}

/// One thread's cells.
#[derive(Default)]
struct Cells {
    /// At most one for each place.
    idle: Vec<(Place, Cell)>,
    /// What the compile cell may read; more is there when a header has been made.
    readable: Vec<String>,
}

impl Cells {
    fn take(&mut self, place: Place) -> Option<Cell> {
        let idx = self.idle.iter().position(|(other, _)| *other == place)?;
        Some(self.idle.swap_remove(idx).1)
    }
}

/// A thread of the judge.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    cells: Cells,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>) -> Worker {
        Worker {
            shared,
            cells: Cells::default(),
        }
    }

    /// Works until the queue is closed.
    pub(crate) fn run(mut self) {
        while let Some(job) = self.shared.pop() {
            match job {
                Job::Case(case, answer) => {
                    self.answer(answer, |worker, is_unwanted| {
                        worker.case(&case, is_unwanted)
                    });
                }
                Job::Compile(program, answer) => {
                    self.answer(answer, |worker, is_unwanted| {
                        Ok(worker.compile(&program, is_unwanted)?)
                    });
                }
            }
        }
    }

    /// Does a job unless nobody waits for it any more, a second time if a cell breaks.
    fn answer<T>(
        &mut self,
        answer: Answer<T>,
        mut work: impl FnMut(&mut Worker, &dyn Fn() -> bool) -> Result<T, Failure>,
    ) {
        let is_unwanted = || answer.is_closed();
        let mut last = String::new();
        for _ in 0..2 {
            if is_unwanted() {
                return;
            }
            match work(self, &is_unwanted) {
                Ok(result) => {
                    let _ = answer.send(Ok(result));
                    return;
                }
                Err(Failure::Checker(reason)) => {
                    let _ = answer.send(Err(JudgeError::Checker(reason)));
                    return;
                }
                Err(Failure::Cell(error)) => {
                    last = error;
                    self.cells = Cells::default();
                }
            }
        }
        let _ = answer.send(Err(JudgeError::Fault(last)));
    }

    fn case(&mut self, case: &Case, is_unwanted: &dyn Fn() -> bool) -> Result<CaseReport, Failure> {
        match (&case.executable, &case.test) {
            (executable, Test::Stdio { input, expected }) => {
                let limits = (case.limits, case.isolation);
                let warm = match executable {
                    Executable::Python(warm, _) => *warm,
                    Executable::Binary(..) | Executable::Files { .. } => Warm::Plain,
                };
                let run = self.run_in(
                    Place::Run(warm),
                    executable,
                    input.as_bytes(),
                    limits,
                    is_unwanted,
                )?;
                verdict::of_stdio(&run, |output| match &case.check {
                    Check::Rule(rule) => {
                        let opinion = rule.decide(output, expected).map_err(Failure::Checker)?;
                        let is_right = opinion == Opinion::Right;
                        let otherwise = checkers::otherwise(output, expected, is_right);
                        Ok((opinion, otherwise))
                    }
                    Check::Program(program) => program
                        .decide(
                            [input.as_bytes(), output],
                            expected,
                            |texts| Ok(self.checker(program, texts, is_unwanted)?),
                            Failure::Checker,
                        )
                        .map(|opinion| (opinion, Vec::new())),
                })
            }
            (Executable::Python(warm, source), Test::Python { code }) => {
                let program = (*warm, &**source);
                self.python_verdict(case, program, &Task::PythonTest, code, is_unwanted)
            }
            (
                Executable::Python(warm, source),
                Test::Call {
                    function,
                    arguments,
                    expected,
                },
            ) => {
                let Check::Rule(rule) = case.check else {
                    return Err(Failure::Checker(checkers::TEXTS_ONLY.to_string()));
                };
                let rule = CallRule::of(rule).map_err(|error| error.to_string())?;
                let call = rule.describe(function, arguments, expected);
                let program = (*warm, &**source);
                self.python_verdict(case, program, &Task::PythonCall, &call, is_unwanted)
            }
            (_, Test::Call { .. } | Test::Python { .. }) => {
                Err(Failure::Cell("a test that this program cannot take".into()))
            }
        }
    }

    /// Runs a checker where no untrusted program ever runs.
    fn checker(
        &mut self,
        program: &checkers::Program,
        texts: &[u8],
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<Run, String> {
        let limits = checkers::program_limits();
        self.run_in(
            Place::Oracle,
            &program.executable,
            texts,
            (limits, Isolation::Pooled),
            is_unwanted,
        )
    }

    fn run_in(
        &mut self,
        place: Place,
        executable: &Executable,
        input: &[u8],
        (mut limits, isolation): (Limits, Isolation),
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<Run, String> {
        let input = memory(input)?;
        let mut signs: &[&str] = &[];
        let (task, program) = match executable {
            Executable::Python(warm, source) => {
                let mut room_bytes = 0;
                if *warm == Warm::PyPy {
                    let row = languages::row(Language::PyPy);
                    limits.processes += row.threads;
                    room_bytes = row.room << 20;
                }
                (Task::PythonMain { room_bytes }, source)
            }
            Executable::Binary(language, binary) => {
                signs = languages::row(*language).out_of_memory;
                limits.processes += languages::row(*language).threads;
                (Task::Binary, binary)
            }
            Executable::Files {
                language,
                files,
                main,
            } => {
                let toolchain = self.shared.toolchains.get(*language)?;
                let row = toolchain.row();
                signs = row.out_of_memory;
                limits.processes += row.threads;
                let (argv, env) = toolchain.run_command(&limits, main);
                let room_bytes = row.room << 20;
                let task = Task::Files {
                    argv,
                    env,
                    room_bytes,
                };
                (task, files)
            }
        };
        let allowance = allowance(&limits);
        let mut cell = self.take(place)?;
        cell.send(task, allowance, isolation, &raw([program, &input]))?;
        let mut run = cell.receive(&allowance, is_unwanted)?;
        self.put_back(place, cell, &run);
        // Some runtimes end the program themselves when its memory is used up, and say so.
        let failed = !matches!(run.outcome.exit, None | Some(Exit::Code(0)));
        run.outcome.oom |= failed && signs.iter().any(|sign| contains(&run.stderr, sign));
        Ok(run)
    }

    /// The report of test code, or of a call. A program that looks idle gets a second chance: it may have waited for
    /// test code that a busy machine kept from running.
    fn python_verdict(
        &mut self,
        case: &Case,
        program: (Warm, &OwnedFd),
        task: &Task,
        code: &str,
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<CaseReport, Failure> {
        let mut judged = || {
            let (program, test) = self.python_test(case, program, task, code, is_unwanted)?;
            verdict::of_test(&program, &test, &case.limits)
        };
        let report = judged()?;
        if report.verdict == Verdict::IdleLimit {
            return judged();
        }
        Ok(report)
    }

    /// Runs a program as a server of calls in one cell, and in another their caller: test code, or one call.
    fn python_test(
        &mut self,
        case: &Case,
        (warm, source): (Warm, &OwnedFd),
        task: &Task,
        code: &str,
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<(Run, Run), String> {
        let limits = &case.limits;
        let place = Place::Run(warm);
        let code = memory(code.as_bytes())?;
        let (program_end, test_end) =
            sys::socket_pair(Sockets::Stream).map_err(|error| format!("socket: {error}"))?;
        let program_allowance = allowance(limits);
        let test_allowance = Allowance {
            cpu_us: program_allowance.cpu_us + 10_000_000,
            wall_us: program_allowance.wall_us + 10_000_000,
            memory_bytes: ORACLE_MEMORY,
            output_bytes: 16 << 20,
            file_bytes: 1 << 20,
            processes: 8,
        };
        let mut oracle = self.take(Place::Oracle)?;
        let mut cell = self.take(place)?;
        cell.send(
            Task::PythonServe,
            program_allowance,
            case.isolation,
            &raw([source, &program_end]),
        )?;
        oracle.send(
            task.clone(),
            test_allowance,
            Isolation::Pooled,
            &raw([&code, &test_end]),
        )?;
        drop((program_end, test_end));
        let deadline = &allowance(&Limits {
            wall: limits.wall + Duration::from_secs(10),
            ..*limits
        });
        // Whichever ends first ends the other: the program by hanging up, the test by our stopping the program.
        let start = Instant::now();
        let mut program = None;
        let test = loop {
            match sys::poll([oracle.fd(), cell.fd()], Some(Duration::from_millis(10))) {
                Ok([true, _]) => break oracle.receive(deadline, is_unwanted)?,
                Ok([false, true]) => {
                    program = Some(cell.receive(deadline, is_unwanted)?);
                    break oracle.receive(deadline, is_unwanted)?;
                }
                Ok([false, false]) if start.elapsed() < MAX_TEST => {}
                Ok([false, false]) => return Err("the cells did not answer".into()),
                Err(error) => return Err(error.to_string()),
            }
            if is_unwanted() {
                return Err("nobody waits for the answer".into());
            }
        };
        let program = match program {
            Some(program) => program,
            None => {
                if !verdict::waits_for_exit(&test) {
                    cell.stop()?;
                }
                cell.receive(deadline, is_unwanted)?
            }
        };
        self.put_back(Place::Oracle, oracle, &test);
        self.put_back(place, cell, &program);
        Ok((program, test))
    }

    /// Takes a cell out of its place, so that an early return drops it.
    pub(crate) fn take(&mut self, place: Place) -> Result<Cell, String> {
        let shared = Arc::clone(&self.shared);
        let wanted = || setup(&shared.settings, shared.rung, &shared.toolchains, place);
        if place == Place::Compile {
            let setup = wanted();
            if self.cells.readable != setup.readable {
                self.cells.take(Place::Compile);
                self.cells.readable = setup.readable;
            }
        }
        match self.cells.take(place) {
            Some(cell) => Ok(cell),
            None => Cell::start(&wanted()),
        }
    }

    /// Keeps a cell for the next run if this one left it clean.
    pub(crate) fn put_back(&mut self, place: Place, cell: Cell, run: &Run) {
        let is_worn = cell.n_runs >= self.shared.settings.runs_per_cell;
        if !run.outcome.dirty && !is_worn {
            self.cells.idle.push((place, cell));
        }
    }
}

/// Bytes in sealed memory, for a cell to read.
pub(crate) fn memory(bytes: &[u8]) -> Result<OwnedFd, String> {
    sys::sealed(c"text", bytes).map_err(|error| format!("memory: {error}"))
}

pub(crate) fn allowance(limits: &Limits) -> Allowance {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 4);
    Allowance {
        cpu_us: micros(limits.cpu),
        wall_us: micros(limits.wall),
        memory_bytes: limits.memory_bytes,
        output_bytes: limits.output_bytes,
        file_bytes: limits.file_bytes,
        processes: limits.processes,
    }
}

fn contains(text: &[u8], sign: &str) -> bool {
    text.windows(sign.len())
        .any(|window| window == sign.as_bytes())
}
