//! The keeper: the one process of a cell that is not restricted.
//! It starts the zygote, and then does for the supervisor what that has given up: it looks at processes,
//! mounts an empty box, and fetches what a compiler left.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::time::Duration;

use domain::Rung;
use serde::{Deserialize, Serialize};

use super::cgroup::Group;
use super::zygote::{self, Zygote};
use super::{files, rootfs};
use crate::protocol::{Frame, Setup, Task, read_frame, write_frame};
use crate::sys::{self, Fork, Sockets};

/// How long the keeper may take for an answer.
const ANSWER: Duration = Duration::from_secs(10);

/// The supervisor's end of the keeper.
pub(super) struct Keeper {
    socket: OwnedFd,
}

/// What a run's processes have used.
#[derive(Clone, Copy, Default)]
pub(super) struct Sight {
    /// CPU time of the living processes.
    pub(super) cpu: Duration,
    /// Memory of theirs that is in memory now.
    pub(super) resident_bytes: u64,
    /// The longest time that one of their threads was ready to run and had no core.
    pub(super) starved: Duration,
    /// Whether one of their threads runs, or would if it had a core, or the program has ended and we have yet to hear of it.
    pub(super) is_ready: bool,
}

/// What the supervisor may ask for.
#[derive(Debug, Serialize, Deserialize)]
enum Question {
    /// An empty box with room for so many bytes.
    Wipe(u64),
    /// Room for so many bytes in the box, which is empty.
    Resize(u64),
    /// What a program and its descendants have used. The other processes are not theirs.
    Look(i32, [i32; 2]),
    /// The files of a task, from the descriptor that comes along.
    Place(Task),
    /// What the compiler left.
    Artifact(Task),
    /// The end of the process behind the descriptor that comes along.
    Kill,
}

impl Keeper {
    /// Forks the keeper, and has it start the zygote if there shall be one.
    pub(super) fn start(
        setup: &Setup,
        processes: OwnedFd,
        group: Option<&Group>,
        program_user: Option<u32>,
    ) -> io::Result<(Keeper, Option<Zygote>)> {
        let (ours, theirs) = sys::socket_pair(Sockets::Datagram)?;
        let (zygote, zygote_end) = sys::socket_pair(Sockets::Datagram)?;
        match sys::fork_unseen()? {
            Fork::Parent(_) => {}
            Fork::Child => {
                let _ = sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64);
                drop((ours, zygote));
                let python = setup
                    .python
                    .as_ref()
                    .map(|python| zygote::start(python, &zygote_end, setup, group, program_user));
                let Ok(child) = python.transpose() else {
                    sys::exit(77);
                };
                drop(zygote_end);
                Desk::new(theirs, processes, setup, child).serve();
            }
        }
        let zygote = setup.python.as_ref().map(|_| Zygote { socket: zygote });
        Ok((Keeper { socket: ours }, zygote))
    }

    /// Has an empty box mounted; false when that failed.
    pub(super) fn wipe(&self, disk_bytes: u64) -> bool {
        self.does(&Question::Wipe(disk_bytes), &[])
    }

    /// Has the room in an empty box changed; false when that failed.
    pub(super) fn resize(&self, disk_bytes: u64) -> bool {
        self.does(&Question::Resize(disk_bytes), &[])
    }

    /// Looks at a program and its descendants; `None` when the keeper is gone.
    pub(super) fn look(&self, pid: i32, others: [i32; 2]) -> Option<Sight> {
        let question = Question::Look(pid, others);
        let [cpu, resident_bytes, starved, n_ready] = self.ask(&question, &[])?.header;
        Some(Sight {
            cpu: Duration::from_nanos(cpu),
            resident_bytes,
            starved: Duration::from_nanos(starved),
            is_ready: n_ready > 0,
        })
    }

    /// Has the files of a task laid out; false when that failed.
    pub(super) fn place(&self, task: &Task, content: &OwnedFd) -> bool {
        self.does(&Question::Place(task.clone()), &[content.as_raw_fd()])
    }

    /// What a compiler left.
    pub(super) fn artifact(&self, task: &Task) -> Option<OwnedFd> {
        self.ask(&Question::Artifact(task.clone()), &[])?.fds.pop()
    }

    /// Ends a process that the zygote started, which Landlock keeps out of the supervisor's reach.
    pub(super) fn kill(&self, handle: &OwnedFd) {
        let _ = self.ask(&Question::Kill, &[handle.as_raw_fd()]);
    }

    fn does(&self, question: &Question, fds: &[RawFd]) -> bool {
        self.ask(question, fds)
            .is_some_and(|answer| answer.header[0] == 1)
    }

    fn ask(&self, question: &Question, fds: &[RawFd]) -> Option<Frame<[u64; 4]>> {
        write_frame(&self.socket, question, &[], fds).ok()?;
        match sys::poll([self.socket.as_raw_fd()], Some(ANSWER)) {
            Ok([true]) => read_frame(&self.socket).ok(),
            _ => None,
        }
    }
}

/// The keeper's own side.
struct Desk<'a> {
    socket: OwnedFd,
    /// The process list of the namespace, or of the machine where there is no namespace.
    processes: OwnedFd,
    setup: &'a Setup,
    zygote: Option<i32>,
}

