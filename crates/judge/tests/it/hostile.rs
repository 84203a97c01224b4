//! Hostile and strange programs, the verdicts they must get, and that the next run does not notice them.

use std::time::{Duration, Instant};

use domain::Verdict::{
    Accepted, IdleLimit, MemoryLimit, OutputLimit, RuntimeError, TimeLimit, WrongAnswer,
};
use domain::{Exit, Language, Limits, Rung, Submission, Verdict};
use judge::Judge;

use crate::common::{assert_healthy, judge_on, judged, stdio, submission};

/// One program, and the verdicts that are right for it.
struct Case {
    name: &'static str,
    language: Language,
    source: &'static str,
    input: &'static str,
    expected: &'static str,
    verdicts: &'static [Verdict],
}

const fn python(
    name: &'static str,
    source: &'static str,
    expected: &'static str,
    verdicts: &'static [Verdict],
) -> Case {
    Case {
        name,
        language: Language::Python,
        source,
        input: "",
        expected,
        verdicts,
    }
}

const fn cpp(
    name: &'static str,
    source: &'static str,
    expected: &'static str,
    verdicts: &'static [Verdict],
) -> Case {
    Case {
        language: Language::Cpp,
        ..python(name, source, expected, verdicts)
    }
}

/// Small limits, so that the suite stays quick; the wall limit leaves room for a busy machine.
fn limits() -> Limits {
    Limits {
        cpu: Duration::from_millis(400),
        wall: Duration::from_millis(1500),
        memory_bytes: 64 << 20,
        output_bytes: 1 << 20,
        file_bytes: 1 << 20,
        processes: 16,
    }
}

