# The trusted side: test code, and the stand-ins for what the program defines. Continues values.py.


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

    def __init__(self, test):
        self.read, self.write = stream(STREAM)
        self.test = test
        self.remotes = {}
        self.n_calls = 0
        self.last = None  # (value,) of the last call
        self.error = None  # the last exception that the candidate raised
        self.trace = ""
        self.has_lent = False  # a module of this interpreter to the test

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
            try:
                error = base.__new__(base)
            except TypeError:
                error = RuntimeError(text)
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


def free_names(text):
    """Names that the test reads and does not define at its top level, as the compiler sees them."""
    module = _symtable.symtable(text, TEST, "exec")
    of_module = {name for name, flags in module.symbols.items() if flags & _symtable.DEF_BOUND}
    free = {name for name, flags in module.symbols.items() if flags & _symtable.USE}
    blocks = list(module.children)
    while blocks:
        block = blocks.pop()
        blocks += block.children
        for name, flags in block.symbols.items():
            scope = flags >> _symtable.SCOPE_OFF & _symtable.SCOPE_MASK
            if flags & _symtable.USE and scope in (_symtable.GLOBAL_IMPLICIT, _symtable.GLOBAL_EXPLICIT):
                free.add(name)
    free -= of_module
    ours = {name for name in free if not hasattr(builtins, name)}
    # A program may define a function with a builtin's name, such as `sum`.
    # It replaces the builtin only in a test that names nothing else of the program's,
    # and there only where it is called, or handed to a function of the test, as in `check(sum)`.
    if not ours:
        used = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                used.add(node.func.id)
                if node.func.id in of_module:
                    used.update(part.id for part in node.args if isinstance(part, ast.Name))
        ours = {name for name in free & used if hasattr(builtins, name)}
    return sorted(ours)


def bounded_repr(value):
    if type(value) is int and value.bit_length() > 8 * MAX_TEXT:
        return f"<an integer of {value.bit_length()} bits>"  # its digits would take longer than the whole test
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(4300)
    try:
        text = repr(value)
    except BaseException as error:
        text = f"<{type(value).__name__}: {type(error).__name__}>"
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "..."


def run_test(source):
    """Runs test code and writes a report; tells whether this process is as it was before."""
    return write_report(source, run_statements)


def run_statements(text, report, clients):
    """Runs test code, or several of them with a zero between, each with names of its own."""
    for part in text.split("\0"):
        code = compile(part, TEST, "exec", dont_inherit=True)
        client = Client(part)
        clients.insert(0, client)
        scope = {"__name__": "test", "__builtins__": builtins}
        define(scope, client, free_names(part))
        exec(code, scope)


def write_report(source, work):
    """Does some work, and writes as JSON on what was standard output how it ended."""
    report_fd = os.dup(1)
    os.dup2(2, 1)
    sys.set_int_max_str_digits(0) if hasattr(sys, "set_int_max_str_digits") else None
    report = {"status": "passed", "message": "", "actual": "", "trace": ""}
    clients = []
    text = source.decode("utf-8", "surrogatepass")
    try:
        work(text, report, clients)
    except Gone:
        report["status"] = "gone"
    except Cannot as error:
        report.update(status="raised", message=f"the returned value cannot leave the program: {error}")
    except Violation as error:
        report.update(status="violation", message=str(error))
    except Malformed as error:
        report.update(status="malformed", message=str(error)[:MAX_TEXT])
    except BaseException as error:
        failure(report, error, clients[0] if clients else None)
    if report["status"] not in ("passed", "gone") and clients and clients[0].last:
        report["actual"] = bounded_repr(clients[0].last[0])
    body = json.dumps(report).encode("ascii")
    while body:
        body = body[os.write(report_fd, body) :]
    os.close(report_fd)
    return not any(client.has_lent for client in clients)


def names_of(client, names):
    """What the program has under some names, of each in one word."""
    reply = client.exchange(["names", names, None]).get("names")
    if type(reply) is not dict or any(name not in names or type(reply[name]) is not dict for name in reply):
        raise Violation("malformed names")
    return reply


def define(scope, client, names):
    for name, kind in names_of(client, names).items():
        if "module" in kind:
            root = str(kind["module"]).split(".")[0]
            if root in sys.stdlib_module_names:
                scope[name] = __import__(str(kind["module"]), fromlist=["_"])
                client.has_lent = True
        elif "callable" in kind:
            scope[name] = stand_in(client, name)
        elif not hasattr(builtins, name):
            scope[name] = client.unpack(kind.get("value"))


def stand_in(client, name):
    def function(*positional, **keywords):
        return client.call(name, positional, keywords)

    function.__name__ = name
    return function


def failure(report, error, client):
    summary = f"{type(error).__name__}: {error}"[:MAX_TEXT]
    if client is not None and error is client.error:
        report.update(status="raised", message=client.summary[:MAX_TEXT], trace=client.trace)
    elif isinstance(error, AssertionError):
        report.update(status="failed", message=statement(error, client))
    elif isinstance(error, NameError) or client is None or not client.n_calls:
        report.update(status="raised", message=summary)
    else:
        report.update(status="failed", message=f"{statement(error, client)} ({summary})")


def statement(error, client):
    """The source of the innermost test statement that the error passed through, in one line."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == TEST:
            line = trace.tb_lineno
        trace = trace.tb_next
    best = None
    for node in ast.walk(ast.parse(client.test)):
        if isinstance(node, ast.stmt) and line is not None and node.lineno <= line <= node.end_lineno:
            if best is None or node.end_lineno - node.lineno <= best.end_lineno - best.lineno:
                best = node
    source = ast.get_source_segment(client.test, best) if best is not None else None
    return " ".join((source or type(error).__name__).split())[:MAX_TEXT]
