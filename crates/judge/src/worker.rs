//! Threads that own cells. Each takes one job at a time from a common queue.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use domain::{CaseReport, Exit, Isolation, Limits, Rung, Test};

use crate::cpp::Compiler;
use crate::handle::{Cell, Run};
use crate::header::{self, Header};
use crate::protocol::{Allowance, Hit, Purpose, Setup, Task, raw};
use crate::queue::{Answer, Case, Compiled, Executable, Job, Shared};
use crate::sys::{self, Sockets};
use crate::toolchain::Toolchains;
use crate::verdict::{self, head};
use crate::{JudgeError, Settings, cpp};

/// Memory of the interpreter that runs test code.
const ORACLE_MEMORY: u64 = 2 << 30;
/// No assert test takes longer, whatever its limits: its cells must have answered by then.
const MAX_TEST: Duration = Duration::from_secs(3600);
/// Files of a compilation.
const COMPILE_DISK: u64 = 512 << 20;

/// How a cell of this purpose is set up.
pub(crate) fn setup(
    settings: &Settings,
    rung: Rung,
    toolchains: &Toolchains,
    purpose: Purpose,
) -> Setup {
    let python = toolchains
        .python
        .as_ref()
        .ok()
        .map(|python| python.path.clone());
    let mut readable = toolchains.readable();
    let compiler = toolchains.cpp.as_ref().ok();
    let header = compiler.and_then(|compiler| Header::of(settings, compiler));
    if let Some(header) = header.filter(|header| purpose == Purpose::Compile && header.is_ready()) {
        readable.push(header.directory.to_string_lossy().into_owned());
    }
    Setup {
        purpose,
        rung,
        readable,
        python: python.filter(|_| purpose != Purpose::Compile),
        disk_bytes: if purpose == Purpose::Compile {
            COMPILE_DISK
        } else {
            settings.disk_bytes
        },
        scratch: (purpose == Purpose::Compile && rung < Rung::Userns)
            .then(|| settings.scratch_dir.to_string_lossy().into_owned()),
    }
}

/// One thread's cells.
#[derive(Default)]
struct Cells {
    run: Option<Cell>,
    oracle: Option<Cell>,
    compile: Option<Cell>,
}

impl Cells {
    fn slot(&mut self, purpose: Purpose) -> &mut Option<Cell> {
        match purpose {
            Purpose::Run => &mut self.run,
            Purpose::Oracle => &mut self.oracle,
            Purpose::Compile => &mut self.compile,
        }
    }
}

/// Why a job was not done.
enum Failure {
    /// A cell broke; another may do it.
    Cell(String),
    /// The checker cannot work with the test; it will not the second time either.
    Checker(String),
}

impl From<String> for Failure {
    fn from(error: String) -> Failure {
        Failure::Cell(error)
    }
}

/// A thread of the judge.
pub(crate) struct Worker {
    shared: Arc<Shared>,
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
                Job::Compile(source, answer) => {
                    self.answer(answer, |worker, is_unwanted| {
                        Ok(worker.compile(&source, is_unwanted)?)
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
                let run = self.stdio(case, executable, input, is_unwanted)?;
                let check = |output: &[u8]| case.rule.decide(output, expected);
                verdict::of_stdio(&run, check).map_err(Failure::Checker)
            }
            (Executable::Python(source), Test::Python { code }) => {
                let (program, test) = self.python_test(case, source, code, is_unwanted)?;
                Ok(verdict::of_test(&program, &test, &case.limits)?)
            }
            (_, Test::Call { .. }) | (Executable::Binary(_), Test::Python { .. }) => {
                Err(Failure::Cell("a test that this program cannot take".into()))
            }
        }
    }