/// Cases that are judged alike on every rung.
const ANYWHERE: &[Case] = &[
    python("empty program", "", "", &[Accepted]),
    python(
        "exit code",
        "print(1); import sys; sys.exit(1)",
        "1",
        &[RuntimeError],
    ),
    python(
        "exit code 0",
        "print(1); import sys; sys.exit(0)",
        "1",
        &[Accepted],
    ),
    python("exit builtin", "print(1); exit()", "1", &[Accepted]),
    python(
        "exit message",
        "print(1); raise SystemExit('no')",
        "1",
        &[RuntimeError],
    ),
    python(
        "abort",
        "print(1, flush=True); import os; os.abort()",
        "1",
        &[RuntimeError],
    ),
    python(
        "kills itself",
        "print(1, flush=True); import os; os.kill(os.getpid(), 9)",
        "1",
        &[RuntimeError],
    ),
    python(
        "terminates itself",
        "print(1, flush=True); import os; os.kill(os.getpid(), 15)",
        "1",
        &[RuntimeError],
    ),
    python("spins", "while True: pass", "", &[TimeLimit]),
    python(
        "swallows exceptions",
        "while True:\n  try:\n    while True: pass\n  except: pass",
        "",
        &[TimeLimit],
    ),
    python(
        "ignores signals and spins",
        "import signal\nfor s in range(1, 32):\n  try: signal.signal(s, signal.SIG_IGN)\n  except Exception: pass\nwhile True: pass",
        "",
        &[TimeLimit],
    ),
    python("sleeps", "import time; time.sleep(1e6)", "", &[IdleLimit]),
    python(
        "waits for a lock",
        "import threading; threading.Lock().acquire(); l = threading.Lock(); l.acquire(); l.acquire()",
        "",
        &[IdleLimit],
    ),
    python(
        "stops itself",
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
        "",
        &[IdleLimit],
    ),
    python(
        "too much memory",
        "x = bytearray(10**10)",
        "",
        &[MemoryLimit],
    ),
    python(
        "memory bit by bit",
        "x = []\nwhile True: x.append(bytearray(1 << 16))",
        "",
        &[MemoryLimit],
    ),
    python(
        "swallows memory errors",
        "x = []\nwhile True:\n  try: x.append(b'x' * (1 << 22))\n  except MemoryError: pass",
        "",
        &[MemoryLimit, TimeLimit],
    ),
    python(
        "too much output",
        "while True: print('x' * 1000)",
        "",
        &[OutputLimit],
    ),
    python(
        "too much on standard error",
        "import sys\nprint(1)\nwhile True: sys.stderr.write('x' * 1000)",
        "1",
        &[OutputLimit],
    ),
    python("much output", "print('x' * 300_000)", "", &[WrongAnswer]),
    python(
        "closes its output",
        "import os; os.close(1)",
        "1",
        &[WrongAnswer, RuntimeError],
    ),
    python(
        "writes to other descriptors",
        "import os\nfor fd in range(3, 1024):\n  try: os.write(fd, b'x'); print(fd)\n  except OSError: pass",
        "",
        &[Accepted],
    ),
    python(
        "signals everybody",
        "import os\nprint(1, flush=True)\nfor p in (-1, 1, os.getppid()):\n  try: os.kill(p, 9)\n  except OSError: pass\nprint(2)",
        "1\n2",
        &[Accepted, RuntimeError],
    ),
    python(
        "many threads",
        "import threading, time\ntry:\n  for _ in range(100000): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\nexcept (RuntimeError, MemoryError): print('no')",
        "no",
        &[Accepted, MemoryLimit, RuntimeError],
    ),
    python(
        "many descriptors",
        "import os\ntry:\n  while True: os.dup(0)\nexcept OSError: print('no')",
        "no",
        &[Accepted],
    ),
    python(
        "reads the machine",
        "import glob\nfor p in ['/etc/shadow', '/etc/passwd', '/proc/1/environ', '/proc/self/environ', '/etc/ssh/sshd_config', '/var/log/dpkg.log']:\n  try: open(p).read(); print('read', p)\n  except OSError: pass\nprint(glob.glob('/dev/shm/*'), glob.glob('/proc/*/environ'))",
        "[] []",
        &[Accepted],
    ),
    python(
        "opens sockets",
        "import socket\nfor f in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, 16, 17, 40):\n  for k in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):\n    try: socket.socket(f, k); print('socket', f, k)\n    except OSError: pass\nprint(1)",
        "1",
        &[Accepted],
    ),
    python(
        "datagrams by path",
        "import socket\ntry: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); print('made')\nexcept OSError: print('no')",
        "no",
        &[Accepted],
    ),
    python(
        "forbidden calls",
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n# unshare, mount, ptrace, bpf, perf_event_open, userfaultfd, io_uring_setup, keyctl, shmget, setns\nfor n in (272, 165, 101, 321, 298, 323, 425, 250, 29, 308):\n  if libc.syscall(n, 0x10000000 if n == 272 else 0, 0, 0, 0, 0) != -1: print('allowed', n)\nprint(1)",
        "1",
        &[Accepted],
    ),
    python(
        "raises its limits",
        "import resource, os\ntry: resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000)); print('raised')\nexcept (ValueError, OSError): pass\ntry: os.nice(-20); print('nicer')\nexcept OSError: pass\nprint(1)",
        "1",
        &[Accepted],
    ),
    python(
        "sees no secrets",
        "import os\nprint(sorted(k for k in os.environ if k not in ('PATH', 'LANG', 'HOME', 'TMPDIR', 'LC_CTYPE') and not k.startswith('PYTHON')))",
        "[]",
        &[Accepted],
    ),
    python(
        "recursion",
        "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return 0 if n == 0 else 1 + f(n - 1)\nprint(f(20000))",
        "20000",
        &[Accepted],
    ),
    python(
        "endless recursion",
        "def f(): f()\nf()",
        "",
        &[RuntimeError],
    ),
    python("syntax error", "def f(:", "", &[RuntimeError]),
    python(
        "source with a mark and foreign line ends",
        "\u{feff}print(1)\r\nprint(2)\r\n",
        "1\n2\n",
        &[Accepted],
    ),
    python(
        "writes to the interpreter's files",
        "import os, sys\nfor p in (os.__file__, '/usr/lib/x', '/x', '/etc/x'):\n  try: open(p, 'a'); print('wrote', p)\n  except OSError: pass\nprint(1)",
        "1",
        &[Accepted],
    ),
    Case {
        input: "x\n",
        ..python(
            "reads twice",
            "import sys\nprint(sys.stdin.read().strip())\nsys.stdin.seek(0)\nprint(sys.stdin.read().strip())",
            "x\nx",
            &[Accepted],
        )
    },
    Case {
        input: "1\r\n2\r\n",
        ..python(
            "foreign line ends",
            "import os\nprint(os.read(0, 100))",
            r"b'1\r\n2\r\n'",
            &[Accepted],
        )
    },
    python(
        "never ends a thread",
        "import threading\ndef spin():\n  while True: pass\nthreading.Thread(target=spin, daemon=True).start()\nprint(1)",
        "1",
        &[Accepted],
    ),
    python(
        "threads burn the time",
        "import threading, time\ndef spin():\n  while True: pass\nfor _ in range(4): threading.Thread(target=spin, daemon=True).start()\ntime.sleep(100)",
        "",
        &[TimeLimit],
    ),
    python(
        "takes the runner apart",
        "import gc, sys, __main__\nfor o in gc.get_objects():\n  try: o.clear()\n  except Exception: pass\nsys.modules.clear()",
        "1",
        &[WrongAnswer, RuntimeError, TimeLimit],
    ),
    cpp(
        "null pointer",
        "int main() { *(volatile int*)0 = 1; }",
        "",
        &[RuntimeError],
    ),
    cpp(
        "division by zero",
        "int main(int n, char**) { volatile int z = n - 1, one = 1; return one / z; }",
        "",
        &[RuntimeError],
    ),
    cpp(
        "abort after the answer",
        "#include <cstdio>\n#include <cstdlib>\nint main() { puts(\"1\"); fflush(stdout); abort(); }",
        "1",
        &[RuntimeError],
    ),
    cpp(
        "spins",
        "int main() { for (volatile int i = 0;; i++); }",
        "",
        &[TimeLimit],
    ),
    cpp(
        "deep recursion",
        "#include <cstdio>\nint f(int n, volatile int* p) { volatile int a[4] = {n}; return n == 0 ? *p : f(n - 1, a) + 1; }\nint main() { volatile int z = 0; printf(\"%d\", f(300000, &z) > 0); }",
        "1",
        &[Accepted],
    ),
    cpp(
        "endless recursion",
        "int f(int n, volatile int* p) { volatile int a[64] = {n}; return f(n + 1, a) + *p; }\nint main() { volatile int z = 0; return f(0, &z); }",
        "",
        &[MemoryLimit],
    ),
    cpp(
        "too much memory",
        "#include <vector>\nint main() { std::vector<char> v; for (;;) v.resize(v.size() + (1 << 20), 1); }",
        "",
        &[MemoryLimit],
    ),
    cpp("never reads", "int main() {}", "", &[Accepted]),
    cpp(
        "template recursion",
        "template<int N> struct A { static const int v = A<N + 1>::v; };\nint main() { return A<0>::v; }",
        "",
        &[Verdict::CompileError],
    ),
    cpp(
        "includes the password file",
        "#include \"/etc/shadow\"\nint main() {}",
        "",
        &[Verdict::CompileError],
    ),
    cpp(
        "embeds the password file",
        "#include <cstdio>\nextern \"C\" char data[];\n__asm__(\".data\\ndata: .incbin \\\"/etc/passwd\\\"\\n\");\nint main() { puts(data); }",
        "",
        &[Verdict::CompileError],
    ),
    cpp(
        "includes an endless file",
        "#include \"/dev/zero\"\nint main() {}",
        "",
        &[Verdict::CompileError],
    ),
];

