//! The first process inside a cell: it takes requests, starts launchers, and answers.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use domain::Rung;

use super::cgroup::Group;
use super::launcher::{self, Word};
use super::{restrict, rootfs};
use crate::protocol::{Purpose, Ready, Request, Setup, Step, Task, read_frame, write_frame};
use crate::sys::{self, Fork};

/// How long a launcher may take to come up.
const START: Duration = Duration::from_secs(20);

/// A process that starts programs, and the socket to it.
pub(super) struct Launcher {
    pub(super) pid: i32,
    pub(super) socket: OwnedFd,
}

/// The state of a cell's inside.
pub(super) struct Init<'a> {
    pub(super) control: &'a OwnedFd,
    pub(super) setup: &'a Setup,
    pub(super) group: Option<&'a Group>,
    /// The process list of the namespace, or of the machine where there is no namespace.
    pub(super) processes: OwnedFd,
    /// How much faster than the clock CPU time can pass.
    pub(super) n_cores: u32,
    pub(super) native: Launcher,
    pub(super) python: Option<Launcher>,
}

impl Init<'_> {
    /// Sets the cell up, says so, and serves until the judge is gone. Never returns.
    pub(super) fn run(
        control: &OwnedFd,
        setup: &Setup,
        steps: Vec<Step>,
        group: Option<&Group>,
        program_user: Option<u32>,
    ) -> ! {
        let (mut ready, init) = match Init::set_up(control, setup, steps, group, program_user) {
            Ok((init, steps)) => (Ready { steps, error: None }, Some(init)),
            Err(error) => {
                let ready = Ready {
                    steps: Vec::new(),
                    error: Some(error),
                };
                (ready, None)
            }
        };
        ready.steps.truncate(32);
        let sent = write_frame(control, &ready, &[], &[]);
        let (Some(mut init), Ok(())) = (init, sent) else {
            sys::exit(76);
        };
        init.serve();
        sys::exit(0);
    }

    fn set_up<'a>(
        control: &'a OwnedFd,
        setup: &'a Setup,
        mut steps: Vec<Step>,
        group: Option<&'a Group>,
        program_user: Option<u32>,
    ) -> Result<(Init<'a>, Vec<Step>), String> {
        let _ = sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64);
        let n_cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
        let mut step = |name: &str, detail: &str| {
            steps.push(Step {
                name: name.into(),
                detail: detail.into(),
            });
        };
        let processes = if setup.rung >= Rung::Userns {
            step(
                "namespaces",
                "users, processes, mounts, network (none), IPC, host name, control groups",
            );
            let processes = rootfs::build(&setup.readable, setup.disk_bytes)?;
            step(
                "file system",
                "own root by pivot_root, read-only, with a small memory file system to write to",
            );
            processes
        } else {
            let _ = sys::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
            sys::open_directory(c"/proc").map_err(|error| format!("process list: {error}"))?
        };
        let _ = sys::prctl(libc::PR_SET_DUMPABLE, 0);
        let native = Launcher::start(setup, group, program_user, None)?;
        step("capabilities", "none, and no way to gain any");
        step("Landlock", &sys::landlock_version());
        step(
            "seccomp",
            "no network, tracing, mounts, namespaces, keys, shared memory",
        );
        step(
            "self-test",
            "sockets, namespaces, foreign files and /proc are refused",
        );
        let python = match &setup.python {
            Some(path) => {
                let launcher = Launcher::start(setup, group, program_user, Some(path))
                    .map_err(|error| format!("interpreter: {error}"))?;
                step("interpreter", path);
                Some(launcher)
            }
            None => None,
        };
        let init = Init {
            control,
            setup,
            group,
            processes,
            n_cores,
            native,
            python,
        };
        Ok((init, steps))
    }

    fn serve(&mut self) {
        while let Ok(frame) = read_frame::<Request>(self.control) {
            let Request::Run { task, allowance } = frame.header else {
                continue;
            };
            let dirty = match self.supervise(&task, &allowance, &frame.fds) {
                Ok(dirty) => dirty,
                Err(_) => return,
            };
            if dirty {
                return;
            }
        }
    }

    /// The file that a compiler left, unless it is no plain file.
    pub(super) fn artifact(&self, task: &Task) -> Option<OwnedFd> {
        if !matches!(task, Task::Compile { .. }) || self.setup.purpose != Purpose::Compile {
            return None;
        }
        let directory = sys::c_string(self.work_directory()).ok()?;
        let directory = sys::open_directory(&directory).ok()?;
        let file = sys::open_at(&directory, c"out", libc::O_RDONLY).ok()?;
        let mut file = std::fs::File::from(file);
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).ok()?;
        sys::sealed(c"program", &bytes).ok()
    }

    /// Where programs start.
    pub(super) fn work_directory(&self) -> &str {
        if self.setup.rung >= Rung::Userns {
            rootfs::HOME
        } else {
            self.setup.scratch.as_deref().unwrap_or("/")
        }
    }
}

