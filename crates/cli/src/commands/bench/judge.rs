//! What the judge costs: its speed table, measured beside plain processes in one run.

mod peers;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use domain::{Checker, Isolation, Language, Limits, Program, Rung, Submission, Test, Verdict};
use evaluation::stats::percentile;
use futures_util::future::try_join_all;
use judge::Judge;
use tokio::runtime::Runtime;

use self::peers::{CAT, TEXT};
use super::quiet::{Samples, Watch, interleave};
use super::{Bounds, Figure, Peer, Row, figure};
use crate::assets::Asset;
use crate::settings::Settings;
use crate::ui::Ui;

/// The rows, as the help explains them.
pub(crate) const TABLE: &str = "\
What is measured, with medians, on each rung that works here:
  pooled run        one of the 16 runs of a submission on one cell, through the library, beside
                    `std::process::Command` of the same static program with captured output
  fresh run         the same in process and IPC namespaces of its own
  single run        a submission with one test
  bubblewrap        the same program in a sandbox of bubblewrap's: how many times longer that takes
  assert test       a submission with one Python test
  per second        many tests at once on two cells: of the static program, beside `std::process::Command` on two
                    threads; of a Python function
  compile           a C++ program that includes bits/stdc++.h, at -O2, with its precompiled header
  HumanEval         its 164 published solutions, from the first to the last verdict
  stop              CPU time beyond its limit when a spinning program has been stopped: the worst of the rounds

Figures that are compared are taken in turn. A sample counts when no other task was ready to run just before
and just after it and this program did not wait for a core; `busy` says how many did not count. If none counts,
all are used. Other programs make every figure worse: measure on a quiet machine.";

/// How much to measure.
pub(super) struct Plan {
    /// Quiet samples of compared figures.
    pub(super) n_samples: usize,
    /// Rounds of the others.
    pub(super) n_rounds: usize,
    /// HumanEval; in the cache folder when absent.
    pub(super) data: Option<PathBuf>,
}

/// The longest time for one comparison.
const PATIENCE: Duration = Duration::from_secs(60);
const N_CELLS: usize = 2;
/// Runs of one sample where runs follow each other.
const N_RUNS: usize = 16;
/// Tests in one submission where throughput is measured.
const MANY_RUNS: usize = 2000;
const MANY_TESTS: usize = 500;

/// Measures the table.
///
/// # Errors
/// When no sandbox or no C++ compiler works here, or a program gets the wrong verdict.
pub(super) fn run(plan: &Plan, settings: &Settings, ui: &Ui) -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let program = peers::Program::build()?;
    let mut rows = Vec::new();
    for rung in [Rung::Full, Rung::Userns, Rung::Landlock] {
        let start = |n_cells| {
            Judge::start(judge::Settings {
                n_cells,
                min_rung: rung,
                max_rung: rung,
                ..settings.for_judge()
            })
        };
        let bench = match start(N_CELLS).and_then(|judge| Ok((judge, start(1)?))) {
            Ok((judge, single)) => Bench {
                plan,
                judge,
                single,
                runtime: &runtime,
                program: &program,
            },
            Err(error) => {
                ui.note(&format!("rung {rung} is left out: {error}"));
                continue;
            }
        };
        ui.note(&format!("measuring rung {rung}"));
        let is_first = rows.is_empty();
        rows.extend(bench.compared(rung)?);
        if is_first {
            rows.push(bench.bubblewrap()?);
        }
        rows.extend(bench.absolute(rung)?);
        if is_first {
            rows.push(bench.compile()?);
            rows.push(bench.human_eval(settings));
        }
        rows.push(bench.stop(rung)?);
    }
    Ok(rows)
}

struct Bench<'a> {
    plan: &'a Plan,
    judge: Judge,
    /// A judge with a single cell.
    single: Judge,
    runtime: &'a Runtime,
    program: &'a peers::Program,
}

