//! Programs that try to pass assert tests without being right: none may be accepted.

use std::time::Duration;

use domain::Verdict::{RuntimeError, Security, WrongAnswer};
use domain::{Language, Limits, Submission, Verdict};

use crate::common::{assert_healthy, asserts, best_judge, judged, submission};

/// What every forgery is tested with: a wrong answer anywhere must not pass.
const TEST: &str = "
def check(candidate):
    expected = [3, 5]
    assert candidate([1, 2]) == expected[0]
    assert candidate([2, 3]) == expected[1]
    assert sorted([candidate([1]), candidate([2])]) == [1, 2]
check(f)
";

const FORGERIES: &[(&str, &str)] = &[
    (
        "equals everything",
        "class A:\n  def __eq__(self, o): return True\n  def __lt__(self, o): return True\n  def __hash__(self): return 0\ndef f(x): return A()",
    ),
    (
        "integer that equals everything",
        "class A(int):\n  def __eq__(self, o): return True\n  __lt__ = __gt__ = __le__ = __ge__ = __ne__ = __eq__\ndef f(x): return A(7)",
    ),
    (
        "list that equals everything",
        "class A(list):\n  def __eq__(self, o): return True\ndef f(x): return A()",
    ),
    (
        "text that equals everything",
        "class A(str):\n  def __eq__(self, o): return True\n  def __str__(self): return self\n  def __hash__(self): return 0\ndef f(x): return A('x')",
    ),
    (
        "lying conversion",
        "class A(int):\n  def __int__(self): return 3\n  def __index__(self): return 3\n  def __repr__(self): return '3'\ndef f(x): return A(7)",
    ),
    (
        "walks the frames",
        "import sys\ndef f(x):\n  frame = sys._getframe()\n  while frame:\n    for v in list(frame.f_locals.values()) + list(frame.f_globals.values()):\n      if isinstance(v, list) and v == [3, 5]: return v[0] if x == [1, 2] else v[1]\n    frame = frame.f_back\n  return None",
    ),
    (
        "searches the heap",
        "import gc\ndef f(x):\n  for o in gc.get_objects():\n    if isinstance(o, list) and o == [3, 5]: return 3 if x == [1, 2] else 5\n  return None",
    ),
    ("leaves early", "import os\nos._exit(0)"),
    ("leaves early in a call", "import os\ndef f(x): os._exit(0)"),
    ("exits", "import sys\ndef f(x): sys.exit(0)"),
    ("raises the exit", "def f(x): raise SystemExit"),
    ("quits", "def f(x): quit()"),
    ("exits at the top", "raise SystemExit(0)"),
    ("defines nothing", ""),
    ("defines another name", "def g(x): return sum(x)"),
    (
        "patches builtins",
        "import builtins\nbuiltins.AssertionError = ValueError\nbuiltins.sorted = lambda *a: [1, 2]\nbuiltins.isinstance = lambda *a: True\nbuiltins.type = lambda *a: int\ndef f(x): return None",
    ),
    (
        "patches json",
        "import json\njson.dumps = lambda *a, **k: '{\"value\": 3}'\njson.loads = lambda *a, **k: ['call', 'f', [[[1, 2]], {}]]\ndef f(x): return None",
    ),
    (
        "patches the test's words",
        "def check(candidate): pass\ndef assert_(x): pass\ndef f(x): return None",
    ),
    (
        "shadows what the test uses",
        "def sorted(x): return [1, 2]\nexpected = [None, None]\ndef f(x): return None",
    ),
    (
        "prints success",
        "import sys, os\ndef f(x):\n  print('{\"status\": \"passed\", \"message\": \"\", \"actual\": \"\", \"trace\": \"\"}')\n  os.write(1, b'PASSED')\n  os.write(2, b'PASSED')\n  return None",
    ),
    (
        "writes to every descriptor",
        "import os\nframe = b'{\"value\": 3}'\nfor fd in range(0, 64):\n  try: os.write(fd, len(frame).to_bytes(4, 'little') + frame)\n  except OSError: pass\ndef f(x): return None",
    ),
    (
        "writes garbage on the stream",
        "import os\ndef f(x):\n  os.write(3, b'\\xff' * 64)\n  return None",
    ),
    (
        "forged report on the stream",
        "import os\ndef f(x):\n  frame = b'{\"status\": \"passed\"}'\n  os.write(3, len(frame).to_bytes(4, 'little') + frame)\n  os._exit(0)",
    ),
    (
        "closes the stream",
        "import os\nos.close(3)\ndef f(x): return None",
    ),
    (
        "traces",
        "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)\ndef f(x): return None",
    ),
    (
        "at exit",
        "import atexit, os\natexit.register(lambda: os._exit(0))\ndef f(x): return None",
    ),
    (
        "with finalizers",
        "class A:\n  def __del__(self):\n    import os; os._exit(0)\ndef f(x):\n  A()\n  return None",
    ),
    (
        "signal handlers",
        "import signal, os\nfor s in range(1, 32):\n  try: signal.signal(s, lambda *a: os._exit(0))\n  except (OSError, ValueError): pass\ndef f(x): return None",
    ),
    (
        "thread that goes on",
        "import threading, os, time\ndef later():\n  time.sleep(0.05); os._exit(0)\nthreading.Thread(target=later).start()\ndef f(x): time.sleep(0.2); return None",
    ),
    (
        "raises the test's own exceptions",
        "def f(x): raise AssertionError",
    ),
    ("ends the test's loops", "def f(x): raise StopIteration"),
    (
        "own kind of exception",
        "class E(BaseException): pass\ndef f(x): raise E",
    ),
    ("generator exit", "def f(x): raise GeneratorExit"),
    ("not a number", "def f(x): return float('nan')"),
    ("empty iterator", "def f(x): return iter([])"),
    ("not implemented", "def f(x): return NotImplemented"),
    (
        "mutates its arguments",
        "def f(x):\n  x.clear(); x.append(3)\n  return x",
    ),
    ("huge number", "def f(x): return 10 ** 10000"),
    (
        "contains itself",
        "def f(x):\n  a = []; a.append(a); return a",
    ),
    (
        "nested deeply",
        "def f(x):\n  a = []\n  for _ in range(100000): a = [a]\n  return a",
    ),
    ("huge value", "def f(x): return 'x' * (20 << 20)"),
    (
        "endless iterator",
        "import itertools\ndef f(x): return itertools.count()",
    ),
    (
        "endless repr",
        "class A:\n  def __repr__(self): return repr(self)\ndef f(x): return A()",
    ),
    (
        "forks and both answer",
        "import os\ndef f(x):\n  try: os.fork()\n  except OSError: pass\n  return None",
    ),
    (
        "replaces its module",
        "import sys, types\nm = types.ModuleType('solution'); m.f = lambda x: None\nsys.modules['solution'] = m\nf = None",
    ),
    (
        "names that lie",
        "class f:\n  def __new__(cls, x): return None\n  def __eq__(self, o): return True",
    ),
    (
        "unhashable in a set",
        "import os, json\ndef f(x):\n  frame = b'{\"value\": {\"set\": [[]]}}'\n  os.write(3, len(frame).to_bytes(4, 'little') + frame); return 3",
    ),
    (
        "strange tag",
        "import os\ndef f(x):\n  frame = b'{\"value\": {\"__class__\": 3}}'\n  os.write(3, len(frame).to_bytes(4, 'little') + frame); return 3",
    ),
    (
        "frame without end",
        "import os\ndef f(x):\n  os.write(3, b'\\xff\\xff\\xff\\xff'); return 3",
    ),
    (
        "right once",
        "n = 0\ndef f(x):\n  global n; n += 1\n  return sum(x) if n == 1 else None",
    ),
];

#[tokio::test]
async fn none_is_accepted() {
    let judge = best_judge();
    let mut accepted = Vec::new();
    for (name, source) in FORGERIES {
        let submission = Submission {
            limits: Limits {
                wall: Duration::from_secs(3),
                ..Limits::with_cpu(Duration::from_secs(1))
            },
            ..submission(Language::Python, source, vec![asserts(TEST)])
        };
        let judging = judged(&judge, &submission).await;
        let honest = [
            WrongAnswer,
            RuntimeError,
            Security,
            Verdict::MemoryLimit,
            Verdict::TimeLimit,
        ];
        if !honest.contains(&judging.verdict) {
            accepted.push(format!("{name}: {judging:?}"));
        }
        assert_healthy(&judge, name).await;
    }
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
    let right = submission(
        Language::Python,
        "def f(x): return sum(x)",
        vec![asserts(TEST)],
    );
    assert_eq!(judged(&judge, &right).await.verdict, Verdict::Accepted);
}
