//! Seccomp filters as classic BPF programs, assembled by hand: a dozen instructions and a list of numbers.

use libc::c_long;

use crate::sys;

/// Stands for the process's own id in a [`single_process`] filter.
pub(crate) const OWN_PID: u32 = 0xdead_beef;

const LOAD: u16 = 0x20; // A = the 32-bit word at offset k of seccomp_data
const JUMP_EQUAL: u16 = 0x15; // A == k
const JUMP_AT_LEAST: u16 = 0x35; // A >= k
const JUMP_ANY_BIT: u16 = 0x45; // A & k
const AND: u16 = 0x54; // A = A & k
const RETURN: u16 = 0x06;

const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ALLOW: u32 = 0x7fff_0000;
const KILL_PROCESS: u32 = 0x8000_0000;
const X32: u32 = 0x4000_0000;

#[cfg(target_arch = "x86_64")]
const OWN_ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const OWN_ARCHITECTURE: u32 = 0xc000_00b7;

/// Flags of `clone` that make namespaces, or a child of the parent's, which would outlast the run beside it unseen.
const FAR: u32 = (libc::CLONE_PARENT
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

/// Flags with which a cell makes the namespaces of one run.
const NESTING: u32 = sys::NESTING as u32;

const fn refuse(errno: i32) -> u32 {
    0x0005_0000 | errno as u32
}

/// Where the low half of an argument lies in `seccomp_data`.
const fn argument(idx: u32) -> u32 {
    16 + 8 * idx
}

/// Calls that no program needs and that reach other processes, the kernel's settings, or the next run.
const REFUSED: &[c_long] = &[
    // other processes
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_ioprio_set,
    // kernel attack surface
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_memfd_secret,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_personality,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    // mounts and namespaces
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // the machine
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    // objects that outlive a process
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semctl,
    libc::SYS_semtimedop,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    SETXATTRAT,
    REMOVEXATTRAT,
    // sockets: a stream pair is all there is
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
];

/// Calls that set how a process runs, with its id in the first argument.
/// A program may set itself, named by zero, and not the process that starts the next one.
const SETTINGS: &[c_long] = &[
    libc::SYS_prlimit64,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
];

/// Calls that set a thread's priority. For one named by its id they do nothing and say that they did:
/// runtimes such as Mono's set their threads to what they are, and complain on standard output when they may not.
const PRIORITIES: &[c_long] = &[libc::SYS_sched_setscheduler, libc::SYS_sched_setparam];

/// The same with a kind of target before its id, and the kind that means a process.
const KINDS: &[(c_long, u32)] = &[(libc::SYS_setpriority, 0), (libc::SYS_ioprio_set, 1)];

/// Calls that change what is known of a file, or watch it, which Landlock lets pass.
const ATTRIBUTES: &[c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
    libc::SYS_fchmodat,
    libc::SYS_fchmodat2,
    libc::SYS_fchmod,
    libc::SYS_fchown,
    FILE_SETATTR,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_inotify_add_watch,
];

/// Calls of new kernels that the library does not name yet.
const SETXATTRAT: c_long = 463;
const REMOVEXATTRAT: c_long = 466;
const FILE_SETATTR: c_long = 469;

/// Calls that reach another process by its id in the first argument.
const SIGNALS: &[c_long] = &[
    libc::SYS_kill,
    libc::SYS_tgkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_open,
];

/// A program under construction.
#[derive(Default)]
struct Program(Vec<u8>);

impl Program {
    fn push(&mut self, code: u16, if_true: u8, if_false: u8, k: u32) {
        self.0.extend_from_slice(&code.to_le_bytes());
        self.0.extend_from_slice(&[if_true, if_false]);
        self.0.extend_from_slice(&k.to_le_bytes());
    }

    /// Other architectures end the process; then the call's number is loaded.
    fn begin(&mut self) {
        self.push(LOAD, 0, 0, ARCHITECTURE);
        self.push(JUMP_EQUAL, 1, 0, OWN_ARCHITECTURE);
        self.push(RETURN, 0, 0, KILL_PROCESS);
        self.push(LOAD, 0, 0, NUMBER);
        self.push(JUMP_AT_LEAST, 0, 1, X32);
        self.push(RETURN, 0, 0, refuse(libc::ENOSYS));
    }

    fn on(&mut self, call: c_long, verdict: u32) {
        self.push(JUMP_EQUAL, 0, 1, call as u32);
        self.push(RETURN, 0, 0, verdict);
    }

    fn end(mut self) -> Vec<u8> {
        self.push(RETURN, 0, 0, ALLOW);
        self.0
    }
}

/// The filter that every program inherits from its cell. It keeps one that is `alone`, without namespaces of its own,
/// from changing anything of a file and from having others signalled.
/// Programs that are not trusted get no shared memory without a file, and no files that are nowhere but in memory:
/// where no control group counts, these would have no limit, and where one does, the kernel would kill another process
/// for them.
pub(crate) fn inherited(trusted: bool, alone: bool) -> Vec<u8> {
    let mut program = Program::default();
    program.begin();
    // clone3 hides its flags behind a pointer; without it the C library falls back to clone.
    program.on(libc::SYS_clone3, refuse(libc::ENOSYS));
    // No children of others and no new namespaces, but for what the cell makes itself, which takes a capability that
    // no program has.
    program.push(JUMP_EQUAL, 0, 5, libc::SYS_clone as u32);
    program.push(LOAD, 0, 0, argument(0));
    program.push(JUMP_EQUAL, 2, 0, NESTING | libc::SIGCHLD as u32);
    program.push(JUMP_ANY_BIT, 0, 1, FAR);
    program.push(RETURN, 0, 0, refuse(libc::EPERM));
    program.push(RETURN, 0, 0, ALLOW);
    for (call, position, flags) in [
        (libc::SYS_unshare, 0, NESTING),
        (libc::SYS_setns, 1, libc::CLONE_NEWPID as u32),
    ] {
        program.push(JUMP_EQUAL, 0, 4, call as u32);
        program.push(LOAD, 0, 0, argument(position));
        program.push(JUMP_EQUAL, 1, 0, flags);
        program.push(RETURN, 0, 0, refuse(libc::EPERM));
        program.push(RETURN, 0, 0, ALLOW);
    }
    // socketpair: streams and sequenced packets only, since a datagram socket could address others by path.
    program.push(JUMP_EQUAL, 0, 5, libc::SYS_socketpair as u32);
    program.push(LOAD, 0, 0, argument(1));
    program.push(AND, 0, 0, 0xf);
    program.push(JUMP_EQUAL, 0, 1, libc::SOCK_DGRAM as u32);
    program.push(RETURN, 0, 0, refuse(libc::EPERM));
    program.push(RETURN, 0, 0, ALLOW);
    for &call in SETTINGS {
        program.push(JUMP_EQUAL, 0, 4, call as u32);
        program.push(LOAD, 0, 0, argument(0));
        program.push(JUMP_EQUAL, 1, 0, 0);
        program.push(RETURN, 0, 0, refuse(libc::EPERM));
        program.push(RETURN, 0, 0, ALLOW);
    }
    for &call in PRIORITIES {
        program.push(JUMP_EQUAL, 0, 4, call as u32);
        program.push(LOAD, 0, 0, argument(0));
        program.push(JUMP_EQUAL, 1, 0, 0);
        program.push(RETURN, 0, 0, refuse(0));
        program.push(RETURN, 0, 0, ALLOW);
    }
    for &(call, kind) in KINDS {
        program.push(JUMP_EQUAL, 0, 6, call as u32);
        program.push(LOAD, 0, 0, argument(0));
        program.push(JUMP_EQUAL, 0, 2, kind);
        program.push(LOAD, 0, 0, argument(1));
        program.push(JUMP_EQUAL, 1, 0, 0);
        program.push(RETURN, 0, 0, refuse(libc::EPERM));
        program.push(RETURN, 0, 0, ALLOW);
    }
    if !trusted {
        // mmap: what is shared must be a file's.
        program.push(JUMP_EQUAL, 0, 6, libc::SYS_mmap as u32);
        program.push(LOAD, 0, 0, argument(3));
        program.push(JUMP_ANY_BIT, 0, 3, libc::MAP_ANONYMOUS as u32);
        program.push(AND, 0, 0, MAP_KIND);
        program.push(JUMP_EQUAL, 1, 0, libc::MAP_PRIVATE as u32);
        program.push(RETURN, 0, 0, refuse(libc::EPERM));
        program.push(RETURN, 0, 0, ALLOW);
        // Runtimes do without, as on older kernels.
        program.on(libc::SYS_memfd_create, refuse(libc::ENOSYS));
        program.on(libc::SYS_vmsplice, refuse(libc::ENOSYS));
    }
    if alone {
        // fcntl: no signals of the kernel's to an owner of our choice.
        program.push(JUMP_EQUAL, 0, 5, libc::SYS_fcntl as u32);
        program.push(LOAD, 0, 0, argument(1));
        program.push(JUMP_EQUAL, 1, 0, libc::F_SETOWN as u32);
        program.push(JUMP_EQUAL, 0, 1, F_SETOWN_EX);
        program.push(RETURN, 0, 0, refuse(libc::EPERM));
        program.push(RETURN, 0, 0, ALLOW);
        program.on(libc::SYS_tkill, refuse(libc::EPERM));
        for &call in ATTRIBUTES {
            program.on(call, refuse(libc::EPERM));
        }
    }
    for &call in REFUSED {
        program.on(call, refuse(libc::EPERM));
    }
    program.end()
}

/// The bits of `mmap`'s flags that say whether a mapping is shared.
const MAP_KIND: u32 = 0xf;

/// The filter of a run on rungs without process namespaces, on top of an inherited one that knows of them:
/// it may make threads but no processes, and signal nobody but itself.
/// The placeholder [`OWN_PID`] must be replaced before use, as [`bind`] does.
///
/// It is installed for every run, and the kernel then tries it on each call there is: a microsecond an instruction.
/// So it holds only what cannot be inherited, because the process that starts programs needs it or has another id.
pub(crate) fn single_process() -> Vec<u8> {
    let mut program = Program::default();
    program.push(LOAD, 0, 0, NUMBER);
    program.push(JUMP_EQUAL, 0, 4, libc::SYS_clone as u32);
    program.push(LOAD, 0, 0, argument(0));
    program.push(JUMP_ANY_BIT, 1, 0, libc::CLONE_THREAD as u32);
    program.push(RETURN, 0, 0, refuse(libc::EAGAIN));
    program.push(RETURN, 0, 0, ALLOW);
    #[cfg(target_arch = "x86_64")]
    for call in [libc::SYS_fork, libc::SYS_vfork] {
        program.on(call, refuse(libc::EAGAIN));
    }
    for (idx, &call) in SIGNALS.iter().enumerate() {
        // Over those that follow and the return, to the look at the target.
        let n_over = SIGNALS.len() - idx;
        program.push(JUMP_EQUAL, n_over as u8, 0, call as u32);
    }
    program.push(RETURN, 0, 0, ALLOW);
    program.push(LOAD, 0, 0, argument(0));
    program.push(JUMP_EQUAL, 2, 0, OWN_PID);
    program.push(JUMP_EQUAL, 1, 0, 0);
    program.push(RETURN, 0, 0, refuse(libc::EPERM));
    program.end()
}

/// `fcntl`'s second way to choose who gets the signals of a descriptor.
const F_SETOWN_EX: u32 = 15;

/// Makes a [`single_process`] filter one for the process with this id.
pub(crate) fn bind(program: &mut [u8], pid: u32) {
    for instruction in program.chunks_exact_mut(8) {
        if instruction[4..] == OWN_PID.to_le_bytes() {
            instruction[4..].copy_from_slice(&pid.to_le_bytes());
        }
    }
}

/// A program as text.
pub(crate) fn to_hex(program: &[u8]) -> String {
    program.iter().map(|byte| format!("{byte:02x}")).collect()
}
