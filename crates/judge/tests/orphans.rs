//! Nothing outlives the judge, however it ends.
//! A test program of its own: it adopts every orphan below it, so that it sees each survivor as a child.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the test starts itself a second time, under a name in the environment, and says what it finds"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use domain::{Checker, Isolation, Language, Limits, Program, Rung, Submission, Test};
use judge::{Judge, Settings};

use required::skip;

#[path = "it/required.rs"]
mod required;

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

fn spinning(language: Language, source: &str, isolation: Isolation) -> Submission {
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
        isolation,
        stop_on_first_failure: false,
    }
}

/// What a judge does when it is killed.
#[derive(Debug, Clone, Copy)]
enum Amid {
    /// Programs in cells that others shared before.
    Pooled,
    /// Programs in namespaces of their own.
    Fresh,
    /// Compilers.
    Compiling,
}

/// Takes a compiler as long as it may: each instance has two more below it.
const ENDLESS_TO_COMPILE: &str = "template<int n, int k> struct S { static constexpr int x = S<n - 1, 2 * k>::x + S<n - 1, 2 * k + 1>::x; };\ntemplate<int k> struct S<0, k> { static constexpr int x = k; };\nint main() { return S<24, 0>::x; }";

/// Owns a judge with programs that never end, says so, and waits to be killed.
fn own_a_judge(rung: Rung, amid: Amid) {
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
    let forks = "import os\ntry:\n  os.fork(); os.setsid(); os.fork()\nexcept OSError: pass\nwhile True: pass";
    let spins = "int main() { for (volatile int i = 0;; i++); }";
    let two = match amid {
        Amid::Compiling => [
            (Language::Cpp, ENDLESS_TO_COMPILE.to_string()),
            (Language::Cpp, format!("{ENDLESS_TO_COMPILE} // another")),
        ],
        Amid::Pooled | Amid::Fresh => [
            (Language::Python, forks.to_string()),
            (Language::Cpp, spins.to_string()),
        ],
    };
    let isolation = match amid {
        Amid::Fresh => Isolation::Fresh,
        Amid::Pooled | Amid::Compiling => Isolation::Pooled,
    };
    let [first, second] = two.map(|(language, source)| spinning(language, &source, isolation));
    runtime.block_on(async {
        let both = async { tokio::join!(judge.judge(&first), judge.judge(&second)) };
        let _ = both.await;
    });
}

/// How soon everything must be gone most times, not counting the time that this process waited for a core itself,
/// and of how many times.
const SOON: Duration = Duration::from_millis(100);
const ATTEMPTS: usize = 5;
const MAJORITY: usize = ATTEMPTS / 2 + 1;

/// The time that this thread was ready to run while others held the cores.
fn starved() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').nth(1).and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

/// Kills a judge amid its runs, and tells how long its processes lived on. `None` where there is no such judge.
fn kill_owner(rung: Rung, amid: Amid) -> Option<Duration> {
    let groups = control_groups();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_judge_leaves_nothing", "--nocapture"])
        .env(OWNER, format!("{rung} {amid:?}"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(owner.stdout.take().unwrap());
    let word = stdout
        .lines()
        .map(Result::unwrap)
        .find(|line| line.contains("judge started") || line.contains("skipped"));
    if word.as_deref().is_none_or(|word| word.contains("skipped")) {
        owner.wait().unwrap();
        skip(rung, word.unwrap_or_default());
        return None;
    }
    let started = Instant::now();
    while n_busy_below(owner.id() as i32) < 2 {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "the programs never ran on {rung}, {amid:?}"
        );
        std::thread::yield_now();
    }
    owner.kill().unwrap();
    owner.wait().unwrap();
    let (killed, before) = (Instant::now(), starved());
    while !children().is_empty() {
        assert!(
            killed.elapsed() < Duration::from_secs(10),
            "survivors on {rung}, {amid:?}: {:?}",
            children()
        );
        std::thread::yield_now();
    }
    let waited = starved().saturating_sub(before);
    let gone = killed.elapsed().saturating_sub(waited);
    // Adopted processes that have ended still hold their names; reap them.
    // SAFETY: no pointers are passed.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
    assert_eq!(
        new_control_groups(&groups),
        Vec::<String>::new(),
        "on {rung}, {amid:?}"
    );
    Some(gone)
}

/// Kills judges until it is known how it goes most times.
fn kill_owners(rung: Rung, amid: Amid) {
    let mut times = Vec::new();
    let n_soon = |times: &[Duration]| times.iter().filter(|time| **time <= SOON).count();
    while times.len() < ATTEMPTS && n_soon(&times) < MAJORITY {
        let Some(gone) = kill_owner(rung, amid) else {
            return;
        };
        times.push(gone);
    }
    times.sort();
    println!("on {rung}, {amid:?}: everything was gone after {times:?}");
    assert!(n_soon(&times) >= MAJORITY, "on {rung}, {amid:?}: {times:?}");
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
        let daemon = spinning(Language::Python, daemon, Isolation::Pooled);
        let judging = runtime.block_on(judge.judge(&daemon)).unwrap();
        assert_eq!(judging.verdict, domain::Verdict::Accepted, "{judging:?}");
    }
    drop((judge, runtime));
    assert_eq!(children(), Vec::<i32>::new());
    assert_eq!(open_files(), before);
    assert_eq!(new_control_groups(&groups), Vec::<String>::new());
}

const RUNGS: [Rung; 3] = [Rung::Full, Rung::Userns, Rung::Landlock];
const KINDS: [Amid; 3] = [Amid::Pooled, Amid::Fresh, Amid::Compiling];

#[test]
fn a_killed_judge_leaves_nothing() {
    let asked = std::env::var(OWNER).ok();
    for (rung, amid) in RUNGS
        .iter()
        .flat_map(|rung| KINDS.map(|amid| (*rung, amid)))
    {
        if asked == Some(format!("{rung} {amid:?}")) {
            own_a_judge(rung, amid);
            return;
        }
    }
    // SAFETY: no pointers are passed.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
    for (rung, amid) in RUNGS
        .iter()
        .flat_map(|rung| KINDS.map(|amid| (*rung, amid)))
    {
        kill_owners(rung, amid);
    }
    drop_a_judge();
}
