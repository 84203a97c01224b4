"""The interpreter side of the judge: a zygote that forks one child per run.

It is started once per cell, inside the sandbox, and speaks datagrams on descriptor 3:
a JSON object with the run's settings and its descriptors comes in; the child's pid, and later its exit, go out.

A child does one of three things:
  main   runs a whole program, as `python main.py` would;
  serve  loads a candidate and answers calls on a stream (this process never sees an expected value);
  test   runs trusted test code whose undefined names are stand-ins for the candidate's globals.

Only values of exact built-in types cross the stream, as tagged JSON.
"""

import array, ast, atexit, bisect, builtins, collections, copy, ctypes, dataclasses, datetime, decimal, enum, fractions
import functools, gc, hashlib, heapq, io, itertools, json, linecache, math, operator, os, random, re, resource
import select, signal, socket, statistics, string, struct, sys, threading, time, traceback, types, typing

CONTROL = 3
STREAM = 3
MAX_FRAME = 16 << 20
MAX_DEPTH = 200
MAX_ITEMS = 100_000
MAX_TEXT = 2000
SOURCE = "main.py"
TEST = "test.py"


# ---------------------------------------------------------------- zygote

def zygote():
    gc.collect()
    gc.freeze()  # so that collections in children leave the pages that they share untouched
    sys.path[:] = [entry for entry in sys.path if entry]
    control = socket.socket(fileno=CONTROL)
    control.send(b"{}")
    while True:
        message, ancillary, _, _ = control.recvmsg(1 << 16, socket.CMSG_SPACE(6 * 4))
        if not message:
            os._exit(0)
        fds = array.array("i")
        for _, _, data in ancillary:
            fds.frombytes(data[: len(data) - len(data) % 4])
        pid = os.fork()
        if pid == 0:
            try:
                run = prepare(json.loads(message), list(fds))
            except BaseException as error:
                control.send(json.dumps({"error": repr(error)}).encode())
                os._exit(1)
            control.detach()
            try:
                run()
            finally:
                os._exit(1)
        for fd in fds:
            os.close(fd)
        control.send(b'{"pid":%d}' % pid)
        _, status, usage = os.wait4(pid, 0)
        cpu_us = int((usage.ru_utime + usage.ru_stime) * 1e6)
        control.send(b'{"status":%d,"cpu_us":%d,"peak_kib":%d}' % (status, cpu_us, usage.ru_maxrss))


def prepare(spec, fds):
    """Makes this process the one that the spec describes, and returns what it shall do then."""
    source_fd, input_fd, output_fd, error_fd = fds[:4]
    source = os.pread(source_fd, os.fstat(source_fd).st_size, 0)
    os.setsid()
    os.chdir(spec["directory"])
    for name, value in spec["rlimits"]:
        resource.setrlimit(name, (value, value))
    os.dup2(input_fd, 0)
    os.dup2(output_fd, 1)
    os.dup2(error_fd, 2)
    if spec["filter"]:
        install_filter(bytes.fromhex(spec["filter"]))
    mode = spec["mode"]
    if mode != "test":
        open_standard_streams()
    if len(fds) > 4:
        os.dup2(fds[4], STREAM)
        os.closerange(STREAM + 1, 4096)
    else:
        os.closerange(CONTROL, 4096)
    return functools.partial({"main": run_main, "serve": serve, "test": run_test}[mode], source)


