//! The Python zygote: a warm interpreter under all restrictions that forks one child per run.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cgroup::Group;
use super::{restrict, spawn};
use crate::protocol::{Interpreter, Setup};
use crate::sys::{self, Fork, Strings};

/// A run, as told to the zygote; its descriptors come along.
#[derive(Debug, Serialize)]
pub(super) struct Launch {
    /// What the child does; the program itself says which there are.
    pub(super) mode: &'static str,
    /// Whether it does that in process and IPC namespaces of its own.
    pub(super) is_nested: bool,
    /// Where to start.
    pub(super) directory: String,
    /// Resource limits; a negative number stands for none.
    pub(super) rlimits: Vec<(u32, i64)>,
    /// A seccomp filter in hexadecimal, with a placeholder for the program's id; may be empty.
    pub(super) filter: String,
}

/// What the zygote says: that it is ready, then the pid of each child, and then how it ended.
#[derive(Debug, Deserialize)]
pub(super) struct Word {
    pub(super) pid: Option<i32>,
    pub(super) status: Option<i32>,
    pub(super) cpu_us: Option<u64>,
    pub(super) peak_kib: Option<u64>,
    pub(super) error: Option<String>,
}

/// The supervisor's end of the zygote.
pub(super) struct Zygote {
    pub(super) socket: OwnedFd,
}

impl Zygote {
    /// Sends a run on its way.
    pub(super) fn launch(&self, launch: &Launch, fds: &[i32]) -> io::Result<()> {
        let launch = serde_json::to_vec(launch)?;
        sys::send(self.socket.as_fd(), &launch, fds).map(drop)
    }

    /// The next word, `None` when none comes in time or the zygote is gone.
    pub(super) fn hear(&self, timeout: Duration) -> Option<Word> {
        match sys::poll([self.socket.as_raw_fd()], Some(timeout)) {
            Ok([true]) => {}
            _ => return None,
        }
        let mut buffer = [0; 4096];
        let mut fds = Vec::new();
        let n_bytes = sys::receive(self.socket.as_fd(), &mut buffer, &mut fds).ok()?;
        serde_json::from_slice(&buffer[..n_bytes]).ok()
    }
}

/// Forks a child of this process, which is not restricted, and makes it the zygote.
pub(super) fn start(
    interpreter: &Interpreter,
    socket: &OwnedFd,
    setup: &Setup,
    group: Option<&Group>,
    program_user: Option<u32>,
) -> io::Result<i32> {
    if let Fork::Parent(pid) = sys::fork()? {
        return Ok(pid);
    }
    let kept = restrict::of_namespaces(setup);
    let joined = group.map_or(Ok(()), Group::join);
    let error = joined
        .map_err(|error| format!("join the control group: {error}"))
        .and_then(|()| restrict::apply(setup, kept, program_user))
        .and_then(|()| {
            sys::pass_on_capabilities(kept)
                .map_err(|error| format!("pass on capabilities: {error}"))
        })
        .map_or_else(|error| error, |()| become_zygote(interpreter, socket));
    let word = serde_json::json!({ "error": error }).to_string();
    let _ = sys::send(socket.as_fd(), word.as_bytes(), &[]);
    sys::exit(77);
}

/// Becomes the interpreter with our program in it. Returns on failure only.
fn become_zygote(interpreter: &Interpreter, socket: &OwnedFd) -> String {
    /// One program in six parts.
    const ZYGOTE: &str = concat!(
        include_str!("../python/zygote.py"),
        "\n\n",
        include_str!("../python/candidate.py"),
        "\n\n",
        include_str!("../python/values.py"),
        "\n\n",
        include_str!("../python/oracle.py"),
        "\n\n",
        include_str!("../python/calls.py"),
        "\n\n",
        include_str!("../python/examiner.py"),
        "\n\nzygote()\n"
    );
    let mut arguments: Vec<String> = [&interpreter.path, "-s", "-B", "-X", "utf8", "-c", ZYGOTE]
        .map(String::from)
        .to_vec();
    arguments.extend(interpreter.library.clone());
    let argv = match Strings::of(&arguments) {
        Ok(argv) => argv,
        Err(error) => return error.to_string(),
    };
    if let Err(error) = sys::dup_to(socket.as_raw_fd(), 3, true) {
        return error.to_string();
    }
    sys::close_on_exec_from(4);
    sys::exec(None, &argv, &Strings::new(spawn::environment())).to_string()
}
