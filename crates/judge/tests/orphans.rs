//! Nothing outlives the judge, however it ends.
//! A test program of its own: it adopts every orphan below it, so that it sees each survivor as a child.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test starts itself a second time, under a name in the environment"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use domain::{Checker, Language, Limits, Program, Rung, Submission, Test};
use judge::{Judge, Settings};

const OWNER: &str = "JUDGE_TEST_OWNER";

/// Processes below this one, as far as they have not ended.
fn children() -> Vec<i32> {
    let mut children = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path().join("children");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        children.extend(
            text.split_whitespace()
                .filter_map(|pid| pid.parse::<i32>().ok()),
        );
    }
    children.retain(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !matches!(stat.rsplit_once(')'), Some((_, rest)) if rest.trim_start().starts_with('Z'))
    });
    children
}

/// Processes below another one that have used up some CPU time: programs that spin.
fn n_busy_below(ancestor: i32) -> usize {
    const TICKS: u64 = 10;
    let mut processes = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((_, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        processes.push((
            pid,
            fields[1].parse::<i32>().unwrap(),
            fields[11].parse::<u64>().unwrap(),
        ));
    }
    let parent = |pid| {
        processes
            .iter()
            .find(|process| process.0 == pid)
            .map(|process| process.1)
    };
    let is_below =
        |pid| std::iter::successors(Some(pid), |&pid| parent(pid)).any(|pid| pid == ancestor);
    processes
        .iter()
        .filter(|&&(pid, _, ticks)| ticks >= TICKS && pid != ancestor && is_below(pid))
        .count()
}

fn control_groups() -> Vec<String> {
    fn below(directory: &std::path::Path, pid: u32, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let name = entry.file_name().to_string_lossy().into_owned();
                if let Some(owner) = name.strip_prefix("mapcoder-judge-")
                    && !std::path::Path::new("/proc").join(owner).exists()
                {
                    found.push(format!("{name} ({pid})"));
                }
                below(&entry.path(), pid, found);
            }
        }
    }
    let mut found = Vec::new();
    below(
        std::path::Path::new("/sys/fs/cgroup"),
        std::process::id(),
        &mut found,
    );
    found
}

/// Those that were not there before: others on this machine may have been killed with their cells.
fn new_control_groups(before: &[String]) -> Vec<String> {
    let mut found = control_groups();
    found.retain(|group| !before.contains(group));
    found
}

fn spinning(language: Language, source: &str) -> Submission {
    Submission {
        program: Program {
            language,
            source: source.into(),
        },
        tests: vec![Test::Stdio {
            input: String::new(),
            expected: vec![String::new()],
        }],
        checker: Checker::Lines,
        limits: Limits::with_cpu(Duration::from_secs(60)),
        isolation: domain::Isolation::Pooled,
        stop_on_first_failure: false,
    }
}

/// Owns a judge with programs that never end, says so, and waits to be killed.
fn own_a_judge(rung: &str) {
    let rung = match rung {
        "full" => Rung::Full,
        "userns" => Rung::Userns,
        _ => Rung::Landlock,
    };
    let settings = Settings {
        n_cells: 2,
        min_rung: rung,
        max_rung: rung,
        ..Settings::default()
    };
    use std::io::Write as _;
    let mut out = std::io::stdout();
    let judge = match Judge::start(settings) {
        Ok(judge) => judge,
        Err(error) => {
            writeln!(out, "skipped: {error}").unwrap();
            return;
        }
    };
    writeln!(out, "judge started").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let forks = "import os\ntry:\n  os.fork(); os.setsid(); os.fork()\nexcept OSError: pass\nwhile True: pass";
        let python = spinning(Language::Python, forks);
        let cpp = spinning(Language::Cpp, "int main() { for (volatile int i = 0;; i++); }");
        let both = async { tokio::join!(judge.judge(&python), judge.judge(&cpp)) };
        let _ = both.await;
    });
}

/// How soon everything must be gone, and how often a busy machine may make it later than that.
const SOON: Duration = Duration::from_millis(100);
const ATTEMPTS: usize = 5;

/// Kills a judge amid its runs, and tells how long its processes lived on. `None` where there is no such judge.
fn kill_owner(rung: &str) -> Option<Duration> {
    let groups = control_groups();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_judge_leaves_nothing", "--nocapture"])
        .env(OWNER, rung)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(owner.stdout.take().unwrap());
    let word = stdout
        .lines()
        .map(Result::unwrap)
        .find(|line| line.contains("judge started") || line.contains("skipped"));
    if word.is_none_or(|word| word.contains("skipped")) {
        owner.wait().unwrap();
        return None;
    }
    let started = Instant::now();
    while n_busy_below(owner.id() as i32) < 2 {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "the programs never ran on {rung}"
        );
        std::thread::yield_now();
    }
    owner.kill().unwrap();
    owner.wait().unwrap();
    let killed = Instant::now();
    while !children().is_empty() {
        assert!(
            killed.elapsed() < Duration::from_secs(10),
            "survivors on {rung}: {:?}",
            children()
        );
        std::thread::yield_now();
    }
    let gone = killed.elapsed();
    // Adopted processes that have ended still hold their names; reap them.
    // SAFETY: no pointers are passed.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
    assert_eq!(
        new_control_groups(&groups),
        Vec::<String>::new(),
        "on {rung}"
    );
    Some(gone)
}

/// Runs that ruin their cells, and then the end of the judge, leave no process and no open file.
fn drop_a_judge() {
    let groups = control_groups();
    let open_files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open_files();
    let settings = Settings {
        n_cells: 1,
        ..Settings::default()
    };
    let judge = Judge::start(settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let daemon =
        "import os\ntry:\n  if os.fork() == 0:\n    while True: pass\nexcept OSError: pass";
    for _ in 0..10 {
        let daemon = spinning(Language::Python, daemon);
        let judging = runtime.block_on(judge.judge(&daemon)).unwrap();
        assert_eq!(judging.verdict, domain::Verdict::Accepted, "{judging:?}");
    }
    drop((judge, runtime));
    assert_eq!(children(), Vec::<i32>::new());
    assert_eq!(open_files(), before);
    assert_eq!(new_control_groups(&groups), Vec::<String>::new());
}

#[test]
fn a_killed_judge_leaves_nothing() {
    if let Ok(rung) = std::env::var(OWNER) {
        own_a_judge(&rung);
        return;
    }
    // SAFETY: no pointers are passed.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
    for rung in ["full", "userns", "landlock"] {
        let mut times = Vec::new();
        while let Some(gone) = kill_owner(rung) {
            times.push(gone);
            if gone <= SOON || times.len() == ATTEMPTS {
                break;
            }
        }
        println!("on {rung}, everything was gone after {times:?}");
        assert!(
            times.last().is_none_or(|last| *last <= SOON),
            "on {rung}: {times:?}"
        );
    }
    drop_a_judge();
}
