"""The interpreter side of the judge: a zygote that forks one child per run, one ahead of the next.

This and the files that continue it are one program. It is started once per cell, inside the sandbox.
It speaks datagrams on descriptor 3: a JSON object with the run's settings comes in, with descriptors;
the child's pid, and later its exit, go out.

A child does one of four things:
  main   runs a whole program, as `python main.py` would;
  serve  loads a candidate and answers calls on a stream (this process never sees an expected value);
  test   runs trusted test code whose undefined names are stand-ins for the candidate's globals;
  call   calls one of the candidate's functions and compares what it returns.

A test or call that cannot leave anything behind is left to the examiner, one child that does one after another.
Only values of exact built-in types cross the stream, as tagged JSON.
"""

import array, ast, atexit, bisect, builtins, collections, copy, ctypes, dataclasses, datetime, decimal, enum, fractions
import functools, gc, heapq, io, itertools, json, linecache, math, operator, os, random, re, resource
import select, signal, socket, string, struct, sys, threading, time, traceback, types, typing

IS_CPYTHON = sys.implementation.name == "cpython"
if IS_CPYTHON:
    import _symtable  # for test code, which no other interpreter reads
# The C library, called with CPython's lock held, so that the only thread of a forked child holds it too.
LIBC = (ctypes.PyDLL if IS_CPYTHON else ctypes.CDLL)(None, use_errno=True)
# Made once, so that a child has less memory to copy.
CAPSET, NO_CAPABILITIES = LIBC.capset, ((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
# Process and IPC namespaces, and the usual signal at the end.
NESTING = 0x20000000 | 0x08000000 | signal.SIGCHLD
CLONE = 56 if os.uname().machine == "x86_64" else 220
CONTROL = 3
STREAM = 3
MAX_FRAME = 16 << 20
MAX_DEPTH = 200
MAX_ITEMS = 100_000
MAX_TEXT = 2000
SOURCE = "main.py"
TEST = "test.py"
REHEARSAL = """
class Pair(list):
    def both(self):
        return [item for item in self if item]
def answer(values):
    pairs = {str(index): Pair((index, value)) for index, value in enumerate(values)}
    return sorted(" ".join(map(repr, pair.both())) for pair in pairs.values())
"""


class SockFprog(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def zygote():
    open_standard_streams()
    random.seed(0)  # a program that draws numbers draws the same ones each time
    for library in sys.argv[1:]:
        load_library(library)
    gc.collect()
    if IS_CPYTHON:
        gc.freeze()  # so that collections in children leave the pages that they share untouched
    sys.path[:] = [entry for entry in sys.path if entry]
    control = socket.socket(fileno=CONTROL)
    # The C library's fork: `os.fork` also runs hooks for threads that are not there, and takes three times as long.
    fork = LIBC.fork if IS_CPYTHON else os.fork
    examiner = None
    spare = None
    said, spec = None, None
    control.send(b"{}")
    while True:
        message, ancillary, _, _ = control.recvmsg(1 << 16, socket.CMSG_SPACE(6 * 4))
        if not message:
            os._exit(0)
        fds = descriptors(ancillary)
        if message != said:
            said, spec = message, json.loads(message)
        if leaves_nothing(spec["mode"], fds):
            if examiner is not None and examiner.spec != spec:
                examiner.end()
                examiner = None
            examiner = examiner or Examiner(fork, spec)
            control.send(b'{"pid":%d}' % examiner.pid)
            control.send(examiner.ask(fds))
            examiner = examiner if examiner.is_fit else None
            continue
        if spec["is_nested"]:
            run_nested(fork, control, spec, fds)
            continue
        child, spare = spare or Spare(fork, control), None
        # The program could end the zygote before it has said this id, so it is said before the program runs.
        control.send(b'{"pid":%d}' % child.pid)
        if not child.begin(message, fds):
            control.send(b'{"error":"the process for the program is gone"}')
            os._exit(1)
        for fd in fds:
            os.close(fd)
        _, status, usage = os.wait4(child.pid, 0)
        control.send(word_of(status, usage))
        # Another run of the kind often follows, and is spared the wait for this.
        try:
            spare = Spare(fork, control)
        except OSError:
            pass  # what the program left fills its share of processes


def load_library(name):
    """Loads a library for all children. One that does not load is left to the programs, which say so."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no child would have the threads that it makes
    try:
        library = __import__(name)
    except Exception:
        return
    library.random.seed(0)


class Spare:
    """A child that is forked before there is a run for it, the zygote's side of it."""

    def __init__(self, fork, control):
        self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = fork()
        if self.pid < 0:
            raise OSError(ctypes.get_errno(), "fork")
        if self.pid == 0:
            # Nothing else that the zygote holds is for it, least of all the other end of this line.
            os.dup2(theirs.detach(), LINE)
            os.closerange(LINE + 1, 4096)
            rehearse()
            message, ancillary, _, _ = socket.socket(fileno=LINE).recvmsg(1 << 16, socket.CMSG_SPACE(6 * 4))
            if not message:
                os._exit(0)  # the zygote is gone
            run(json.loads(message), descriptors(ancillary), control)
        theirs.close()

    def begin(self, message, fds):
        """Has it run a program; false when it is gone."""
        try:
            socket.send_fds(self.line, [message], fds)
            os.kill(self.pid, signal.SIGCONT)  # another program of this cell may have stopped it
        except OSError:
            return False
        self.line.close()
        return True


def rehearse():
    """Does what every run does first: the pages of memory that it changes are copied before anybody waits for that."""
    module = types.ModuleType("rehearsal")
    module.__builtins__ = builtins
    exec(compile(REHEARSAL, SOURCE, "exec", dont_inherit=True), module.__dict__)
    module.answer(json.loads(json.dumps([1, "2", {"3": [4.5, None]}])))


def run_nested(fork, control, spec, fds):
    """A run in namespaces of its own, from its start to the word on its end."""
    told, tell = os.pipe()
    pid = fork_nested(fork, tell)
    if pid < 0:
        os._exit(1)
    if pid == 0:
        run(spec, fds, control)
    for fd in fds:
        os.close(fd)
    control.send(b'{"pid":%d}' % pid)
    _, status, usage = os.wait4(pid, 0)
    os.close(tell)
    status = int(os.read(told, 32) or status)
    os.close(told)
    control.send(word_of(status, usage))


def run(spec, fds, control):
    """Becomes the program of a run. Never returns."""
    try:
        source = contents(fds[0])
        enter(spec)
        connect(fds)
        os.closerange(STREAM + 1 if len(fds) > 4 else CONTROL, 4096)
    except BaseException as error:
        control.send(json.dumps({"error": repr(error)}).encode())
        os._exit(1)
    control.detach()
    try:
        MODES[spec["mode"]](source)
        os._exit(0)
    finally:
        os._exit(1)


def word_of(status, usage, seconds_before=0):
    """How a run ended, in the words of the protocol."""
    cpu_us = (usage.ru_utime + usage.ru_stime - seconds_before) * 1e6
    return b'{"status":%d,"cpu_us":%d,"peak_kib":%d}' % (status, cpu_us, usage.ru_maxrss)


def fork_nested(fork, tell):
    """Forks a child in namespaces of its own, below a first process there that reaps and tells how the child ended."""
    first = LIBC.syscall(CLONE, NESTING, 0, 0, 0, 0)
    if first != 0:
        return first
    LIBC.prctl(1, signal.SIGKILL)  # at the parent's death
    pid = fork()
    if pid == 0:
        return 0
    while pid > 0:
        ended, status, _ = os.wait4(-1, 0)
        if ended == pid:
            os.write(tell, b"%d" % status)
            os._exit(0)
    os._exit(1)


def descriptors(ancillary):
    fds = array.array("i")
    for _, _, data in ancillary:
        fds.frombytes(data[: len(data) - len(data) % 4])
    return fds


def contents(fd):
    return os.pread(fd, os.fstat(fd).st_size, 0)


def enter(spec):
    """Puts this process under the limits of the spec."""
    os.setsid()
    # It takes capabilities to make namespaces, which the zygote alone may do.
    if CAPSET(*NO_CAPABILITIES) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    os.chdir(spec["directory"])
    for name, value in spec["rlimits"]:
        resource.setrlimit(name, (value, value))
    if spec["filter"]:
        install_filter(bytes.fromhex(spec["filter"]))


def connect(fds):
    """Makes the descriptors of a run, of which the first is the source, the standard ones and the stream."""
    for number, fd in enumerate(fds[1:]):
        os.dup2(fd, number)


def install_filter(program):
    """Installs a seccomp filter in which the placeholder stands for this process's own id."""
    program = program.replace(b"\xef\xbe\xad\xde", struct.pack("<I", os.getpid()))
    buffer = ctypes.create_string_buffer(program, len(program))

    fprog = SockFprog(len(program) // 8, ctypes.addressof(buffer))
    if LIBC.prctl(22, 2, ctypes.byref(fprog), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def open_standard_streams():
    """Opens the streams once, for all children to inherit; each child puts its own descriptors below them.

    Streams remember whether they can seek, so they are made on what they will be: a file, and pipes.
    """
    source = os.open(sys.executable, os.O_RDONLY)
    reader, writer = os.pipe()
    for fd, number in (source, 0), (writer, 1), (writer, 2):
        os.dup2(fd, number)
    for fd in source, reader, writer:
        os.close(fd)
    sys.stdin = sys.__stdin__ = open(0, "r", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stderr = sys.__stderr__ = open(
        2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )
