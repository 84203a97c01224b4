// Every attack of the suite that is written in machine code, in one program: the first line of standard input names
// the attack, the second a file outside that the sandbox must protect. "1" on standard output is the right answer.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <initializer_list>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

typedef unsigned long word;
static char canary[4096];

static void say(const char* text) {
    if (write(1, text, strlen(text)) < 0) _exit(9);
}
static int right() { say("1\n"); return 0; }
[[noreturn]] static void spin() { for (volatile word i = 0;; i = i + 1) {} }
static void touch(char* bytes, size_t n) { for (size_t i = 0; i < n; i += 4096) bytes[i] = 1; }
static char* pages(size_t n, int flags = MAP_PRIVATE, int access = PROT_READ | PROT_WRITE) {
    void* at = mmap(nullptr, n, access, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? nullptr : (char*)at;
}
const size_t MB = 1 << 20;

// How a program ends.
static int answers_then_fails() { right(); return 1; }
static int aborts() { right(); abort(); }
static int kills_itself() { right(); kill(getpid(), SIGKILL); spin(); }
static int terminates_itself() { right(); raise(SIGTERM); spin(); }
static int null_pointer() { *(volatile int*)8 = 1; return 0; }
static int divides_by_zero() { volatile int zero = 0, one = 1; return one / zero; }
static int spins() { spin(); }
static int sleeps() { for (;;) sleep(1000000); }
static int ignores_and_spins() { for (int s = 1; s < 65; s++) signal(s, SIG_IGN); spin(); }
static void* spinning(void*) { spin(); }
static int threads_spin() {
    pthread_t thread;
    for (int i = 0; i < 8; i++) pthread_create(&thread, nullptr, spinning, nullptr);
    for (;;) sleep(1000);
}
static int children_spin() {
    for (int i = 0; i < 3; i++) {
        int pid = fork();
        if (pid < 0) return 3;
        if (pid == 0) spin();
    }
    for (;;) sleep(1000);
}

// Processes.
static int fork_bomb() { for (;;) if (fork() < 0 && errno != EAGAIN) return 3; }
static int quits_without_children() { int pid = fork(); if (pid == 0) _exit(0); return pid < 0; }
static int daemon_leaves() {
    if (quits_without_children()) return 3;
    if (fork() == 0) {
        setsid();
        if (fork() == 0) { for (int fd = 0; fd < 3; fd++) close(fd); sleeps(); }
        _exit(0);
    }
    return right();
}
static int daemon_holds_the_output() {
    if (quits_without_children()) return 3;
    if (fork() == 0) { setsid(); for (int s = 1; s < 65; s++) signal(s, SIG_IGN); sleeps(); }
    return right();
}
static int child_prints_later() {
    if (quits_without_children()) return 3;
    int parent = getpid();
    if (fork() == 0) {
        while (getppid() == parent) sched_yield();
        usleep(30000);
        for (;;) say("late\n");
    }
    return right();
}
static int starts_a_shell() {
    int pid = vfork();
    if (pid < 0) return 3;
    if (pid == 0) { execl("/bin/sh", "sh", "-c", "echo 1", (char*)nullptr); _exit(4); }
    int status;
    waitpid(pid, &status, 0);
    return status != 0;
}
static int traces() {
    char byte = 0;
    iovec here = {&byte, 1}, there = {(void*)traces, 1};
    for (int pid : {getppid(), 1}) {
        if (ptrace(PTRACE_ATTACH, pid, 0, 0) == 0 || ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) say("traced\n");
        if (process_vm_writev(pid, &here, 1, &there, 1, 0) >= 0) say("wrote\n");
        if (process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0) say("read\n");
    }
    return right();
}
static int signals_everybody() {
    kill(getppid(), 9);
    kill(-1, 9);
    right();
    return 3;
}
static int stops_everybody() { kill(getppid(), SIGSTOP); kill(-1, SIGSTOP); return right(); }
static int owns_signals() {  // a signal sent by the kernel in our name
    int ends[2];
    if (pipe(ends)) return 3;
    fcntl(ends[0], F_SETSIG, SIGKILL);
    fcntl(ends[0], F_SETOWN, getppid());
    fcntl(ends[0], F_SETFL, O_ASYNC);
    if (write(ends[1], "x", 1) != 1) return 4;
    usleep(20000);
    return right();
}

// Memory.
static int touches_10_gb() { for (;;) { char* at = pages(16 * MB); if (!at) return 3; touch(at, 16 * MB); } }
static int children_share_the_memory() {
    int ends[2], left = 0;
    if (pipe(ends)) return 5;
    for (int i = 0; i < 8; i++) {
        int pid = fork();
        if (pid < 0) return 3;
        if (pid == 0) {
            char* at = pages(16 * MB);
            if (!at) _exit(4);
            touch(at, 16 * MB);
            if (write(ends[1], "x", 1) != 1) _exit(4);
            sleeps();
        }
    }
    for (char byte; left < 8 && read(ends[0], &byte, 1) == 1; left++) {}
    return right();
}
static int child_dies_of_memory() {
    int pid = fork();
    if (pid < 0) return 3;
    if (pid == 0) { char* at = pages(1024 * MB); if (!at) _exit(0); touch(at, 1024 * MB); _exit(0); }
    waitpid(pid, nullptr, 0);
    return right();
}
static int reserves_100_gb() {
    char* at = pages(100ul << 30, MAP_PRIVATE, PROT_NONE);
    if (!at || mprotect(at, 8 * MB, PROT_READ | PROT_WRITE)) return 3;
    touch(at, 8 * MB);
    return right();
}
static int maps_100_gb() { char* at = pages(100ul << 30); if (!at) return 3; touch(at, 8 * MB); return right(); }
static int memory_that_is_shared() {  // out of sight of the process that made it
    int zero = open("/dev/zero", O_RDWR), kind = zero < 0 ? MAP_ANONYMOUS : 0;
    for (int i = 0; i < 64; i++) {
        if (i == 32) { zero = -1; kind = MAP_ANONYMOUS; }
        char* at = (char*)mmap(nullptr, 16 * MB, PROT_READ | PROT_WRITE, MAP_SHARED | kind, zero, 0);
        if (at == MAP_FAILED) return right();
        for (size_t n = 0; n < 16 * MB; n += MB) { touch(at + n, MB); madvise(at + n, MB, MADV_DONTNEED); }
    }
    say("all of it\n");
    return 0;
}
static int files_in_memory() {  // which no process maps
    static char block[1 << 16];
    for (int i = 0; i < 64; i++) {
        int fd = (int)syscall(SYS_memfd_create, "", 0);
        if (fd < 0) return right();
        for (size_t n = 0; n < 16 * MB; n += sizeof block)
            if (write(fd, block, sizeof block) < 0) return right();
    }
    say("all of it\n");
    return 0;
}
static word descend(word depth, volatile word* above) {
    volatile word frame[2] = {depth, *above};
    return depth == 0 ? frame[0] : descend(depth - 1, frame) + (frame[1] & 1);
}
static int deep_recursion() { volatile word top = 0; descend(1000000, &top); return right(); }
static int endless_recursion() { volatile word top = 0; return descend(~0ul, &top) != 0; }

// Streams.
static int prints_without_end() {
    static char block[1 << 16];
    memset(block, 'x', sizeof block);
    for (;;) if (write(1, block, sizeof block) < 0) return 3;
}
static int floods_errors() {
    right();
    static char block[1 << 16];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 16384; i++) if (write(2, block, sizeof block) < 0) return 3;
    return 0;
}
static int closes_the_output() { close(1); return 0; }
static int writes_everywhere() {
    for (int fd = 3; fd < 1024; fd++) if (write(fd, "x", 1) >= 0 || errno != EBADF) say("wrote\n");
    return right();
}
static int answers_unread() { return right(); }

