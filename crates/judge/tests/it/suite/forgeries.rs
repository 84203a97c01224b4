//! Cases 56 to 67: programs that try to pass a test that calls them without being right. None may be accepted.

use domain::Verdict;
use domain::Verdict::{
    Accepted, IdleLimit, MemoryLimit, OutputLimit, RuntimeError, Security, TimeLimit, WrongAnswer,
};

use super::case::{Case, function};

/// What every forgery is tested with: a wrong answer anywhere must not pass.
const TEST: &str = "
def check(candidate):
    expected = [3, 5]
    assert candidate([1, 2]) == expected[0]
    assert candidate([2, 3]) == expected[1]
    assert sorted([candidate([1]), candidate([2])]) == [1, 2]
check(f)
";

/// Another interpreter, with the stream in its hands.
const INTERPRETER: &str = r#"
import os, sys
CODE = """
import os
body = b'{"value": 3}'
for fd in range(1, 9):
    for _ in range(9):
        try: os.write(fd, len(body).to_bytes(4, 'little') + body)
        except OSError: pass
"""
def f(x):
    os.set_inheritable(3, True)
    os.execv(sys.executable, [sys.executable, '-S', '-c', CODE])
"#;

const WRONG: &[Verdict] = &[WrongAnswer];
const FAILED: &[Verdict] = &[RuntimeError];
const FORGED: &[Verdict] = &[Security];
const SLOW: &[Verdict] = &[TimeLimit];
const IDLE: &[Verdict] = &[IdleLimit];
const HUGE: &[Verdict] = &[MemoryLimit, RuntimeError];
/// Anything but accepted: what such a program breaks first depends on the interpreter.
const REFUSED: &[Verdict] = &[
    WrongAnswer,
    RuntimeError,
    Security,
    MemoryLimit,
    TimeLimit,
    IdleLimit,
    OutputLimit,
];

const fn forgery(
    number: u8,
    title: &'static str,
    source: &'static str,
    verdicts: &'static [Verdict],
) -> Case {
    function(number, title, source, TEST, verdicts)
}