/// Cases that need processes, which the lowest rung does not give.
const WITH_PROCESSES: &[Case] = &[
    python(
        "fork bomb",
        "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass",
        "",
        &[TimeLimit, RuntimeError, IdleLimit, MemoryLimit],
    ),
    python(
        "daemon",
        "import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    time.sleep(1e6)\n  os._exit(0)\nos.wait()\nprint(1)",
        "1",
        &[Accepted],
    ),
    python(
        "daemon that spins",
        "import os\nif os.fork() == 0:\n  os.setsid()\n  while True: pass\nprint(1)",
        "1",
        &[Accepted],
    ),
    python(
        "children burn the time",
        "import os, time\nfor _ in range(3):\n  if os.fork() == 0:\n    while True: pass\ntime.sleep(1e6)",
        "",
        &[TimeLimit],
    ),
    python(
        "starts a shell",
        "import subprocess\nprint(subprocess.run('echo 1', shell=True, capture_output=True).stdout.decode())",
        "1",
        &[Accepted],
    ),
    python(
        "fills the disk",
        "import os\ntry:\n  for i in range(10**6): open(f'f{i}', 'wb').write(b'x' * 65536)\nexcept OSError: print(1)",
        "1",
        &[Accepted, MemoryLimit],
    ),
    python(
        "deep directories",
        "import os\nfor _ in range(2000):\n  os.mkdir('d' * 200); os.chdir('d' * 200)\nos.chmod('.', 0)\nprint(1)",
        "1",
        &[Accepted],
    ),
    python(
        "plants links",
        "import os\nos.symlink('/etc/passwd', 'out'); os.mkfifo('main'); os.symlink('/', '/tmp/x')\nprint(1)",
        "1",
        &[Accepted],
    ),
    python(
        "large file",
        "open('x', 'wb').write(b'x' * (2 << 20))",
        "",
        &[OutputLimit, RuntimeError],
    ),
];

