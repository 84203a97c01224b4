//! Cases 28 to 36: input and output.

use domain::Verdict::{Accepted, OutputLimit, RuntimeError, WrongAnswer};

use super::case::{Case, LIMITS, native, python};

fn up_to_the_limit(report: &domain::CaseReport) -> bool {
    report.n_output_bytes == LIMITS.output_bytes && report.actual.len() <= 4 << 10
}

pub(super) const CASES: &[Case] = &[
    native(28, "prints without end", "prints_without_end", &[OutputLimit]).proves(up_to_the_limit),
    python(28, "prints without end", "while True: print('x' * 1000)", &[OutputLimit]),
    python(29, "300 kB", "print('x' * 300_000)", &[Accepted]).expects_made(|| "x".repeat(300_000)),
    python(30, "a line of 50 MB within the limit", "print('x' * 50_000_000)", &[Accepted])
        .expects_made(|| "x".repeat(50_000_000))
    .cpu(1000)
        .memory(256 << 20)
        .output(64 << 20),
    python(30, "a line of 50 MB beyond the limit", "print('x' * 50_000_000)", &[OutputLimit]).memory(256 << 20),
    native(31, "floods standard error", "floods_errors", &[OutputLimit]),
    python(31, "right after 500 kB of warnings", "import sys\nsys.stderr.write('x' * 500_000)\nprint(1)", &[Accepted])
        .proves(|report| report.stderr_tail.len() <= 4 << 10 && report.stderr_tail.ends_with('x')),
    native(32, "closes its output", "closes_the_output", &[WrongAnswer]),
    python(32, "closes its output", "import os; os.close(1)", &[WrongAnswer]),
    native(33, "writes to every descriptor", "writes_everywhere", &[Accepted]),
    python(33, "writes to every descriptor", "import os\nfor fd in range(3, 1024):\n  try: os.write(fd, b'x'); print(fd)\n  except OSError as e: assert e.errno == 9\nprint(1)", &[Accepted]),
    native(34, "never reads 100 MB", "answers_unread", &[Accepted]).reads_made(|| "x".repeat(100_000_000)),
    python(34, "never reads", "print(1)", &[Accepted]).reads_made(|| "x\n".repeat(500_000)),
    python(35, "reads twice", "import sys\na = sys.stdin.read()\nsys.stdin.seek(0)\nprint(int(a == sys.stdin.read() == 'one\\ntwo\\n'))", &[Accepted])
        .reads("one\ntwo\n")
        .times(2),
    python(35, "writes to its input", "import os\nfor call in (lambda: os.write(0, b'x'), lambda: os.ftruncate(0, 0)):\n  try: call(); print('wrote')\n  except OSError: print(1)", &[Accepted])
        .expects("1\n1\n")
        .reads("one\n")
        .times(2),
    python(36, "no line end", "import os; print(os.read(0, 100))", &[Accepted]).reads("1").expects("b'1'\n"),
    python(36, "foreign line ends", "import os; print(os.read(0, 100))", &[Accepted])
        .reads("1\r\n2\r\n")
        .expects("b'1\\r\\n2\\r\\n'\n"),
    python(36, "zero bytes", "import os; print(os.read(0, 100))", &[Accepted])
        .reads("\0\u{1}\n")
        .expects("b'\\x00\\x01\\n'\n"),
    python(36, "foreign letters", "print(input())", &[Accepted]).reads("é — 判\n").expects("é — 判\n"),
    python(36, "no text at all", "import sys; sys.stdout.buffer.write(b'\\xff\\xfe1')", &[WrongAnswer]),
    python(36, "nothing", "import sys; print(len(sys.stdin.read()))", &[Accepted]).expects("0\n"),
    python(36, "reads beyond the end", "input()", &[RuntimeError]),
];