    fn stdio(
        &mut self,
        case: &Case,
        executable: &Executable,
        input: &str,
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<Run, String> {
        let input = memory(input)?;
        let (task, program) = match executable {
            Executable::Python(source) => (Task::PythonMain, source),
            Executable::Binary(binary) => (Task::Binary, binary),
        };
        let allowance = allowance(&case.limits);
        let mut cell = self.take(Purpose::Run)?;
        cell.send(task, allowance, case.isolation, &raw([program, &input]))?;
        let run = cell.receive(&allowance, is_unwanted)?;
        self.put_back(Purpose::Run, cell, &run);
        Ok(run)
    }

    /// Runs a program as a server of calls in one cell, and test code as their caller in another.
    fn python_test(
        &mut self,
        case: &Case,
        source: &OwnedFd,
        code: &str,
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<(Run, Run), String> {
        let limits = &case.limits;
        let code = memory(code)?;
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
        let mut oracle = self.take(Purpose::Oracle)?;
        let mut cell = self.take(Purpose::Run)?;
        cell.send(
            Task::PythonServe,
            program_allowance,
            case.isolation,
            &raw([source, &program_end]),
        )?;
        oracle.send(
            Task::PythonTest,
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
        self.put_back(Purpose::Oracle, oracle, &test);
        self.put_back(Purpose::Run, cell, &program);
        Ok((program, test))
    }

    fn compile(
        &mut self,
        source: &str,
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<Compiled, String> {
        let compiler = self.shared.toolchains.cpp.clone()?;
        let header = if source.contains(header::NAME) {
            self.header(&compiler, is_unwanted)
        } else {
            None
        };
        let headers = header.as_ref().map(|header| header.directory.as_path());
        let (run, artifact) = self.compiler(compiler.command(headers), source, is_unwanted)?;
        let outcome = &run.outcome;
        let said = head(&run.stderr).replace("<stdin>", "main.cpp");
        let log = match outcome.hit {
            Some(Hit::Cpu | Hit::Wall) => format!("the compiler ran out of time\n{said}"),
            Some(Hit::Output) => format!("the compiler wrote too much\n{said}"),
            Some(Hit::Memory) => format!("the compiler ran out of memory\n{said}"),
            None if outcome.oom => format!("the compiler ran out of memory\n{said}"),
            None => said,
        };
        let succeeded = outcome.hit.is_none() && outcome.exit == Some(Exit::Code(0));
        if succeeded && artifact.is_none() {
            return Err("the compiler left no program".into());
        }
        Ok(Compiled {
            binary: artifact.filter(|_| succeeded).map(Arc::new),
            log,
        })
    }

    /// The precompiled header, made first if there is a cache without it. `None` when it cannot be had.
    fn header(&mut self, compiler: &Compiler, is_unwanted: &dyn Fn() -> bool) -> Option<Header> {
        let header = Header::of(&self.shared.settings, compiler)?;
        if header.is_ready() {
            return Some(header);
        }
        // One thread makes it; the others compile without it in the meantime, and so do all if it cannot be made.
        if self.shared.header_tried.swap(true, Ordering::Relaxed) {
            return None;
        }
        let source = compiler.locate(&self.shared.settings, header::NAME)?;
        let command = compiler.header_command(&source);
        let (_, artifact) = self.compiler(command, "", is_unwanted).ok()?;
        header.store(artifact?).ok()?;
        // Only a new cell can read it.
        self.cells.compile = None;
        Some(header)
    }

    /// Runs the compiler in its cell.
    fn compiler(
        &mut self,
        argv: Vec<String>,
        source: &str,
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<(Run, Option<OwnedFd>), String> {
        let source = memory(source)?;
        let allowance = allowance(&cpp::limits());
        let mut cell = self.take(Purpose::Compile)?;
        cell.send(
            Task::Compile { argv },
            allowance,
            Isolation::Pooled,
            &raw([&source]),
        )?;
        let mut run = cell.receive(&allowance, is_unwanted)?;
        let artifact = run.artifact.take();
        self.put_back(Purpose::Compile, cell, &run);
        Ok((run, artifact))
    }

    /// Takes a cell out of its place, so that an early return drops it.
    fn take(&mut self, purpose: Purpose) -> Result<Cell, String> {
        match self.cells.slot(purpose).take() {
            Some(cell) => Ok(cell),
            None => {
                let shared = &self.shared;
                Cell::start(&setup(
                    &shared.settings,
                    shared.rung,
                    &shared.toolchains,
                    purpose,
                ))
            }
        }
    }

    /// Keeps a cell for the next run if this one left it clean.
    fn put_back(&mut self, purpose: Purpose, cell: Cell, run: &Run) {
        let is_worn = cell.n_runs >= self.shared.settings.runs_per_cell;
        if !run.outcome.dirty && !is_worn {
            *self.cells.slot(purpose) = Some(cell);
        }
    }
}

fn memory(text: &str) -> Result<OwnedFd, String> {
    sys::sealed(c"text", text.as_bytes()).map_err(|error| format!("memory: {error}"))
}

fn allowance(limits: &Limits) -> Allowance {
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