/// Cases of the lowest rung: no processes, no files.
const ALONE: &[Case] = &[
    python(
        "fork",
        "import os\ntry: os.fork()\nexcept OSError: print('no')",
        "no",
        &[Accepted],
    ),
    python(
        "writes nothing",
        "try: open('x', 'w')\nexcept OSError: print('no')",
        "no",
        &[Accepted],
    ),
    python(
        "signals strangers",
        "import os\nfor p in (1, os.getppid(), -1):\n  try: os.kill(p, 0); print('reached', p)\n  except OSError: pass\nprint(1)",
        "1",
        &[Accepted],
    ),
];

fn of(case: &Case) -> Submission {
    Submission {
        limits: limits(),
        ..submission(
            case.language,
            case.source,
            vec![stdio(case.input, case.expected)],
        )
    }
}

async fn run_cases(rung: Rung, cases: &[&[Case]]) {
    let Some(judge) = judge_on(rung) else { return };
    let mut wrong = Vec::new();
    for case in cases.iter().copied().flatten() {
        let start = Instant::now();
        let judging = judged(&judge, &of(case)).await;
        if !case.verdicts.contains(&judging.verdict) {
            wrong.push(format!("{}: {judging:?}", case.name));
        }
        assert!(
            !judging.compile_log.contains("root:"),
            "{}",
            judging.compile_log
        );
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "{} took too long",
            case.name
        );
        assert_healthy(&judge, case.name).await;
    }
    assert!(wrong.is_empty(), "on rung {rung}:\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn full() {
    run_cases(Rung::Full, &[ANYWHERE, WITH_PROCESSES]).await;
}

#[tokio::test]
async fn userns() {
    run_cases(Rung::Userns, &[ANYWHERE, WITH_PROCESSES]).await;
}

#[tokio::test]
async fn landlock() {
    run_cases(Rung::Landlock, &[ANYWHERE, ALONE]).await;
}

async fn case_of(judge: &Judge, source: &str) -> domain::CaseReport {
    let submission = Submission {
        limits: limits(),
        ..submission(Language::Cpp, source, vec![stdio("", "1")])
    };
    judged(judge, &submission).await.cases.remove(0)
}

#[tokio::test]
async fn signals_are_named_as_they_were() {
    let Some(judge) = judge_on(Rung::Userns) else {
        return;
    };
    let program = |line: &str| {
        format!(
            "#include <csignal>\n#include <cstdlib>\n#include <unistd.h>\nint main() {{ {line} }}"
        )
    };
    for (line, exit) in [
        ("abort();", Exit::Signal(6)),
        ("raise(SIGTERM);", Exit::Signal(15)),
        ("kill(getpid(), SIGKILL);", Exit::Signal(9)),
        ("*(volatile int*)8 = 1;", Exit::Signal(11)),
        ("return 3;", Exit::Code(3)),
    ] {
        let case = case_of(&judge, &program(line)).await;
        assert_eq!(
            (case.verdict, case.exit),
            (RuntimeError, Some(exit)),
            "{line}"
        );
    }
}

#[tokio::test]
async fn one_run_leaves_nothing_for_the_next() {
    let Some(judge) = judge_on(Rung::Userns) else {
        return;
    };
    let leave = "import os, glob\nopen('left', 'w').write('x'); open('/tmp/left', 'w').write('x')\nprint(1)";
    let look =
        "import glob\nprint(glob.glob('*') + glob.glob('/tmp/*') + glob.glob('/box/run/*/*'))";
    for _ in 0..3 {
        let submission = submission(Language::Python, leave, vec![stdio("", "1")]);
        assert_eq!(judged(&judge, &submission).await.verdict, Accepted);
        let submission =
            crate::common::submission(Language::Python, look, vec![stdio("", "[]"); 4]);
        assert_eq!(judged(&judge, &submission).await.verdict, Accepted);
    }
}