impl Desk<'_> {
    /// Keeps two descriptors and nothing else that the cell holds.
    fn new(socket: OwnedFd, processes: OwnedFd, setup: &Setup, zygote: Option<i32>) -> Desk<'_> {
        let keep = |fd: OwnedFd| sys::dup_above(fd.as_raw_fd(), 512);
        let (Ok(socket), Ok(processes)) = (keep(socket), keep(processes)) else {
            sys::exit(79);
        };
        let own = [socket, processes].map(|fd| {
            let number = fd.as_raw_fd();
            std::mem::forget(fd);
            number
        });
        for (number, fd) in own.into_iter().enumerate() {
            let _ = sys::dup_to(fd, 3 + number as i32, false);
        }
        sys::close_from(5);
        // SAFETY: both descriptors were just made and belong to nobody else.
        let [socket, processes] = [3, 4].map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        Desk {
            socket,
            processes,
            setup,
            zygote,
        }
    }

    /// Answers until the supervisor is gone. Never returns.
    fn serve(self) -> ! {
        while let Ok(frame) = read_frame::<Question>(&self.socket) {
            let (answer, file) = match frame.header {
                Question::Wipe(disk_bytes) => {
                    let is_empty = rootfs::fresh_box(disk_bytes).is_ok();
                    ([u64::from(is_empty), 0, 0, 0], None)
                }
                Question::Resize(disk_bytes) => {
                    let is_done = rootfs::resize_box(disk_bytes).is_ok();
                    ([u64::from(is_done), 0, 0, 0], None)
                }
                Question::Place(task) => {
                    let content = frame.fds.first();
                    let is_placed = content
                        .is_some_and(|content| files::place(self.setup, &task, content).is_ok());
                    ([u64::from(is_placed), 0, 0, 0], None)
                }
                Question::Look(pid, others) => (self.look(pid, others), None),
                Question::Kill => {
                    frame.fds.iter().for_each(sys::kill_pidfd);
                    // Which may have stopped the zygote, that has to tell how it ended.
                    if let Some(zygote) = self.zygote {
                        sys::go_on(zygote);
                    }
                    ([0; 4], None)
                }
                Question::Artifact(task) => ([0; 4], files::artifact(self.setup, &task)),
            };
            let file: Vec<_> = file.iter().map(|file| file.as_raw_fd()).collect();
            if write_frame(&self.socket, &answer, &[], &file).is_err() {
                break;
            }
        }
        sys::exit(0);
    }

    fn look(&self, pid: i32, others: [i32; 2]) -> [u64; 4] {
        let mut sums = [0, 0, 0, u64::from(self.has_ended(pid))];
        for pid in self.processes_of_run(pid, others) {
            sums[0] += sys::cpu_of(pid).as_nanos() as u64;
            sums[1] += self.resident(pid);
            for thread in self.threads(pid) {
                let path = format!("{pid}/task/{thread}");
                sums[2] = sums[2].max(self.waited_for_a_core(&path));
                sums[3] += u64::from(self.is_ready(&path));
            }
        }
        sums
    }

    /// Processes of the present run, as far as this rung can see them.
    fn processes_of_run(&self, main: i32, others: [i32; 2]) -> Vec<i32> {
        if self.setup.rung < Rung::Userns {
            return vec![main];
        }
        let own = std::process::id() as i32;
        sys::list(&self.processes)
            .unwrap_or_default()
            .iter()
            .filter_map(|name| name.to_str().ok()?.parse().ok())
            .filter(|pid| ![1, own].contains(pid) && Some(*pid) != self.zygote)
            .filter(|pid| !others.contains(pid))
            // What else the zygote keeps. No program can make children of its.
            .filter(|pid| *pid == main || self.zygote.is_none() || self.parent(*pid) != self.zygote)
            .collect()
    }

    fn parent(&self, pid: i32) -> Option<i32> {
        let stat = self.stat(&pid.to_string());
        stat.split(' ').nth(1)?.parse().ok()
    }

    /// True for a process that has ended, reaped or not.
    fn has_ended(&self, pid: i32) -> bool {
        let stat = self.stat(&pid.to_string());
        stat.is_empty() || stat.starts_with(['Z', 'X'])
    }

    /// What the kernel says of a process or thread, from its state on; empty when there is none.
    fn stat(&self, path: &str) -> String {
        let text = self.read(format!("{path}/stat")).unwrap_or_default();
        // The name before the state may hold anything.
        let state = text.rsplit_once(") ");
        state.map_or_else(String::new, |(_, state)| state.to_string())
    }

    /// Memory of a process that is in memory now.
    fn resident(&self, pid: i32) -> u64 {
        let pages = || -> Option<u64> {
            let text = self.read(format!("{pid}/statm"))?;
            text.split(' ').nth(1)?.parse().ok()
        };
        pages().unwrap_or(0) * 4096
    }

    /// The threads of a process.
    fn threads(&self, pid: i32) -> Vec<String> {
        let threads = || -> Option<Vec<_>> {
            let path = sys::c_string(format!("{pid}/task")).ok()?;
            let directory = sys::open_at(&self.processes, &path, libc::O_DIRECTORY).ok()?;
            sys::list(&directory).ok()
        };
        let threads = threads().unwrap_or_default();
        let names = threads.iter().filter_map(|name| name.to_str().ok());
        names.map(String::from).collect()
    }

    /// The time, in nanoseconds, that a thread was ready to run and had no core.
    fn waited_for_a_core(&self, thread: &str) -> u64 {
        let text = self.read(format!("{thread}/schedstat"));
        let waited = text.and_then(|text| text.split(' ').nth(1)?.parse().ok());
        waited.unwrap_or_default()
    }

    /// True for a thread that runs, or waits for nothing but a core.
    fn is_ready(&self, thread: &str) -> bool {
        self.stat(thread).starts_with('R')
    }

    fn read(&self, path: String) -> Option<String> {
        let path = sys::c_string(path).ok()?;
        let fd = sys::open_at(&self.processes, &path, libc::O_RDONLY).ok()?;
        sys::read_again(&fd).ok()
    }
}