pub(super) const CASES: &[Case] = &[
    forgery(
        56,
        "equals everything",
        "class A:\n  def __eq__(self, o): return True\n  def __lt__(self, o): return True\n  def __hash__(self): return 0\ndef f(x): return A()",
        WRONG,
    ),
    forgery(
        56,
        "not implemented",
        "def f(x): return NotImplemented",
        REFUSED,
    ),
    forgery(
        56,
        "names that lie",
        "class f:\n  def __new__(cls, x): return None\n  def __eq__(self, o): return True",
        REFUSED,
    ),
    forgery(
        56,
        "a class that lies",
        "class A:\n  __class__ = int\n  def __eq__(self, o): return True\n  def __index__(self): return 3\n  __int__ = __index__\ndef f(x): return A()",
        WRONG,
    ),
    forgery(
        56,
        "a way to be rebuilt",
        "class A:\n  def __reduce__(self): return (eval, ('3',))\n  __reduce_ex__ = lambda self, n: self.__reduce__()\n  def __eq__(self, o): return True\ndef f(x): return A()",
        WRONG,
    ),
    forgery(
        56,
        "a metaclass that lies",
        "class M(type):\n  def __instancecheck__(cls, o): return True\n  def __eq__(cls, o): return True\n  __hash__ = type.__hash__\n  __module__ = 'itertools'\n  __name__ = 'int'\nclass A(metaclass=M):\n  __module__ = 'itertools'\n  def __eq__(self, o): return True\n  def __iter__(self): return iter([3, 5])\ndef f(x): return A()",
        REFUSED,
    ),
    forgery(
        56,
        "a class that is a value",
        "class M(type):\n  def __eq__(cls, o): return True\n  def __lt__(cls, o): return True\n  __hash__ = type.__hash__\nclass A(metaclass=M): pass\ndef f(x): return A",
        WRONG,
    ),
    forgery(56, "the function itself", "def f(x): return f", WRONG),
    forgery(
        56,
        "an object with answers",
        "class A:\n  value = 3\n  def __call__(self, *a): return 3\n  def __getattr__(self, name): return 3\n  def __eq__(self, o): return True\ndef f(x): return A()",
        WRONG,
    ),
    forgery(
        56,
        "reflected operators",
        "class A:\n  def __eq__(self, o): return True\n  __req__ = __rsub__ = __radd__ = __sub__ = lambda self, o: 0\n  __ne__ = lambda self, o: False\n  __abs__ = __bool__ = lambda self: True\ndef f(x): return [A(), A()]",
        WRONG,
    ),
    forgery(56, "a coroutine", "async def f(x): return sum(x)", WRONG),
    forgery(56, "a type", "def f(x): return int", WRONG),
    forgery(
        57,
        "walks the frames",
        "import sys\ndef f(x):\n  frame = sys._getframe()\n  while frame:\n    for v in list(frame.f_locals.values()) + list(frame.f_globals.values()):\n      if isinstance(v, list) and v == [3, 5]: return v[0] if x == [1, 2] else v[1]\n    frame = frame.f_back\n  return None",
        WRONG,
    ),
    forgery(
        57,
        "searches the heap",
        "import gc\ndef f(x):\n  for o in gc.get_objects():\n    if isinstance(o, list) and o == [3, 5]: return 3 if x == [1, 2] else 5\n  return None",
        WRONG,
    ),
    forgery(
        57,
        "memory of the process",
        "import ctypes\ndef f(x):\n  for o in (id(x), id(f)):\n    data = ctypes.string_at(o, 4096)\n    if b'expected' in data: return 3\n  try: open('/proc/self/mem', 'rb')\n  except OSError: return None\n  return 3",
        WRONG,
    ),
    forgery(
        57,
        "modules of the test",
        "import sys\ndef f(x):\n  for m in list(sys.modules.values()):\n    if getattr(m, '__name__', '') in ('test', 'oracle') or hasattr(m, 'expected'): return m.expected[0]\n  return None",
        WRONG,
    ),
    forgery(
        57,
        "the runner's own source",
        "import sys, inspect\ndef f(x):\n  frame = sys._getframe(1)\n  while frame:\n    for name, value in frame.f_locals.items():\n      if 'expected' in repr(value)[:10000]: return 3\n    frame = frame.f_back\n  return None",
        REFUSED,
    ),
    forgery(
        57,
        "reads every descriptor",
        "import os\nfor fd in list(range(3)) + list(range(4, 64)):\n  try:\n    if b'expected' in os.pread(fd, 1 << 16, 0): os._exit(0)\n  except OSError: pass\ndef f(x): return None",
        WRONG,
    ),
    forgery(58, "leaves early", "import os\nos._exit(0)", FAILED),
    forgery(
        58,
        "leaves early in a call",
        "import os\ndef f(x): os._exit(0)",
        FAILED,
    ),
    forgery(58, "exits", "import sys\ndef f(x): sys.exit(0)", FAILED),
    forgery(58, "raises the exit", "def f(x): raise SystemExit", FAILED),
    forgery(58, "quits", "def f(x): quit()", FAILED),
    forgery(58, "exits at the top", "raise SystemExit(0)", FAILED),
    forgery(
        58,
        "ends by a signal",
        "import os\ndef f(x): os.kill(os.getpid(), 15)",
        FAILED,
    ),
    forgery(
        58,
        "becomes another program",
        "import os\ndef f(x): os.execv('/bin/true', ['true'])",
        FAILED,
    ),
    forgery(58, "becomes another interpreter", INTERPRETER, REFUSED),
    forgery(
        58,
        "exits in a thread",
        "import threading, os\ndef f(x):\n  threading.Thread(target=os._exit, args=(0,)).start()\n  while True: pass",
        REFUSED,
    ),
    forgery(
        58,
        "exits while a value is read",
        "import os\nclass A(list):\n  @property\n  def __class__(self): os._exit(0)\n  def __iter__(self): os._exit(0)\ndef f(x): return A([3])",
        REFUSED,
    ),
    forgery(
        59,
        "patches builtins",
        "import builtins\nbuiltins.AssertionError = ValueError\nbuiltins.sorted = lambda *a: [1, 2]\nbuiltins.isinstance = lambda *a: True\nbuiltins.type = lambda *a: int\ndef f(x): return None",
        REFUSED,
    ),
    forgery(
        59,
        "patches json",
        "import json\njson.dumps = lambda *a, **k: '{\"value\": 3}'\njson.loads = lambda *a, **k: ['call', 'f', [[[1, 2]], {}]]\ndef f(x): return None",
        REFUSED,
    ),
    forgery(
        59,
        "patches the test's words",
        "def check(candidate): pass\ndef assert_(x): pass\ndef f(x): return None",
        REFUSED,
    ),
    forgery(
        59,
        "shadows what the test uses",
        "def sorted(x): return [1, 2]\nexpected = [None, None]\ndef f(x): return None",
        REFUSED,
    ),
    forgery(
        59,
        "traces",
        "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)\ndef f(x): return None",
        REFUSED,
    ),
    forgery(
        59,
        "at exit",
        "import atexit, os\natexit.register(lambda: os._exit(0))\ndef f(x): return None",
        REFUSED,
    ),
    forgery(
        59,
        "with finalizers",
        "class A:\n  def __del__(self):\n    import os; os._exit(0)\ndef f(x):\n  A()\n  return None",
        REFUSED,
    ),
    forgery(
        59,
        "signal handlers",
        "import signal, os\nfor s in range(1, 32):\n  try: signal.signal(s, lambda *a: os._exit(0))\n  except (OSError, ValueError): pass\ndef f(x): return None",
        REFUSED,
    ),
    forgery(
        59,
        "thread that goes on",
        "import threading, os, time\ndef later():\n  time.sleep(0.05); os._exit(0)\nthreading.Thread(target=later).start()\ndef f(x): time.sleep(0.2); return None",
        REFUSED,
    ),
    forgery(
        59,
        "raises the test's own exceptions",
        "def f(x): raise AssertionError",
        FAILED,
    ),
    forgery(
        59,
        "own kind of exception",
        "class E(BaseException): pass\ndef f(x): raise E",
        FAILED,
    ),
    forgery(
        59,
        "patches what runs it",
        "import sys, gc\nframe = sys._getframe()\nwhile frame:\n  for name in ('write', 'dumps', 'pack', 'exit_now'):\n    frame.f_globals[name] = lambda *a, **k: 3\n  frame = frame.f_back\ndef f(x): return None",
        REFUSED,
    ),
    forgery(
        59,
        "hooks",
        "import sys, faulthandler\nsys.excepthook = sys.unraisablehook = lambda *a: None\nfaulthandler.enable()\nsys.addaudithook(lambda *a: None)\nsys.breakpointhook = lambda: None\ndef f(x): assert False",
        FAILED,
    ),
    forgery(
        59,
        "no asserts",
        "import builtins, sys\nbuiltins.__debug__ if True else 0\nsys.flags = type('F', (), {'optimize': 2})()\nbuiltins.__build_class__ = None\nbuiltins.__import__ = lambda *a, **k: None\ndef f(x): return None",
        REFUSED,
    ),
    forgery(
        59,
        "alarm",
        "import signal, os\nsignal.signal(signal.SIGALRM, lambda *a: os._exit(0))\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\ndef f(x):\n  while True: pass",
        REFUSED,
    ),
    forgery(
        59,
        "a value that changes while it is read",
        "import threading\nd = {}\ndef grow():\n  n = 0\n  while True:\n    d[n] = n; n += 1\n    if n > 1000: d.clear(); n = 0\nthreading.Thread(target=grow, daemon=True).start()\ndef f(x): return d",
        REFUSED,
    ),
    forgery(
        59,
        "a subclass of the test's exception",
        "class AssertionError(AssertionError):\n  def __str__(self): raise SystemExit(0)\ndef f(x): raise AssertionError",
        FAILED,
    ),
    forgery(
        59,
        "an exception that lies",
        "class M(type):\n  def __getattribute__(cls, name):\n    if name == '__mro__': return ()\n    return type.__getattribute__(cls, name)\nclass E(Exception, metaclass=M): pass\ndef f(x): raise E",
        REFUSED,
    ),
    forgery(
        59,
        "an exception that cannot be rebuilt",
        "def f(x): raise UnicodeDecodeError('utf8', b'', 0, 1, 'x')",
        FAILED,
    ),
    forgery(
        59,
        "a group of exceptions",
        "def f(x): raise ExceptionGroup('x', [AssertionError(), ValueError()])",
        FAILED,
    ),
    forgery(
        59,
        "the keyboard",
        "def f(x): raise KeyboardInterrupt",
        FAILED,
    ),
    forgery(
        60,
        "prints success",
        "import sys, os\ndef f(x):\n  print('{\"status\": \"passed\", \"message\": \"\", \"actual\": \"\", \"trace\": \"\"}')\n  os.write(1, b'PASSED')\n  os.write(2, b'PASSED')\n  return None",
        WRONG,
    ),
    forgery(
        60,
        "writes to every descriptor",
        "import os\nframe = b'{\"value\": 3}'\nfor fd in range(0, 64):\n  try: os.write(fd, len(frame).to_bytes(4, 'little') + frame)\n  except OSError: pass\ndef f(x): return None",
        REFUSED,
    ),
    forgery(
        60,
        "writes garbage on the stream",
        "import os\ndef f(x):\n  os.write(3, b'\\xff' * 64)\n  return None",
        FORGED,
    ),
    forgery(
        60,
        "forged report on the stream",
        "import os\ndef f(x):\n  frame = b'{\"status\": \"passed\"}'\n  os.write(3, len(frame).to_bytes(4, 'little') + frame)\n  os._exit(0)",
        REFUSED,
    ),
    forgery(
        60,
        "closes the stream",
        "import os\nos.close(3)\ndef f(x): return None",
        REFUSED,
    ),
    forgery(
        60,
        "forks and both answer",
        "import os\ndef f(x):\n  try: os.fork()\n  except OSError: pass\n  return None",
        REFUSED,
    ),
    forgery(
        60,
        "unhashable in a set",
        "import os, json\ndef f(x):\n  frame = b'{\"value\": {\"set\": [[]]}}'\n  os.write(3, len(frame).to_bytes(4, 'little') + frame); return 3",
        FORGED,
    ),
    forgery(
        60,
        "strange tag",
        "import os\ndef f(x):\n  frame = b'{\"value\": {\"__class__\": 3}}'\n  os.write(3, len(frame).to_bytes(4, 'little') + frame); return 3",
        FORGED,
    ),
    forgery(
        60,
        "frame without end",
        "import os\ndef f(x):\n  os.write(3, b'\\xff\\xff\\xff\\xff'); return 3",
        FORGED,
    ),
    forgery(
        60,
        "a list of names in advance",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\nsend('{\"names\": {\"f\": {\"module\": \"math\"}}}')\ndef f(x): return 3",
        REFUSED,
    ),
    forgery(
        60,
        "another answer than the function's",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  send('{\"raised\": [\"E\", \"StopIteration\", \"\", \"\"]}')\n  return 3",
        REFUSED,
    ),
    forgery(
        60,
        "a malformed exception",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  send('{\"raised\": \"AssertionError\"}')\n  return 3",
        FORGED,
    ),
    forgery(
        60,
        "an exception that is none",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  send('{\"raised\": [\"E\", \"SystemExit\", \"0\", \"\"]}')\n  return 3",
        REFUSED,
    ),
    forgery(
        60,
        "an answer that is a list",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  send('[3]')\n  return 3",
        FORGED,
    ),
    forgery(
        60,
        "two values in one",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  send('{\"value\": {\"int\": \"0x3\", \"tuple\": []}}')\n  return 3",
        FORGED,
    ),
    forgery(
        60,
        "a function as a type",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  send('{\"value\": {\"type\": \"eval\"}}')\n  return 3",
        FORGED,
    ),
    forgery(
        60,
        "an object without a number",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  send('{\"value\": {\"object\": \"__class__\"}}')\n  return 3",
        FORGED,
    ),
    forgery(
        60,
        "a range without a step",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  send('{\"value\": {\"range\": [0, 1, 0]}}')\n  return 3",
        FORGED,
    ),
    forgery(
        60,
        "numbers that are none",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  send('{\"value\": [NaN, Infinity, -Infinity]}')\n  return 3",
        REFUSED,
    ),
    forgery(
        60,
        "a signalling number",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  send('{\"value\": {\"decimal\": \"sNaN\"}}')\n  return 3",
        REFUSED,
    ),
    forgery(
        60,
        "brackets without end",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  send('{\"value\": ' + '[' * 1000000)\n  return 3",
        FORGED,
    ),
    forgery(
        60,
        "arguments that are none",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  send('{\"value\": 3, \"arguments\": {\"object\": 0}}')\n  return 3",
        REFUSED,
    ),
    forgery(
        60,
        "half an answer",
        "import os, time\ndef f(x):\n  os.write(3, b'\\x10\\0\\0\\0{')\n  time.sleep(100)",
        REFUSED,
    ),
    forgery(
        60,
        "no text",
        "import os\ndef f(x):\n  os.write(3, b'\\x02\\0\\0\\0\\xff\\xfe')\n  return 3",
        FORGED,
    ),
    forgery(
        60,
        "a fork that answers",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  try: pid = os.fork()\n  except OSError: return None\n  if pid == 0:\n    send('{\"value\": 3}')\n    os._exit(0)\n  os.wait()\n  return None",
        REFUSED,
    ),
    forgery(
        60,
        "another stream",
        "import os\nends = os.pipe()\nos.dup2(ends[0], 3)\ndef f(x): return 3",
        REFUSED,
    ),
    forgery(
        60,
        "threads that answer",
        "import os, threading\nbody = b'{\"value\": 3}'\ndef answer():\n  for _ in range(100): os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  for _ in range(4): threading.Thread(target=answer).start()\n  return None",
        REFUSED,
    ),
    forgery(
        61,
        "swallows everything",
        "def f(x):\n  while True:\n    try:\n      while True: pass\n    except: pass",
        SLOW,
    ),
    forgery(
        61,
        "swallows everything at the top",
        "while True:\n  try:\n    while True: pass\n  except: pass",
        SLOW,
    ),
    forgery(
        61,
        "waits in a call",
        "import time\ndef f(x): time.sleep(1e6)",
        IDLE,
    ),
    forgery(
        62,
        "mutates its arguments",
        "def f(x):\n  x.clear(); x.append(3)\n  return x",
        REFUSED,
    ),
    forgery(
        62,
        "right once",
        "n = 0\ndef f(x):\n  global n; n += 1\n  return sum(x) if n == 1 else None",
        REFUSED,
    ),
    forgery(
        62,
        "returns its mutated argument",
        "def f(x):\n  x.append(0)\n  return x",
        WRONG,
    ),
    forgery(
        62,
        "makes the argument the answer",
        "def f(x):\n  x[:] = [3]\n  return x[0]",
        WRONG,
    ),
    forgery(63, "defines nothing", "", FAILED),
    forgery(
        63,
        "defines another name",
        "def g(x): return sum(x)",
        FAILED,
    ),
    forgery(
        63,
        "replaces its module",
        "import sys, types\nm = types.ModuleType('solution'); m.f = lambda x: None\nsys.modules['solution'] = m\nf = None",
        REFUSED,
    ),
    forgery(63, "defines a constant", "f = 3", REFUSED),
    forgery(
        63,
        "removes its function",
        "def f(x):\n  del globals()['f']\n  return sum(x)",
        REFUSED,
    ),
    forgery(
        64,
        "integer that equals everything",
        "class A(int):\n  def __eq__(self, o): return True\n  __lt__ = __gt__ = __le__ = __ge__ = __ne__ = __eq__\ndef f(x): return A(7)",
        WRONG,
    ),
    forgery(
        64,
        "list that equals everything",
        "class A(list):\n  def __eq__(self, o): return True\ndef f(x): return A()",
        WRONG,
    ),
    forgery(
        64,
        "text that equals everything",
        "class A(str):\n  def __eq__(self, o): return True\n  def __str__(self): return self\n  def __hash__(self): return 0\ndef f(x): return A('x')",
        WRONG,
    ),
    forgery(
        64,
        "lying conversion",
        "class A(int):\n  def __int__(self): return 3\n  def __index__(self): return 3\n  def __repr__(self): return '3'\ndef f(x): return A(7)",
        WRONG,
    ),
    forgery(64, "not a number", "def f(x): return float('nan')", WRONG),
    forgery(
        64,
        "letters that look alike",
        "def f(x): return '\u{ff13}'",
        WRONG,
    ),
    forgery(
        64,
        "a text for a number",
        "def f(x): return str(sum(x))",
        WRONG,
    ),
    forgery(
        64,
        "a number that is near",
        "def f(x): return sum(x) + 1e-12",
        WRONG,
    ),
    forgery(
        64,
        "keys that lie",
        "class K(str):\n  def __eq__(self, o): return True\n  def __hash__(self): return hash('a')\ndef f(x): return {K('b'): 3}",
        WRONG,
    ),
    forgery(
        64,
        "keys of its own",
        "class K:\n  def __eq__(self, o): return True\n  def __hash__(self): return hash(3)\ndef f(x): return {K(): 3, K: K}",
        WRONG,
    ),
    forgery(
        64,
        "a list that changes",
        "class A(list):\n  n = 0\n  def __iter__(self):\n    A.n += 1\n    return iter([3 if A.n % 2 else 5])\n  def __len__(self): return 1\n  def __getitem__(self, i): return 3\ndef f(x): return A([0])",
        WRONG,
    ),
    forgery(
        64,
        "a number that changes",
        "class A(int):\n  n = 0\n  def __add__(self, o): return 3\n  __hash__ = lambda self: 3\n  def __sub__(self, o): return 0\ndef f(x): return A(0)",
        WRONG,
    ),
    forgery(
        64,
        "a named tuple",
        "import collections\nP = collections.namedtuple('P', 'a')\nP.__eq__ = lambda s, o: True\ndef f(x): return P(3)",
        WRONG,
    ),
    forgery(
        64,
        "an enumeration",
        "import enum\nclass E(enum.IntEnum):\n  A = 7\n  def __eq__(self, o): return True\n  __hash__ = int.__hash__\ndef f(x): return E.A",
        WRONG,
    ),
    forgery(
        65,
        "ends the test's loops",
        "def f(x): raise StopIteration",
        REFUSED,
    ),
    forgery(
        65,
        "generator exit",
        "def f(x): raise GeneratorExit",
        REFUSED,
    ),
    forgery(65, "empty iterator", "def f(x): return iter([])", WRONG),
    forgery(
        65,
        "endless iterator",
        "import itertools\ndef f(x): return itertools.count()",
        REFUSED,
    ),
    forgery(65, "a generator", "def f(x): yield sum(x)", WRONG),
    forgery(65, "a tuple", "def f(x): return (sum(x),)", WRONG),
    forgery(
        65,
        "a generator that ends the process",
        "import os\ndef f(x):\n  yield 3\n  os._exit(0)",
        FAILED,
    ),
    forgery(66, "huge number", "def f(x): return 10 ** 10000", WRONG),
    forgery(
        66,
        "a number of 100,000 digits",
        "def f(x): return 10 ** 100000",
        WRONG,
    ),
    forgery(
        66,
        "a number that takes long to read",
        "import os\ndef send(text):\n  body = text.encode()\n  os.write(3, len(body).to_bytes(4, 'little') + body)\ndef f(x):\n  send('{\"value\": 1' + '0' * 50000 + '}')\n  return 3",
        REFUSED,
    ),
    forgery(
        67,
        "contains itself",
        "def f(x):\n  a = []; a.append(a); return a",
        REFUSED,
    ),
    forgery(
        67,
        "nested deeply",
        "def f(x):\n  a = []\n  for _ in range(100000): a = [a]\n  return a",
        REFUSED,
    ),
    forgery(
        67,
        "huge value",
        "def f(x): return 'x' * (20 << 20)",
        REFUSED,
    ),
    forgery(
        67,
        "endless repr",
        "class A:\n  def __repr__(self): return repr(self)\ndef f(x): return A()",
        WRONG,
    ),
    forgery(67, "a gigabyte", "def f(x): return 'x' * (1 << 30)", HUGE),
    forgery(
        67,
        "a gigabyte of sharing",
        "def f(x):\n  a = [0] * 1000\n  for _ in range(3): a = [a] * 1000\n  return a",
        REFUSED,
    ),
    forgery(
        67,
        "recursion in every method",
        "class A:\n  def __repr__(self): return repr(self)\n  def __hash__(self): return hash(self)\n  def __getattribute__(self, n): return getattr(self, n)\ndef f(x): return [A()]",
        REFUSED,
    ),
    forgery(
        67,
        "a mapping that contains itself",
        "def f(x):\n  d = {}; d[0] = [d]; return d",
        REFUSED,
    ),
    forgery(
        67,
        "keys that collide",
        "def f(x): return {i * (2 ** 61 - 1) for i in range(3000)}",
        WRONG,
    ),
    forgery(
        67,
        "many empty lists",
        "def f(x): return [[] for _ in range(100000)]",
        REFUSED,
    ),
    // And what is right stays right.
    forgery(
        56,
        "the right answer",
        "def f(x): return sum(x)",
        &[Accepted],
    ),
    forgery(
        60,
        "says a lot",
        "import sys\ndef f(x):\n  print('PASSED'); print('FAILED', file=sys.stderr)\n  return sum(x)",
        &[Accepted],
    ),
    forgery(
        64,
        "a subclass of the right number",
        "class A(int):\n  def __eq__(self, o): return False\n  __hash__ = int.__hash__\ndef f(x): return A(sum(x))",
        &[Accepted],
    ),
    forgery(
        64,
        "the truth for one",
        "def f(x): return True if sum(x) == 1 else sum(x)",
        &[Accepted],
    ),
    function(
        62,
        "sees its own changes",
        "n = 0\ndef f(x):\n  global n\n  n += len(x)\n  x.append(n)\n  return n",
        "x = []\nassert f(x) == 0 and f(x) == 1 and f(x) == 3 and x == [0, 1, 3]",
        &[Accepted],
    ),
    function(63, "after a right one", "", "assert f(1) == 2", FAILED),
    function(
        65,
        "what is iterated arrives as an iterator",
        "def f(x): yield from x\ndef g(x): return {1: 2}.keys(), range(3)",
        "assert list(f([1, 2])) == [1, 2]\nassert f([1]) != [1]\nkeys, numbers = g(0)\nassert list(keys) == [1] and numbers == range(3)",
        &[Accepted],
    ),
    function(
        66,
        "a right number of 100,000 digits",
        "def f(x): return 10 ** x",
        "assert f(100000) == 10 ** 100000",
        &[Accepted],
    ),
    function(
        58,
        "leaves after its last answer",
        "import os, threading\nn = 0\ndef f(x):\n  global n\n  n += 1\n  return x",
        "assert f(1) == 1",
        &[Accepted],
    ),
];
