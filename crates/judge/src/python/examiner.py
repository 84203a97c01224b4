# The child that runs one test after another, where none can leave anything behind. Continues calls.py.

# Where an examiner hears of its tests.
LINE = STREAM + 1
MODES = {"main": run_main, "serve": serve, "test": run_test, "call": run_call}
# What test code cannot do without when it shall change what outlasts it; other words are no matter.
LASTING = re.compile(
    rb"__|\b(?:import|exec|eval|compile|globals|vars|setattr|delattr|open|input|exit|quit|help|breakpoint)\b"
)
# An examiner that has used this much, in seconds and KiB, is followed by another.
MAX_CPU = 1
MAX_PEAK = 128 << 10


def leaves_nothing(mode, fds):
    return mode == "call" or mode == "test" and LASTING.search(contents(fds[0])) is None


class Examiner:
    """The zygote's side of it."""

    def __init__(self, fork, spec):
        self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.spec = spec
        self.is_fit = True
        self.pid = fork()
        if self.pid < 0:
            os._exit(1)
        if self.pid == 0:
            try:
                # Nothing else that the zygote holds is for it, least of all the other ends of streams.
                os.dup2(theirs.detach(), LINE)
                os.closerange(LINE + 1, 4096)
                enter(spec)
                examine(socket.socket(fileno=LINE), MODES[spec["mode"]])
            finally:
                os._exit(1)
        theirs.close()

    def end(self):
        self.line.close()
        return os.wait4(self.pid, 0)

    def ask(self, fds):
        """Has a test run, whose descriptors are given away; returns how that ended."""
        try:
            socket.send_fds(self.line, [b"."], fds)
        except OSError:
            pass  # it is gone, as the answer will say
        for fd in fds:
            os.close(fd)
        try:
            word = self.line.recv(1 << 10)
        except OSError:
            word = b""
        self.is_fit = word[:1] == b"+"
        if self.is_fit:
            return word[1:]
        _, status, usage = self.end()
        return word[1:] or word_of(status, usage)


def examine(line, work):
    """Runs tests until there are no more, or this process has become unfit for them."""
    null = os.dup(0)
    os.dup2(null, STREAM)
    seconds = 0
    is_fit = True
    while is_fit:
        message, ancillary, _, _ = line.recvmsg(1, socket.CMSG_SPACE(6 * 4))
        if not message:
            break
        fds = descriptors(ancillary)
        source = contents(fds[0])
        connect(fds)
        is_fit = work(source)
        sys.stdout.flush()
        for number in range(STREAM + 1):
            os.dup2(null, number)
        for fd in fds:
            os.close(fd)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        word = word_of(0, usage, seconds)
        seconds = usage.ru_utime + usage.ru_stime
        is_fit = is_fit and seconds < MAX_CPU and usage.ru_maxrss < MAX_PEAK
        line.send((b"+" if is_fit else b"-") + word)
    os._exit(0)