def install_filter(program):
    """Installs a seccomp filter in which the placeholder stands for this process's own id."""
    program = program.replace(b"\xef\xbe\xad\xde", struct.pack("<I", os.getpid()))
    buffer = ctypes.create_string_buffer(program, len(program))

    class SockFprog(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    fprog = SockFprog(len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, ctypes.byref(fprog), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def open_standard_streams():
    sys.stdin = sys.__stdin__ = open(0, "r", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stderr = sys.__stderr__ = open(
        2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )


# ---------------------------------------------------------------- candidate

def load(source, name):
    """Runs the program's top level as the module `name`; a failure ends the process as Python would end it."""
    module = types.ModuleType(name)
    module.__file__ = SOURCE
    module.__builtins__ = builtins
    sys.modules[name] = module
    sys.argv = [SOURCE]
    try:
        code = compile(source, SOURCE, "exec", dont_inherit=True)
        exec(code, module.__dict__)
    except BaseException as error:
        leave(error, source)
    return module


def leave(error, source):
    if isinstance(error, SystemExit):
        status = error.code
        if status is None:
            finish(0)
        if isinstance(status, int):
            finish(status & 0xFF)
        print(status, file=sys.stderr)
        finish(1)
    print(describe(error, source), end="", file=sys.stderr)
    finish(1)


def finish(status, _exit=os._exit, _shutdown=threading._shutdown, _atexit=atexit._run_exitfuncs):
    try:
        _shutdown()
        _atexit()
    except BaseException:
        pass
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            status = status or 120
    _exit(status)


def describe(error, source):
    """The traceback, with the candidate's own frames only."""
    if SOURCE not in linecache.cache:
        text = source.decode("utf-8", "replace")
        linecache.cache[SOURCE] = (len(text), None, text.splitlines(True), SOURCE)
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != SOURCE:
        trace = trace.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, trace, limit=-12))
    except BaseException:
        return type(error).__name__ + "\n"


def run_main(source):
    load(source, "__main__")
    finish(0)


def serve(source):
    """Answers requests on the stream until it closes."""
    read, write = stream(STREAM)
    module = load(source, "solution")
    objects, handles = [], {}

    def keep(value):
        if id(value) not in handles:
            handles[id(value)] = len(objects)
            objects.append(value)
        return handles[id(value)]

    def resolve(target):
        return module.__dict__[target] if isinstance(target, str) else objects[target]

    def kind(value):
        if isinstance(value, types.ModuleType):
            return {"module": value.__name__}
        if callable(value):
            return {"callable": True}
        return {"value": pack(value, keep)}

    while True:
        request = read()
        if request is None:
            os._exit(0)
        operation, target, arguments = request
        sent = None
        try:
            if operation == "names":
                names = {name: kind(module.__dict__[name]) for name in target if name in module.__dict__}
                reply = {"names": names}
            elif operation == "call":
                positional, keywords = (unpack(item, objects.__getitem__) for item in arguments)
                sent = (positional, json.dumps(arguments[0]))
                value = resolve(target)(*positional, **keywords)
                reply = {"value": pack(value, keep)}
            elif operation == "get":
                reply = {"value": pack(getattr(resolve(target), arguments), keep)}
            elif operation == "set":
                setattr(resolve(target), arguments[0], unpack(arguments[1], objects.__getitem__))
                reply = {"value": None}
        except Unpackable as error:
            reply = {"unpackable": str(error)}
        except BaseException as error:
            if isinstance(error, SystemExit):
                leave(error, source)
            reply = {"raised": raised(error, source)}
        if sent is not None:
            try:
                after = pack(sent[0], keep)
                if json.dumps(after) != sent[1]:
                    reply["arguments"] = after
            except Unpackable:
                pass
        try:
            write(reply)
        except FrameTooLarge:
            write({"unpackable": "it is too large"})


def raised(error, source):
    base = next(c for c in type(error).__mro__ if getattr(builtins, c.__name__, None) is c)
    try:
        text = str(error)[:MAX_TEXT]
    except BaseException:
        text = ""
    return [type(error).__name__[:200], base.__name__, text, describe(error, source)[-8 * MAX_TEXT :]]


# ---------------------------------------------------------------- the stream

class FrameTooLarge(Exception):
    pass


class Violation(Exception):
    """The other side broke the protocol, which no honest program can do."""


def stream(fd):
    pid = os.getpid()

    def read_exactly(n_bytes):
        chunks = []
        while n_bytes:
            try:
                chunk = os_read(fd, min(n_bytes, 1 << 20))
            except OSError:
                return None
            if not chunk:
                return None
            chunks.append(chunk)
            n_bytes -= len(chunk)
        return b"".join(chunks)

    def read():
        head = read_exactly(4)
        if head is None:
            return None
        n_bytes = int.from_bytes(head, "little")
        if n_bytes > MAX_FRAME:
            raise Violation("frame too large")
        body = read_exactly(n_bytes)
        return None if body is None else loads(body)

    def write(value):
        if getpid() != pid:  # a fork of the candidate must not answer in its place
            exit_now(0)
        body = dumps(value).encode("ascii")
        if len(body) > MAX_FRAME:
            raise FrameTooLarge
        view = memoryview(len(body).to_bytes(4, "little") + body)
        while view:
            view = view[os_write(fd, view) :]

    os_read, os_write, getpid, exit_now = os.read, os.write, os.getpid, os._exit
    loads, dumps = json.loads, json.dumps
    return read, write


class Unpackable(Exception):
    """A value that cannot cross."""


DICT_VIEWS = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}
ITERATORS = (types.GeneratorType, map, filter, zip, enumerate, reversed, type(iter(())), type(iter([])),
             type(iter("")), type(iter({})), type(iter(range(0))), type(iter(set())))