// Files.
static int opens(const char* path, int flags) { int fd = open(path, flags, 0666); if (fd >= 0) close(fd); return fd >= 0; }
static int reads_the_machine() {
    for (const char* path : {"/etc/shadow", "/etc/passwd", "/proc/1/environ", "/proc/self/environ", "/proc/self/mem",
                             "/proc/1/root/etc/passwd", "/proc/self/fd", "/proc/mounts", "/root/.ssh/id_rsa",
                             "/root", "/home", "/var/log", "/sys/kernel", "/dev/mem", "/dev/kmsg", "/dev/tty"})
        if (opens(path, O_RDONLY)) { say(path); say("\n"); }
    if (opens(canary, O_RDONLY)) say("read the canary\n");
    return right();
}
static int changes_the_machine() {
    timespec times[2] = {};
    for (const char* path : {(const char*)canary, "/usr/bin/env", "/tmp", "/", "/dev/null"}) {
        if (strcmp(path, "/dev/null") && opens(path, O_WRONLY)) { say("wrote "); say(path); say("\n"); }
        chmod(path, 0777);
        chown(path, getuid(), getgid());
        utimensat(AT_FDCWD, path, times, 0);
        setxattr(path, "user.left", "x", 1, 0);
        if (truncate(path, 0) == 0) say("truncated\n");
        if (unlink(path) == 0 || rename(path, "/tmp/judge_left") == 0) say("removed\n");
    }
    if (link(canary, "judge_left") == 0) say("linked\n");
    int watch = inotify_init();
    if (watch >= 0 && inotify_add_watch(watch, canary, IN_ALL_EVENTS) >= 0) say("watched\n");
    return right();
}
static int fills_one_file() {
    int fd = open("x", O_WRONLY | O_CREAT, 0666);
    if (fd < 0) return right();
    signal(SIGXFSZ, SIG_IGN);
    static char block[1 << 16];
    while (write(fd, block, sizeof block) > 0) {}
    return errno == EFBIG || errno == ENOSPC ? right() : 3;
}
static int fills_the_disk() {
    static char block[1 << 20];
    char name[32];
    for (int i = 0; i < 4096; i++) {
        sprintf(name, "f%d", i);
        int fd = open(name, O_WRONLY | O_CREAT, 0666);
        if (fd < 0 || write(fd, block, 1 << 19) < 0) return right();
        close(fd);
    }
    say("no end\n");
    return 0;
}
static int makes_empty_files() {
    char name[32];
    for (int i = 0; i < 1000000; i++) {
        sprintf(name, "f%d", i);
        int fd = open(name, O_WRONLY | O_CREAT, 0666);
        if (fd < 0) return right();
        close(fd);
    }
    say("no end\n");
    return 0;
}
static int makes_a_deep_tree() {
    char name[256] = {};
    memset(name, 'd', 255);
    for (int i = 0; i < 10000; i++) if (mkdir(name, 0777) || chdir(name)) break;
    int fd = open("f", O_WRONLY | O_CREAT, 0666), flags = 0;
    ioctl(fd, FS_IOC_GETFLAGS, &flags);
    flags |= FS_IMMUTABLE_FL | FS_APPEND_FL;
    ioctl(fd, FS_IOC_SETFLAGS, &flags);
    chmod(".", 0);
    mkdir("/tmp/judge_left", 0);
    chmod("/tmp", 0);
    return right();
}
static int plants_links() {
    for (const char* name : {"out", "a.out", "run.sh", "main", "/tmp/judge_left"})
        if (symlink("/etc/passwd", name)) mkfifo(name, 0666);
    mkfifo("pipe", 0666);
    if (mknod("device", S_IFCHR | 0666, 0x0103) == 0 || mknod("disk", S_IFBLK | 0666, 0) == 0) say("device\n");
    rename("/box/run/tmp", "/box/run/judge_left");
    symlink("/", "/box/run/tmp");
    return right();
}
// What a run could leave for the next. The check after every case looks for all of it.
const int KEY = 0x6a6c;
static void leave_one(const char* directory) {
    char path[128];
    setxattr(directory, "user.left", "x", 1, 0);
    sprintf(path, "%s/judge_left", directory);
    int fd = open(path, O_RDWR | O_CREAT, 0666);
    if (fd >= 0) flock(fd, LOCK_EX);
}
static int leaves_attributes() {
    for (const char* directory : {".", "/tmp", "/dev/shm", "/box", "/box/run"})
        setxattr(directory, "user.left", "x", 1, 0);
    return right();
}
static int leaves_objects() {
    for (const char* directory : {".", "/tmp", "/dev/shm", "/var/tmp", "/box", "/box/run", "/dev", "/run"})
        leave_one(directory);
    int id = shmget(KEY, 4096, IPC_CREAT | 0666);
    syscall(SYS_semget, KEY, 1, 01000 | 0666);
    syscall(SYS_msgget, KEY, 01000 | 0666);
    syscall(SYS_mq_open, "judge_left", O_CREAT | O_RDWR, 0666, nullptr);
    for (long ring : {-1, -2, -3, -4, -5}) syscall(SYS_add_key, "user", "judge_left", "x", 1, ring);
    sockaddr name = {AF_UNIX, "\0judge_left"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(fd, &name, sizeof name);
    listen(fd, 1);
    if (id >= 0) say("shared memory\n");
    return right();
}

// The kernel.
static int opens_sockets() {
    for (int family = 1; family < 46; family++)
        for (int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET}) {
            int fd = socket(family, type, 0);
            if (fd >= 0) { char text[64]; sprintf(text, "socket %d %d\n", family, type); say(text); }
        }
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0) say("datagrams\n");
    char ring[256] = {};
    if (syscall(425, 8, ring) >= 0) say("io_uring\n");
    return right();
}
static int asks_the_kernel() {
    struct { const char* name; long number, argument; } calls[] = {
        {"unshare user", SYS_unshare, CLONE_NEWUSER}, {"unshare mounts", SYS_unshare, CLONE_NEWNS},
        {"mount", SYS_mount, 0}, {"umount", SYS_umount2, 0}, {"setns", SYS_setns, 0}, {"chroot", SYS_chroot, (long)"/"},
        {"pivot_root", SYS_pivot_root, 0}, {"bpf", SYS_bpf, 0}, {"perf", SYS_perf_event_open, 0},
        {"userfaultfd", SYS_userfaultfd, 0}, {"keyctl", SYS_keyctl, 0}, {"add_key", SYS_add_key, 0},
        {"kexec", SYS_kexec_load, 0}, {"open_by_handle", SYS_open_by_handle_at, 0}, {"fsopen", 430, (long)"tmpfs"},
        {"open_tree", 428, 0}, {"personality", SYS_personality, 0x0040000}, {"reboot", SYS_reboot, 0},
        {"init_module", SYS_init_module, 0}, {"settimeofday", SYS_settimeofday, 0}, {"ioperm", SYS_ioperm, 0},
        {"pidfd_getfd", 438, 0}, {"swapon", SYS_swapon, 0}, {"syslog", SYS_syslog, 3}, {"acct", SYS_acct, 0},
        {"x32 getpid", 0x40000000 | SYS_getpid, 0}, {"x32 ptrace", 0x40000000 | 521, 0},
    };
    for (auto& call : calls) {
        long result = syscall(call.number, call.argument, 0, 0, 0, 0, 0);
        if (result != -1 || (errno != EPERM && errno != ENOSYS && errno != EACCES)) { say(call.name); say("\n"); }
    }
    if (syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) >= 0) say("clone\n");
    if (syscall(435, nullptr, 0) != -1 || errno != ENOSYS) say("clone3\n");
    return right();
}
static int calls_the_other_abi() {
#ifdef __x86_64__
    long result = 20;  // getpid of 32-bit programs
    asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return right();
#else
    abort();
#endif
}
static int raises_its_limits() {
    bool raised = false;
    for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
        rlimit before, more;
        getrlimit(resource, &before);
        if (before.rlim_max == RLIM_INFINITY) continue;
        more = {before.rlim_max + 1, before.rlim_max + 1};
        raised |= setrlimit(resource, &more) == 0;
    }
    sched_param first = {1};
    raised |= sched_setscheduler(0, SCHED_FIFO, &first) == 0 || sched_setscheduler(0, SCHED_RR, &first) == 0;
    raised |= setpriority(PRIO_PROCESS, 0, -20) == 0;
    raised |= opens("/proc/self/oom_score_adj", O_WRONLY);
    raised |= prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0) == 0;
    raised |= setuid(0) == 0 || setgid(0) == 0;
    if (raised) say("raised\n");
    return right();
}
static int poisons_its_parent() {
    int parent = getppid();
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_param none = {0};
    rlimit low = {1, 1};
    for (int pid : {parent, 1}) {
        sched_setaffinity(pid, sizeof one, &one);
        sched_setscheduler(pid, SCHED_IDLE, &none);
        setpriority(PRIO_PROCESS, pid, 19);
        setpriority(PRIO_PGRP, getpgid(pid), 19);
        syscall(SYS_ioprio_set, 1, pid, 3 << 13);
        for (int resource : {RLIMIT_STACK, RLIMIT_CORE, RLIMIT_MEMLOCK, RLIMIT_NICE, RLIMIT_MSGQUEUE})
            prlimit(pid, (__rlimit_resource)resource, &low, nullptr);
        setpgid(pid, getpid());
    }
    setpriority(PRIO_USER, 0, 19);
    return right();
}
static int types_at_the_terminal() {
    for (int fd = 0; fd < 3; fd++) if (ioctl(fd, TIOCSTI, "x") == 0) say("typed\n");
    if (opens("/dev/tty", O_RDWR) || opens("/dev/console", O_RDWR) || opens("/dev/ptmx", O_RDWR)) say("terminal\n");
    return right();
}
static int waiting(void*) { for (;;) pause(); }
static int makes_threads() {
    char* stacks = pages(100000ul * 256);
    if (!stacks) return 3;
    int n = 0, flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    for (; n < 100000; n++) if (clone(waiting, stacks + n * 256 + 256, flags, nullptr) < 0) break;
    if (n > 2000 || (n < 100000 && errno != EAGAIN && errno != ENOMEM)) { say("too many\n"); }
    return right();
}
static int opens_many_files() {
    for (int i = 0; i < 1000000; i++) if (dup(0) < 0) return errno == EMFILE ? right() : 3;
    return 0;
}

