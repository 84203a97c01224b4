# The side of the program: loading it, and answering calls. Continues zygote.py.


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
        if len(threading._active) > 1:
            _shutdown()
        if atexit._ncallbacks():
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
    """Answers requests on the stream until it closes. Each test begins by asking for names."""
    read, write = stream(STREAM)
    module = load(source, "solution")
    is_used = False
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
                if is_used:
                    objects.clear()
                    handles.clear()
                    module = load(source, "solution")
                is_used = True
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
        except BrokenPipeError:  # the caller has hung up, as it does on a forged reply
            os._exit(0)


def raised(error, source):
    base = next(c for c in type(error).__mro__ if getattr(builtins, c.__name__, None) is c)
    try:
        text = str(error)[:MAX_TEXT]
    except BaseException:
        text = ""
    return [type(error).__name__[:200], base.__name__, text, describe(error, source)[-8 * MAX_TEXT :]]