def pack(value, keep, depth=0, path=()):
    """A value as JSON. Subclasses lose what they add; `keep` turns any other object into a number."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -(1 << 62) < value < (1 << 62) else {"int": hex(value)}
    if kind is float:
        return value
    if kind is list:
        if depth > MAX_DEPTH:
            raise Unpackable("it is nested too deeply")
        if id(value) in path:
            raise Unpackable("it contains itself")
        path += (id(value),)
        return [pack(item, keep, depth + 1, path) for item in list.__iter__(value)]
    if kind is type and getattr(builtins, value.__name__, None) is value:
        return {"type": value.__name__}
    if kind in PACK_AS:
        name, parts = PACK_AS[kind]
        return {name: pack(parts(value), keep, depth + 1, path)}
    if kind in DICT_VIEWS:
        return {DICT_VIEWS[kind]: pack(limited(value), keep, depth + 1, path)}
    if kind in ITERATORS or kind.__module__ == "itertools":
        return {"iterator": pack(limited(value), keep, depth + 1, path)}
    for base in (bool, int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict, collections.deque):
        if isinstance(value, base) and base in kind.__mro__:
            return pack(PLAIN[base](value), keep, depth, path)
    return {"object": keep(value)}


def limited(iterable):
    items = list(itertools.islice(iterable, MAX_ITEMS + 1))
    if len(items) > MAX_ITEMS:
        raise Unpackable(f"it yields more than {MAX_ITEMS} items")
    return items


PLAIN = {
    int: int.__int__,
    float: float.__float__,
    complex: lambda v: complex(*(complex.real.__get__(v), complex.imag.__get__(v))),
    str: lambda v: str.__str__(v)[:] if type(str.__str__(v)) is str else str.__getitem__(v, slice(None)),
    bytes: lambda v: bytes.__getitem__(v, slice(None)),
    bytearray: lambda v: bytearray(bytes(memoryview(v))),
    list: lambda v: list(list.__iter__(v)),
    tuple: lambda v: tuple(tuple.__iter__(v)),
    set: lambda v: set(set.__iter__(v)),
    frozenset: lambda v: frozenset(frozenset.__iter__(v)),
    dict: lambda v: dict(dict.items(v)),
    collections.deque: lambda v: collections.deque(collections.deque.__iter__(v)),
}

PACK_AS = {
    tuple: ("tuple", list),
    set: ("set", list),
    frozenset: ("frozenset", list),
    dict: ("dict", lambda v: [list(item) for item in v.items()]),
    bytes: ("bytes", bytes.hex),
    bytearray: ("bytearray", bytearray.hex),
    complex: ("complex", lambda v: [v.real, v.imag]),
    range: ("range", lambda v: [v.start, v.stop, v.step]),
    slice: ("slice", lambda v: [v.start, v.stop, v.step]),
    collections.deque: ("deque", list),
    decimal.Decimal: ("decimal", str),
    fractions.Fraction: ("fraction", lambda v: [v.numerator, v.denominator]),
    datetime.date: ("date", lambda v: list(v.timetuple()[:3])),
    datetime.datetime: ("datetime", lambda v: list(v.timetuple()[:6]) + [v.microsecond]),
    datetime.timedelta: ("timedelta", lambda v: [v.days, v.seconds, v.microseconds]),
    type(NotImplemented): ("constant", lambda v: "NotImplemented"),
    type(Ellipsis): ("constant", lambda v: "Ellipsis"),
}


def builtin_type(name):
    value = getattr(builtins, name)
    if type(value) is not type:
        raise ValueError("not a built-in type")
    return value


UNPACK_AS = {
    "type": builtin_type,
    "int": lambda v: int(v, 16),
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "complex": lambda v: complex(*v),
    "range": lambda v: range(*v),
    "slice": lambda v: slice(*v),
    "deque": collections.deque,
    "decimal": decimal.Decimal,
    "fraction": lambda v: fractions.Fraction(*v),
    "date": lambda v: datetime.date(*v),
    "datetime": lambda v: datetime.datetime(*v),
    "timedelta": lambda v: datetime.timedelta(*v),
    "constant": {"NotImplemented": NotImplemented, "Ellipsis": Ellipsis}.__getitem__,
    "iterator": iter,
    "keys": lambda v: dict.fromkeys(v).keys(),
    "values": lambda v: dict(enumerate(v)).values(),
    "items": lambda v: dict(v).items(),
}


def unpack(value, find):
    kind = type(value)
    if kind is list:
        return [unpack(item, find) for item in value]
    if kind is not dict:
        return value
    ((name, inner),) = value.items()
    if name == "object":
        return find(inner)
    return UNPACK_AS[name](unpack(inner, find))


# ---------------------------------------------------------------- trusted side

class Gone(BaseException):
    """The candidate's process ended, or closed its stream."""