// What the next run finds: everything that it inherits, and everything that the last one could have left.
static int fingerprint() {
    for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
        rlimit limit;
        getrlimit(resource, &limit);
        printf("limit %d %lu %lu\n", resource, (word)limit.rlim_cur, (word)limit.rlim_max);
    }
    cpu_set_t cores;
    sched_getaffinity(0, sizeof cores, &cores);
    printf("cores %d policy %d nice %d io %ld\n", CPU_COUNT(&cores), sched_getscheduler(0), getpriority(PRIO_PROCESS, 0),
           syscall(SYS_ioprio_get, 1, 0));
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, nullptr, &blocked);
    for (int s = 1; s < 65; s++) {
        struct sigaction action;
        sigaction(s, nullptr, &action);
        if (sigismember(&blocked, s) || action.sa_handler != SIG_DFL) printf("signal %d\n", s);
    }
    printf("mask %o user %d %d no new privileges %d\n", umask(022), getuid(), geteuid(), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    for (int fd = 3; fd < 1024; fd++) if (fcntl(fd, F_GETFD) >= 0) printf("descriptor %d\n", fd);
    for (const char* directory : {".", "/tmp", "/box/run", "/box", "/dev/shm"}) {
        struct stat about;
        char value[16];
        if (stat(directory, &about) == 0 && strcmp(directory, "/dev/shm")) printf("mode %s %o\n", directory, about.st_mode);
        if (getxattr(directory, "user.left", value, sizeof value) > 0) printf("attribute %s\n", directory);
        DIR* list = opendir(directory);
        for (dirent* entry; list && (entry = readdir(list));)
            if (entry->d_name[0] != '.') printf("entry %s/%s\n", directory, entry->d_name);
        char path[64];
        sprintf(path, "%s/judge_left", directory);
        if (access(path, F_OK) == 0) printf("file %s\n", path);
    }
    if (shmget(KEY, 0, 0) >= 0 || syscall(SYS_semget, KEY, 0, 0) >= 0 || syscall(SYS_msgget, KEY, 0) >= 0) puts("IPC");
    if (syscall(SYS_mq_open, "judge_left", O_RDWR, 0, nullptr) >= 0) puts("queue");
    for (long ring : {-1, -2, -3, -4, -5}) if (syscall(SYS_keyctl, 10, ring, "user", "judge_left", 0) >= 0) puts("key");
    for (char** variable = environ; *variable; variable++) puts(*variable);
    return 0;
}

