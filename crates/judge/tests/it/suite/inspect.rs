//! What a case could leave behind: in the cell, on the machine, in the judge.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use domain::{Isolation, Language, Submission, Test, Verdict};
use judge::Judge;

use super::case::NATIVE;
use crate::common::{asserts, judged, stdio, submission};

/// What runs inherit: the same before and after every case.
pub(super) struct Benign {
    native: Submission,
    python: Submission,
    function: Submission,
    /// What the first two said in a fresh cell.
    said: [String; 2],
}

/// Prints what a Python program inherits.
const INHERITED: &str = "
import os, resource, signal, sys
for n in range(16): print('limit', n, resource.getrlimit(n))
print('cores', len(os.sched_getaffinity(0)), 'policy', os.sched_getscheduler(0), 'nice', os.getpriority(os.PRIO_PROCESS, 0))
print('signals', signal.pthread_sigmask(signal.SIG_BLOCK, []), [s for s in range(1, 65) if s not in (9, 13, 19, 25, 32, 33)
      and signal.getsignal(s) not in (signal.SIG_DFL, signal.default_int_handler)])
print('mask', oct(os.umask(0o22)), 'user', os.getresuid(), os.getresgid(), os.getgroups())
def is_open(fd):
    try: os.fstat(fd)
    except OSError: return False
    return True
print('descriptors', [fd for fd in range(1024) if is_open(fd)])
print('environment', sorted(os.environ.items()), sys.argv, sys.path)
for d in ('.', '/tmp', '/dev/shm', '/box/run'):
    try: print('entries', d, sorted(os.listdir(d)))
    except OSError as e: print('no entries', d, type(e).__name__)
import builtins, json, threading
print('patched', json.dumps([1]), builtins.sorted is sorted, threading.active_count(), sys.getrecursionlimit())
";

impl Benign {
    /// Takes the fingerprint of fresh cells.
    pub(super) async fn new(judge: &Judge, isolation: Isolation) -> Benign {
        let run = |language, source, input| {
            let mut submission = submission(language, source, vec![stdio(input, "")]);
            submission.limits.processes = super::case::LIMITS.processes;
            submission.isolation = isolation;
            submission
        };
        let function = "def f(x):\n    x.append(3)\n    return sum(x)";
        let test = "x = [1, 2]\nassert f(x) == 6 and x == [1, 2, 3]";
        let mut benign = Benign {
            native: run(Language::Cpp, NATIVE, "fingerprint\n\n"),
            python: run(Language::Python, INHERITED, ""),
            function: Submission {
                isolation,
                ..submission(Language::Python, function, vec![asserts(test)])
            },
            said: [String::new(), String::new()],
        };
        for idx in 0..2 {
            let program = [&benign.native, &benign.python][idx];
            let case = judged(judge, program).await.cases.remove(0);
            assert_eq!(case.exit, Some(domain::Exit::Code(0)), "{case:?}");
            benign.said[idx] = case.actual.clone();
            let program = [&mut benign.native, &mut benign.python]
                .into_iter()
                .nth(idx);
            if let Some(Test::Stdio { expected, .. }) =
                program.and_then(|program| program.tests.first_mut())
            {
                *expected = vec![case.actual];
            }
        }
        benign
    }

    /// What is different for the next run; nothing may be.
    /// After a whole program that is another, and after a function that is called, another such.
    pub(super) async fn differences(&self, judge: &Judge, was_called: bool) -> Vec<String> {
        let mut found = Vec::new();
        let other = if was_called {
            (&self.function, None)
        } else {
            (&self.native, Some(&self.said[0]))
        };
        for (program, said) in [other, (&self.python, Some(&self.said[1]))] {
            let judging = match judge.judge(program).await {
                Ok(judging) if judging.verdict == Verdict::Accepted => continue,
                Ok(judging) => judging,
                Err(error) => {
                    found.push(format!("the next run failed: {error}"));
                    continue;
                }
            };
            let actual = judging.cases.first().map_or("", |case| &case.actual);
            let is_new =
                |line: &&str| said.is_some_and(|said| !said.lines().any(|old| old == *line));
            let new: Vec<_> = actual.lines().filter(is_new).collect();
            found.push(format!(
                "the next run: {}, new is {new:?}: {judging:?}",
                judging.verdict
            ));
        }
        found
    }
}