class Cannot(BaseException):
    """The candidate returned something that cannot leave its process."""


class Remote:
    """An object of the candidate's own class. It equals nothing but itself: its `__eq__` is not asked."""

    __slots__ = ("_index", "_client")

    def __init__(self, client, index):
        object.__setattr__(self, "_client", client)
        object.__setattr__(self, "_index", index)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self._client.ask("get", self._index, name)

    def __setattr__(self, name, value):
        self._client.ask("set", self._index, [name, self._client.pack(value)])

    def __call__(self, *positional, **keywords):
        return self._client.call(self._index, positional, keywords)


class Client:
    """The trusted side of the stream."""

    def __init__(self):
        self.read, self.write = stream(STREAM)
        self.remotes = {}
        self.n_calls = 0
        self.last = None  # (value,) of the last call
        self.error = None  # the last exception that the candidate raised
        self.trace = ""

    def pack(self, value):
        return pack(value, self.keep)

    def keep(self, value):
        if type(value) is Remote and value._client is self:
            return value._index
        raise TypeError(f"a value of type {type(value).__name__} cannot be passed to the program")

    def find(self, index):
        if type(index) is not int:
            raise Violation("object without a number")
        return self.remotes.setdefault(index, Remote(self, index))

    def unpack(self, value):
        try:
            return unpack(value, self.find)
        except (Exception, RecursionError) as error:
            raise Violation(f"malformed value: {error}") from None

    def exchange(self, request):
        try:
            self.write(request)
        except FrameTooLarge:
            raise TypeError("the arguments are too large") from None
        except OSError:
            raise Gone from None
        try:
            reply = self.read()
        except (ValueError, RecursionError) as error:
            raise Violation(f"malformed reply: {error}") from None
        if reply is None:
            raise Gone
        if type(reply) is not dict:
            raise Violation("malformed reply")
        return reply

    def ask(self, operation, target, arguments, positional=()):
        reply = self.exchange([operation, target, arguments])
        if "arguments" in reply:
            after = self.unpack(reply["arguments"])
            if type(after) is list and len(after) == len(positional):
                for old, new in zip(positional, after):
                    copy_back(old, new)
        if "value" in reply:
            return self.unpack(reply["value"])
        if "raised" in reply:
            raise self.rebuild(reply["raised"])
        if type(reply.get("unpackable")) is str:
            raise Cannot(reply["unpackable"][:MAX_TEXT])
        raise Violation("malformed reply")

    def call(self, target, positional, keywords):
        self.n_calls += 1
        self.last = None
        arguments = [[self.pack(item) for item in positional], self.pack(keywords)]
        value = self.ask("call", target, arguments, positional)
        self.last = (value,)
        return value

    def rebuild(self, parts):
        if type(parts) is not list or len(parts) != 4 or any(type(part) is not str for part in parts):
            raise Violation("malformed exception")
        name, base, text, self.trace = parts
        base = getattr(builtins, base, None)
        if not (isinstance(base, type) and issubclass(base, Exception)):
            base = RuntimeError
        if issubclass(base, (StopIteration, StopAsyncIteration)):
            base = RuntimeError  # else it would end a loop of the test in silence
        try:
            error = base(text)
        except TypeError:
            error = base.__new__(base)
        self.error = error
        self.summary = f"{name}: {text}" if text else name
        return error


def copy_back(old, new, depth=0):
    """Makes a mutable argument look as the call left it, in place."""
    if type(old) is not type(new) or depth > MAX_DEPTH:
        return
    if type(old) is list:
        if len(old) == len(new):
            for position, (left, right) in enumerate(zip(old, new)):
                if type(left) is type(right) and type(left) in (list, dict, set, bytearray, collections.deque):
                    copy_back(left, right, depth + 1)
                else:
                    old[position] = right
        else:
            old[:] = new
    elif type(old) is dict:
        same = {key: old[key] for key in new if key in old}
        old.clear()
        for key, right in new.items():
            left = same.get(key)
            if type(left) is type(right) and type(left) in (list, dict, set, bytearray, collections.deque):
                copy_back(left, right, depth + 1)
                old[key] = left
            else:
                old[key] = right
    elif type(old) is set:
        old.clear()
        old.update(new)
    elif type(old) is bytearray:
        old[:] = new
    elif type(old) is collections.deque:
        old.clear()
        old.extend(new)
    elif type(old) is tuple and len(old) == len(new):
        for left, right in zip(old, new):
            copy_back(left, right, depth + 1)