#define ATTACK(name) {#name, name}
static const struct { const char* name; int (*run)(); } ATTACKS[] = {
    ATTACK(answers_then_fails), ATTACK(aborts), ATTACK(kills_itself), ATTACK(terminates_itself), ATTACK(null_pointer),
    ATTACK(divides_by_zero), ATTACK(spins), ATTACK(sleeps), ATTACK(ignores_and_spins), ATTACK(threads_spin),
    ATTACK(children_spin), ATTACK(fork_bomb), ATTACK(daemon_leaves), ATTACK(daemon_holds_the_output),
    ATTACK(child_prints_later), ATTACK(starts_a_shell), ATTACK(traces), ATTACK(signals_everybody),
    ATTACK(stops_everybody), ATTACK(owns_signals), ATTACK(touches_10_gb), ATTACK(children_share_the_memory),
    ATTACK(child_dies_of_memory), ATTACK(reserves_100_gb), ATTACK(maps_100_gb),
    ATTACK(memory_that_is_shared), ATTACK(files_in_memory), ATTACK(deep_recursion), ATTACK(endless_recursion), ATTACK(prints_without_end),
    ATTACK(floods_errors), ATTACK(closes_the_output), ATTACK(writes_everywhere), ATTACK(answers_unread),
    ATTACK(reads_the_machine), ATTACK(changes_the_machine), ATTACK(fills_one_file), ATTACK(fills_the_disk),
    ATTACK(makes_empty_files), ATTACK(makes_a_deep_tree), ATTACK(plants_links), ATTACK(leaves_attributes), ATTACK(leaves_objects),
    ATTACK(opens_sockets), ATTACK(asks_the_kernel), ATTACK(calls_the_other_abi), ATTACK(raises_its_limits),
    ATTACK(poisons_its_parent), ATTACK(types_at_the_terminal), ATTACK(makes_threads), ATTACK(opens_many_files),
    ATTACK(fingerprint),
};

static void read_line(char* line, size_t n) {
    size_t i = 0;
    while (i + 1 < n && read(0, line + i, 1) == 1 && line[i] != '\n') i++;
    line[i] = 0;
}

int main() {
    char name[64];
    read_line(name, sizeof name);
    read_line(canary, sizeof canary);
    for (auto& attack : ATTACKS) if (!strcmp(attack.name, name)) return attack.run();
    say("no such attack\n");
    return 70;
}