impl Launcher {
    /// Starts the native launcher, or a Python zygote.
    fn start(
        setup: &Setup,
        group: Option<&Group>,
        program_user: Option<u32>,
        python: Option<&str>,
    ) -> Result<Launcher, String> {
        let (ours, theirs) =
            sys::socket_pair(sys::Sockets::Datagram).map_err(|error| error.to_string())?;
        let pid = match sys::fork().map_err(|error| error.to_string())? {
            Fork::Child => {
                drop(ours);
                let result = restrict::apply(setup, group, program_user);
                let error = match (result, python) {
                    (Err(error), _) => error,
                    (Ok(()), None) => match restrict::self_test(setup) {
                        Err(error) => error,
                        Ok(()) => {
                            let control = Launcher::only_socket(theirs);
                            launcher::serve(&control);
                        }
                    },
                    (Ok(()), Some(path)) => become_zygote(path, &theirs),
                };
                let word = serde_json::json!({ "error": error }).to_string();
                let _ = sys::send(theirs.as_fd(), word.as_bytes(), &[]);
                sys::exit(77);
            }
            Fork::Parent(pid) => pid,
        };
        drop(theirs);
        let launcher = Launcher { pid, socket: ours };
        match launcher.hear(Some(START)) {
            Some(Word { error: None, .. }) => Ok(launcher),
            Some(Word {
                error: Some(error), ..
            }) => Err(error),
            None => Err("it did not start".into()),
        }
    }

    /// Keeps the socket and nothing else that the cell holds.
    fn only_socket(socket: OwnedFd) -> OwnedFd {
        let _ = sys::dup_to(socket.as_raw_fd(), 3, false);
        std::mem::forget(socket);
        sys::close_from(4);
        // SAFETY: descriptor 3 was just made and belongs to nobody else.
        unsafe { std::os::fd::FromRawFd::from_raw_fd(3) }
    }

    /// The next word, `None` when none comes in time or the launcher is gone.
    pub(super) fn hear(&self, timeout: Option<Duration>) -> Option<Word> {
        match sys::poll([self.socket.as_raw_fd()], timeout) {
            Ok([true]) => {}
            _ => return None,
        }
        let mut buffer = [0; 4096];
        let mut fds = Vec::new();
        let n_bytes = sys::receive(self.socket.as_fd(), &mut buffer, &mut fds).ok()?;
        serde_json::from_slice(&buffer[..n_bytes]).ok()
    }
}

/// Becomes the interpreter with our program in it. Returns on failure only.
fn become_zygote(path: &str, socket: &OwnedFd) -> String {
    /// One program in four parts.
    const ZYGOTE: &str = concat!(
        include_str!("../python/zygote.py"),
        "\n\n",
        include_str!("../python/candidate.py"),
        "\n\n",
        include_str!("../python/values.py"),
        "\n\n",
        include_str!("../python/oracle.py"),
        "\n\nzygote()\n"
    );
    let arguments = [path, "-s", "-B", "-X", "utf8", "-c", ZYGOTE];
    let argv: Option<Vec<CString>> = arguments
        .into_iter()
        .map(|argument| sys::c_string(argument).ok())
        .collect();
    let Some(argv) = argv else {
        return "a path contains a zero byte".into();
    };
    if let Err(error) = sys::dup_to(socket.as_raw_fd(), 3, true) {
        return error.to_string();
    }
    sys::close_on_exec_from(4);
    sys::exec(None, &argv, &launcher::environment()).to_string()
}