def free_names(tree):
    """Names that the test reads and does not define at its top level, and whether each is called."""
    loads, bound, called = set(), set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (loads if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called.add(node.func.id)
    top = set()
    for node in tree.body:
        for part in ast.walk(node) if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) else ():
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                top.add(part.id)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            top.add(node.name)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            top.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
    free = loads - top
    ours = {name for name in free if not hasattr(builtins, name)}
    parameters = {argument.arg for node in ast.walk(tree) if isinstance(node, ast.arg) for argument in (node,)}
    # A program may define a function with a builtin's name, such as `sum`.
    # It replaces the builtin only in a test that names nothing else of the program's.
    if not ours - bound - parameters:
        ours |= {name for name in free & called if hasattr(builtins, name)}
    return sorted(ours)


def bounded_repr(value):
    try:
        text = repr(value)
    except BaseException as error:
        text = f"<{type(value).__name__}: {type(error).__name__}>"
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "..."


def run_test(source):
    """Runs test code and writes a report as JSON on what was standard output."""
    report_fd = os.dup(1)
    os.dup2(2, 1)
    sys.set_int_max_str_digits(0) if hasattr(sys, "set_int_max_str_digits") else None
    report = {"status": "passed", "message": "", "actual": "", "trace": ""}
    client = None
    text = source.decode("utf-8", "surrogatepass")
    try:
        tree = ast.parse(text, TEST)
        code = compile(tree, TEST, "exec", dont_inherit=True)
        client = Client()
        scope = {"__name__": "test", "__builtins__": builtins}
        define(scope, client, free_names(tree))
        exec(code, scope)
    except Gone:
        report["status"] = "gone"
    except Cannot as error:
        report.update(status="raised", message=f"the returned value cannot leave the program: {error}")
    except Violation as error:
        report.update(status="violation", message=str(error))
    except BaseException as error:
        failure(report, error, client, text)
    if report["status"] not in ("passed", "gone") and client and client.last:
        report["actual"] = bounded_repr(client.last[0])
    body = json.dumps(report).encode("ascii")
    while body:
        body = body[os.write(report_fd, body) :]
    os._exit(0)


def define(scope, client, names):
    reply = client.exchange(["names", names, None]).get("names")
    if type(reply) is not dict:
        raise Violation("malformed names")
    for name, kind in reply.items():
        if name not in names or type(kind) is not dict:
            raise Violation("malformed names")
        if "module" in kind:
            root = str(kind["module"]).split(".")[0]
            if root in sys.stdlib_module_names:
                scope[name] = __import__(str(kind["module"]), fromlist=["_"])
        elif "callable" in kind:
            scope[name] = stand_in(client, name)
        elif not hasattr(builtins, name):
            scope[name] = client.unpack(kind.get("value"))


def stand_in(client, name):
    def function(*positional, **keywords):
        return client.call(name, positional, keywords)

    function.__name__ = name
    return function


def failure(report, error, client, text):
    summary = f"{type(error).__name__}: {error}"[:MAX_TEXT]
    if client is not None and error is client.error:
        report.update(status="raised", message=client.summary[:MAX_TEXT], trace=client.trace)
    elif isinstance(error, AssertionError):
        report.update(status="failed", message=statement(error, text))
    elif isinstance(error, NameError) or client is None or not client.n_calls:
        report.update(status="raised", message=summary)
    else:
        report.update(status="failed", message=f"{statement(error, text)} ({summary})")


def statement(error, text):
    """The source of the innermost test statement that the error passed through, in one line."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == TEST:
            line = trace.tb_lineno
        trace = trace.tb_next
    best = None
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt) and line is not None and node.lineno <= line <= node.end_lineno:
            if best is None or node.end_lineno - node.lineno <= best.end_lineno - best.lineno:
                best = node
    source = ast.get_source_segment(text, best) if best is not None else None
    return " ".join((source or type(error).__name__).split())[:MAX_TEXT]


zygote()