/// Processes below this one. It adopts what its children leave, so nothing of theirs can hide.
fn descendants() -> Vec<String> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some((name, rest)) = stat.rsplit_once(") ") {
            let mut fields = rest.split(' ');
            let (state, parent) = (fields.next(), fields.next());
            let parent: u32 = parent.unwrap_or("0").parse().unwrap();
            parents.insert(pid, (parent, format!("{name}) {}", state.unwrap_or("?"))));
        }
    }
    let own = std::process::id();
    let is_below = |pid: u32| {
        std::iter::successors(parents.get(&pid), |(parent, _)| parents.get(parent))
            .any(|(parent, _)| *parent == own)
    };
    let below = parents.iter().filter(|(pid, _)| is_below(**pid));
    below.map(|(_, (_, words))| words.clone()).collect()
}

/// How many processes there are when nothing has come or gone for a second: an interpreter forks one ahead of its
/// next run, some time after the last.
pub(super) fn n_settled() -> usize {
    let mut last = (0, Instant::now());
    loop {
        let n = descendants().len();
        if n != last.0 {
            last = (n, Instant::now());
        } else if last.1.elapsed() > Duration::from_secs(1) {
            return n;
        }
        std::thread::yield_now();
    }
}

/// Waits until no more than so many processes are left; tells which are too many.
pub(super) fn survivors(n_expected: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        let found = descendants();
        if found.len() <= n_expected {
            return Vec::new();
        }
        if Instant::now() > deadline {
            return found;
        }
        std::thread::yield_now();
    }
}

/// Descriptors that this process has open.
pub(super) fn n_open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Directories of control groups whose maker is gone.
pub(super) fn control_groups() -> Vec<PathBuf> {
    fn below(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let name = entry.file_name().to_string_lossy().into_owned();
                if let Some(owner) = name.strip_prefix("mapcoder-judge-")
                    && !Path::new("/proc").join(owner).exists()
                {
                    found.push(entry.path());
                }
                below(&entry.path(), found);
            }
        }
    }
    let mut found = Vec::new();
    below(Path::new("/sys/fs/cgroup"), &mut found);
    found
}

/// The memory of this process now and at its highest since [`forget_peak`], in bytes.
pub(super) fn memory() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib << 10
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Lets the highest memory use of this process begin anew.
pub(super) fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The machine outside of the sandbox, as far as a case could change it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outside {
    canary: (String, u32, i64, u64),
    left: Vec<PathBuf>,
    objects: Vec<String>,
}

impl Outside {
    /// Looks at it.
    pub(super) fn now(canary: &Path, scratch: &Path) -> Outside {
        let metadata = fs::metadata(canary).unwrap();
        let mut left = Vec::new();
        for directory in ["/tmp", "/var/tmp", "/dev/shm", "/dev", "/", "."] {
            left.push(Path::new(directory).join("judge_left"));
        }
        left.retain(|path| path.symlink_metadata().is_ok());
        left.extend(
            fs::read_dir(scratch)
                .unwrap()
                .map(|entry| entry.unwrap().path()),
        );
        let mut objects = Vec::new();
        for kind in [
            "sysvipc/shm",
            "sysvipc/sem",
            "sysvipc/msg",
            "net/unix",
            "keys",
        ] {
            let text = fs::read_to_string(Path::new("/proc").join(kind)).unwrap_or_default();
            // 27244 is the key that the attacks use.
            let ours = |line: &&str| line.contains("judge_left") || line.contains(" 27244 ");
            objects.extend(text.lines().filter(ours).map(String::from));
        }
        let mode = metadata.permissions().mode();
        let text = fs::read_to_string(canary).unwrap();
        Outside {
            canary: (text, mode, metadata.mtime(), metadata.nlink()),
            left,
            objects,
        }
    }
}