impl Bench<'_> {
    /// Judges something that is right, and says how long it took.
    fn judge(&self, submission: &Submission) -> anyhow::Result<Duration> {
        self.judge_on(&self.judge, submission)
    }

    fn judge_on(&self, judge: &Judge, submission: &Submission) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let judging = self.runtime.block_on(judge.judge(submission))?;
        let elapsed = start.elapsed();
        ensure!(
            judging.verdict == Verdict::Accepted,
            "a right program was judged as {}: {judging:?}",
            judging.verdict
        );
        Ok(elapsed)
    }

    /// Pooled and fresh runs beside plain ones.
    fn compared(&self, rung: Rung) -> anyhow::Result<Vec<Row>> {
        let one = cat(1);
        let pooled = cat(N_RUNS);
        let fresh = Submission {
            isolation: Isolation::Fresh,
            ..pooled.clone()
        };
        let each = |all: Duration| all / N_RUNS as u32;
        let [plain, pooled, fresh, single] = interleave(
            self.plan.n_samples,
            PATIENCE,
            Watch::Thread,
            [
                &mut || {
                    (0..N_RUNS)
                        .map(|_| self.program.run())
                        .sum::<anyhow::Result<_>>()
                        .map(each)
                },
                &mut || self.judge_on(&self.single, &pooled).map(each),
                &mut || self.judge_on(&self.single, &fresh).map(each),
                &mut || self.judge_on(&self.single, &one),
            ],
        )?;
        let bounds = if rung == Rung::Landlock {
            Bounds::AtMost(1.3, 1.1)
        } else {
            Bounds::AtMost(1.2, 1.05)
        };
        let row = |name: &str, samples: &Samples, bounds| {
            let ours = samples.median().context("no sample was taken")?;
            let median = plain.median().context("no sample was taken")?;
            anyhow::Ok(Row {
                name: format!("{name}, {rung}"),
                figure: Ok(Figure {
                    peer: Some(Peer {
                        median,
                        ratio: ours / median,
                    }),
                    ..figure(samples, ours)
                }),
                unit: "ms",
                bounds,
            })
        };
        let mut rows = vec![
            row("pooled run", &pooled, bounds)?,
            row("single run", &single, bounds)?,
        ];
        if rung > Rung::Landlock {
            rows.push(row("fresh run", &fresh, Bounds::AtMost(1.5, 1.35))?);
        }
        Ok(rows)
    }

    fn bubblewrap(&self) -> anyhow::Result<Row> {
        let pooled = cat(1);
        let figure = match self.program.run_in_bubblewrap() {
            Err(error) => Err(format!("bwrap: {error}")),
            Ok(_) => {
                let [theirs, ours] = interleave(
                    self.plan.n_samples,
                    PATIENCE,
                    Watch::Thread,
                    [&mut || self.program.run_in_bubblewrap(), &mut || {
                        self.judge(&pooled)
                    }],
                )?;
                let median = theirs.median().context("no sample was taken")?;
                let own = ours.median().context("no sample was taken")?;
                Ok(Figure {
                    peer: Some(Peer {
                        median,
                        ratio: median / own,
                    }),
                    ..figure(&ours, own)
                })
            }
        };
        Ok(Row {
            name: "beside bubblewrap".to_string(),
            figure,
            unit: "ms",
            bounds: Bounds::AtLeast(3.0, 8.0),
        })
    }

    /// What a Python test takes, and how many runs there are in a second.
    fn absolute(&self, rung: Rung) -> anyhow::Result<Vec<Row>> {
        let one = python(1);
        let [samples] = interleave(
            self.plan.n_samples,
            PATIENCE,
            Watch::Thread,
            [&mut || self.judge(&one)],
        )?;
        let one_test = samples.median().context("no sample was taken")?;
        let many_tests = python(MANY_TESTS);
        let many_runs = cat(MANY_RUNS);
        let (mut tests, mut runs, mut plain) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.plan.n_rounds {
            tests.push(MANY_TESTS as f64 / self.judge(&many_tests)?.as_secs_f64());
            runs.push(MANY_RUNS as f64 / self.judge(&many_runs)?.as_secs_f64());
            plain.push(self.program.runs_per_second(MANY_RUNS, N_CELLS)?);
        }
        let median = |rates: &[f64]| percentile(rates, 0.5).context("no round was run");
        let rounds = |ours, peer: Option<f64>| Figure {
            ours,
            peer: peer.map(|median| Peer {
                median,
                ratio: ours / median,
            }),
            n_samples: self.plan.n_rounds,
            n_discarded: 0,
        };
        let row = |name: &str, figure, unit, bounds| Row {
            name: format!("{name}, {rung}"),
            figure: Ok(figure),
            unit,
            bounds,
        };
        Ok(vec![
            row(
                "Python assert test",
                figure(&samples, one_test),
                "ms",
                Bounds::AtMost(3.5, 2.5),
            ),
            row(
                "Python assert tests per second",
                rounds(median(&tests)?, None),
                "1/s",
                Bounds::AtLeast(600.0, 900.0),
            ),
            row(
                "runs per second",
                rounds(median(&runs)?, Some(median(&plain)?)),
                "1/s",
                Bounds::AtLeast(2400.0, 2900.0),
            ),
        ])
    }

    fn compile(&self) -> anyhow::Result<Row> {
        let mut n_sources = 0;
        let mut compile = || {
            n_sources += 1;
            let source =
                format!("#include <bits/stdc++.h>\nint main() {{ std::cout << {n_sources}; }}\n");
            self.judge(&Submission {
                program: Program {
                    language: Language::Cpp,
                    source,
                },
                tests: Vec::new(),
                ..cat(0)
            })
        };
        compile()?; // makes the header
        compile()?; // starts the cell that can read it
        let [samples] = interleave(self.plan.n_rounds, PATIENCE, Watch::Thread, [&mut compile])?;
        let seconds = samples.median().context("no sample was taken")? / 1e3;
        Ok(Row {
            name: "compile with bits/stdc++.h".to_string(),
            figure: Ok(figure(&samples, seconds)),
            unit: "s",
            bounds: Bounds::AtMost(0.6, 0.45),
        })
    }

    fn human_eval(&self, settings: &Settings) -> Row {
        let path = match (&self.plan.data, Asset::find("humaneval")) {
            (Some(path), _) => Ok(path.clone()),
            (None, Some(asset)) if asset.is_here(&settings.cache) => {
                Ok(asset.path(&settings.cache))
            }
            (None, _) => Err(
                "not in the cache folder; `mapcoder eval --data humaneval` fetches it".to_string(),
            ),
        };
        let figure = path.and_then(|path| self.suite(&path).map_err(|error| format!("{error:#}")));
        Row {
            name: "HumanEval's own solutions".to_string(),
            figure,
            unit: "s",
            bounds: Bounds::AtMost(1.5, 0.6),
        }
    }

    fn suite(&self, path: &std::path::Path) -> anyhow::Result<Figure> {
        let references = datasets::references(path)?;
        let tasks = datasets::load(path)?.tasks;
        let submissions: Vec<Submission> = tasks
            .iter()
            .filter_map(|task| {
                let reference = references
                    .iter()
                    .find(|reference| reference.id == task.problem.id)?;
                Some(Submission {
                    program: Program {
                        language: Language::Python,
                        source: reference.source.clone(),
                    },
                    tests: task.hidden.reveal().to_vec(),
                    limits: task.problem.limits,
                    ..python(0)
                })
            })
            .collect();
        let [samples] = interleave(
            self.plan.n_rounds,
            PATIENCE,
            Watch::Thread,
            [&mut || {
                let start = Instant::now();
                let all = submissions.iter().map(|one| self.judge.judge(one));
                let judgings = self.runtime.block_on(try_join_all(all))?;
                let n_accepted = judgings
                    .iter()
                    .filter(|judging| judging.verdict == Verdict::Accepted)
                    .count();
                if n_accepted != submissions.len() {
                    bail!("{n_accepted} of {} were accepted", submissions.len());
                }
                Ok(start.elapsed())
            }],
        )?;
        let seconds = samples.median().context("no sample was taken")? / 1e3;
        Ok(figure(&samples, seconds))
    }

    /// How far beyond its limit a program gets that never ends.
    fn stop(&self, rung: Rung) -> anyhow::Result<Row> {
        let limit = Duration::from_millis(200);
        let spins = Submission {
            program: Program {
                language: Language::Cpp,
                source: "int main() { for (volatile int i = 0;; i++); }".to_string(),
            },
            limits: Limits::with_cpu(limit),
            ..cat(1)
        };
        let mut beyond_ms = Vec::new();
        for _ in 0..self.plan.n_rounds {
            let judging = self.runtime.block_on(self.judge.judge(&spins))?;
            let case = judging.cases.first().context("it did not run")?;
            ensure!(
                case.verdict == Verdict::TimeLimit,
                "a spinning program was judged as {}",
                case.verdict
            );
            beyond_ms.push(case.cpu.saturating_sub(limit).as_secs_f64() * 1e3);
        }
        Ok(Row {
            name: format!("stop beyond the CPU limit, {rung}"),
            figure: Ok(Figure {
                ours: percentile(&beyond_ms, 1.0).context("no round was run")?,
                peer: None,
                n_samples: self.plan.n_rounds,
                n_discarded: 0,
            }),
            unit: "ms",
            bounds: Bounds::AtMost(50.0, 20.0),
        })
    }
}

/// The static program with some tests.
fn cat(n_tests: usize) -> Submission {
    let test = Test::Stdio {
        input: TEXT.to_string(),
        expected: vec![TEXT.to_string()],
    };
    Submission {
        program: Program {
            language: Language::Cpp,
            source: CAT.to_string(),
        },
        tests: vec![test; n_tests],
        checker: Checker::Lines,
        limits: Limits::default(),
        isolation: Isolation::Pooled,
        stop_on_first_failure: false,
    }
}

/// A Python function with some tests.
fn python(n_tests: usize) -> Submission {
    let test = |n: usize| Test::Python {
        code: format!(
            "assert f([1, 2, {n}]) == [2, 3, {}]\nassert f([]) == []",
            n + 1
        ),
    };
    Submission {
        program: Program {
            language: Language::Python,
            source: "def f(numbers):\n    return [number + 1 for number in numbers]\n".to_string(),
        },
        tests: (0..n_tests).map(test).collect(),
        ..cat(0)
    }
}
