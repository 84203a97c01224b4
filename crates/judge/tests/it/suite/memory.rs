//! Cases 20 to 27: memory, and stacks.

use domain::Rung;
use domain::Verdict::{Accepted, MemoryLimit, RuntimeError, TimeLimit};

use super::case::{Case, Exception, LIMITS, NO_PROCESSES, native, python};

fn about_the_limit(report: &domain::CaseReport) -> bool {
    report.memory_bytes >= LIMITS.memory_bytes / 2
}

/// Without control groups the kernel refuses to map what could not be used.
const REFUSED: &[Exception] = &[
    Exception {
        rung: Rung::Userns,
        verdicts: &[RuntimeError, MemoryLimit],
        reason: "mappings count, used or not",
    },
    Exception {
        rung: Rung::Landlock,
        verdicts: &[RuntimeError, MemoryLimit],
        reason: "mappings count, used or not",
    },
];

/// Without control groups what a child did is seen only while it lives.
const UNSEEN: Exception = Exception {
    rung: Rung::Userns,
    verdicts: &[MemoryLimit, Accepted],
    reason: "the child may be refused its memory before it is seen to use it",
};

pub(super) const CASES: &[Case] = &[
    native(20, "touches 10 GB", "touches_10_gb", &[MemoryLimit]).proves(about_the_limit),
    python(20, "bit by bit", "x = []\nwhile True: x.append(bytearray(1 << 16))", &[MemoryLimit]),
    native(21, "children share the memory", "children_share_the_memory", &[MemoryLimit]).except(&[NO_PROCESSES]),
    native(22, "child dies of memory", "child_dies_of_memory", &[MemoryLimit]).except(&[NO_PROCESSES, UNSEEN]),
    native(23, "reserves 100 GB", "reserves_100_gb", &[Accepted]),
    native(23, "maps 100 GB untouched", "maps_100_gb", &[Accepted]).except(REFUSED),
    native(20, "shared memory out of sight", "memory_that_is_shared", &[MemoryLimit, Accepted])
        .cpu(2000)
        .proves(|report| report.memory_bytes < LIMITS.memory_bytes + (8 << 20)),
    native(20, "files in memory", "files_in_memory", &[Accepted]),
    python(20, "swallows memory errors", "x = []\nwhile True:\n  try: x.append(b'x' * (1 << 22))\n  except MemoryError: pass", &[MemoryLimit, TimeLimit]),
    python(24, "a large array", "x = bytearray(10**10)", &[MemoryLimit]),
    python(24, "a list that is too long", "x = [0] * 10**9\nprint(1)", &[MemoryLimit]),
    native(25, "a million frames", "deep_recursion", &[Accepted]).memory(128 << 20),
    native(26, "endless recursion", "endless_recursion", &[MemoryLimit]).times(3),
    python(26, "endless recursion", "def f(): f()\nf()", &[RuntimeError]).times(3),
    // Interpreters from 3.12 on refuse; those before do not.
    python(27, "recursion through a cache", "import functools, sys\nsys.setrecursionlimit(10**6)\n@functools.lru_cache(None)\ndef f(n): return n and f(n - 1) + 1\ntry: right = f(20000) == 20000\nexcept RecursionError: right = sys.version_info >= (3, 12)\nprint(int(right))", &[Accepted])
        .memory(256 << 20),
    python(27, "recursion", "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return 0 if n == 0 else 1 + f(n - 1)\nprint(f(20000) // 20000)", &[Accepted])
        .memory(256 << 20),
];
