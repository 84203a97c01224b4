//! Cases 37 to 42: what programs find, leave and plant. The check after every case looks for all that they leave.

use domain::Rung;
use domain::Verdict::{Accepted, RuntimeError, TimeLimit, WrongAnswer};

use super::case::{Case, Exception, native, python};

/// Prints every text on the machine that looks like the expected output, which is nowhere in its own source.
const SEARCH: &str = "
import os, sys
word = '-'.join(['the', 'expected', 'output'])
roots = ['/tmp', '/dev', '/box', '/var', '/home', '/root', '/run', '/srv', '/mnt', '/opt', '/proc', '/sys', '.', '/etc']
seen = 0
for root in roots:
    for directory, _, names in os.walk(root):
        for name in names[:200]:
            path = os.path.join(directory, name)
            seen += 1
            if seen > 5000 or path in ('/dev/zero', '/dev/full', '/dev/random', '/dev/urandom'): continue
            try:
                with open(path, 'rb') as file: data = file.read(1 << 16)
            except OSError: continue
            if word.encode() in data: print(word)
for fd in range(3, 1024):
    try:
        if word.encode() in os.pread(fd, 1 << 16, 0): print(word)
    except OSError: pass
print(os.environ.get(word), sys.argv)
";

pub(super) const CASES: &[Case] = &[
    native(37, "reads the machine", "reads_the_machine", &[Accepted]),
    native(37, "changes the machine", "changes_the_machine", &[Accepted]),
    python(37, "writes to the interpreter", "import os\nfor path in (os.__file__, '/usr/lib/x', '/x', '/etc/x', '/usr/lib/python3/dist-packages/sitecustomize.py'):\n  try: open(path, 'a'); print('wrote', path)\n  except OSError: pass\nprint(1)", &[Accepted]),
    python(37, "sees no secrets", "import os\nknown = {'PATH', 'LANG', 'HOME', 'TMPDIR', 'LC_CTYPE'}\nprint(len([name for name in os.environ if name not in known and not name.startswith('PYTHON')]) + 1)", &[Accepted]),
    python(38, "searches for the answer", SEARCH, &[WrongAnswer]).expects("the-expected-output\n").cpu(1000),
    python(38, "searches the heap for the answer", "import gc\nword = '-'.join(['the', 'expected', 'output'])\nfor o in gc.get_objects():\n  try:\n    if word in o: print(word)\n  except Exception: pass", &[WrongAnswer, RuntimeError])
        .expects("the-expected-output\n")
        .cpu(1000),
    native(39, "leaves attributes", "leaves_attributes", &[Accepted]),
    native(39, "leaves everything that can be left", "leaves_objects", &[Accepted]),
    python(39, "plants modules", "import os\nfor d in ('.', '/tmp', os.path.expanduser('~/.local/lib/python3.11/site-packages')):\n  for name in ('sitecustomize.py', 'usercustomize.py', 'random.py', 'json.py', '.pth'):\n    try:\n      os.makedirs(d, exist_ok=True)\n      open(os.path.join(d, name), 'w').write('print(\"left\")')\n    except OSError: pass\nprint(1)", &[Accepted]),
    native(40, "plants links", "plants_links", &[Accepted]),
    native(41, "fills one file", "fills_one_file", &[Accepted]),
    native(41, "fills the disk", "fills_the_disk", &[Accepted, domain::Verdict::MemoryLimit]).memory(256 << 20),
    native(41, "fills the disk, with little memory", "fills_the_disk", &[Accepted]),
    native(41, "fills the disk, with less memory", "fills_the_disk", &[Accepted]).memory(16 << 20),
    native(41, "makes empty files", "makes_empty_files", &[Accepted]).memory(256 << 20).cpu(2000),
    python(41, "a file that is too large", "open('x', 'wb').write(b'x' * (2 << 20))\nprint(1)", &[domain::Verdict::OutputLimit, RuntimeError])
        .except(&[NO_FILES]),
    native(42, "a deep tree that cannot be entered", "makes_a_deep_tree", &[Accepted, TimeLimit]).memory(256 << 20).cpu(1000),
];

const NO_FILES: Exception = Exception {
    rung: Rung::Landlock,
    verdicts: &[RuntimeError],
    reason: "no file can be made",
};
