//! The first process inside a cell: it takes requests, starts programs, and answers.
//! It lives under all restrictions itself, so that programs inherit them at no cost.
//! Being the first, it is out of reach of their signals; it never runs foreign code.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Duration;

use domain::Rung;

use super::cgroup::Group;
use super::files::work_directory;
use super::keeper::Keeper;
use super::nested::Nest;
use super::outbox::Outbox;
use super::rlimits::Ceilings;
use super::rootfs::Traces;
use super::spawn::Spawner;
use super::zygote::{Word, Zygote};
use super::{restrict, rootfs};
use crate::protocol::{Purpose, Ready, Request, Setup, Step, read_frame, write_frame};
use crate::sys::{self, Fork};
use crate::wait;

/// How long the zygote may take to come up.
const START: Duration = Duration::from_secs(20);

/// The state of a cell's inside.
pub(super) struct Init<'a> {
    pub(super) control: &'a OwnedFd,
    pub(super) setup: &'a Setup,
    pub(super) group: Option<&'a Group>,
    pub(super) keeper: Keeper,
    /// How much faster than the clock CPU time can pass.
    pub(super) n_cores: u32,
    pub(super) ceilings: Ceilings,
    pub(super) spawner: Spawner,
    pub(super) nest: Nest,
    pub(super) zygote: Option<Zygote>,
    /// The null device.
    pub(super) null: OwnedFd,
    /// Where large outputs are handed over.
    pub(super) outbox: Outbox,
    /// What the box has room for.
    pub(super) box_bytes: u64,
    /// How the box looked when it was empty; absent where there is none.
    pub(super) traces: Option<Traces>,
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
        let has_namespaces = setup.rung >= Rung::Userns;
        let processes = if has_namespaces {
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
        let (keeper, zygote) = Keeper::start(setup, processes, group, program_user)
            .map_err(|error| format!("keeper: {error}"))?;
        if let Some(group) = group {
            group
                .join()
                .map_err(|error| format!("join the control group: {error}"))?;
        }
        // The restrictions refuse memory that is shared.
        let outbox = Outbox::new().map_err(|error| format!("memory for outputs: {error}"))?;
        let nest = Nest::new().map_err(|error| format!("namespaces of programs: {error}"))?;
        restrict::apply(setup, restrict::kept(setup, program_user), None)?;
        self_test(setup, program_user)?;
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
        if let (Some(zygote), Some(interpreter)) = (&zygote, &setup.python) {
            match zygote.hear(START) {
                Some(Word { error: None, .. }) => {}
                Some(Word {
                    error: Some(error), ..
                }) => return Err(format!("interpreter: {error}")),
                None => return Err("interpreter: it did not start".into()),
            }
            step("interpreter", &interpreter.path);
        }
        let directory = work_directory(setup);
        let temporary = if setup.purpose == Purpose::Compile {
            directory
        } else {
            "/tmp"
        };
        let init = Init {
            control,
            setup,
            group,
            keeper,
            n_cores,
            ceilings: Ceilings::now().map_err(|error| format!("limits: {error}"))?,
            spawner: Spawner::new(directory, temporary, program_user)
                .map_err(|error| error.to_string())?,
            nest,
            outbox,
            zygote,
            box_bytes: setup.disk_bytes,
            null: sys::open_null().map_err(|error| format!("null device: {error}"))?,
            traces: has_namespaces
                .then(Traces::now)
                .transpose()
                .map_err(|error| format!("box: {error}"))?,
        };
        Ok((init, steps))
    }

    fn serve(&mut self) {
        let control = self.control.as_raw_fd();
        loop {
            // The next request often follows at once.
            wait::attentively(|| {
                !matches!(sys::poll([control], Some(Duration::ZERO)), Ok([false]))
            });
            let Ok(frame) = read_frame::<Request>(self.control) else {
                return;
            };
            let Request::Run {
                task,
                allowance,
                isolation,
            } = frame.header
            else {
                continue;
            };
            let dirty = match self.supervise(&task, &allowance, isolation, frame.fds) {
                Ok(dirty) => dirty,
                Err(_) => return,
            };
            if dirty {
                return;
            }
        }
    }
}

/// Tries, as a program would, what must not work any more.
fn self_test(setup: &Setup, program_user: Option<u32>) -> Result<(), String> {
    let broken = |error: std::io::Error| format!("self-test: {error}");
    let (ours, theirs) = sys::socket_pair(sys::Sockets::Datagram).map_err(broken)?;
    let forked = sys::fork().map_err(broken)?;
    let Fork::Parent(pid) = forked else {
        let user = program_user.map_or(Ok(()), |user| sys::become_user(user, user));
        let result = user
            .and_then(|()| sys::keep_capabilities(0))
            .map_err(broken)
            .and_then(|()| restrict::self_test(setup));
        let _ = write_frame(&theirs, &result.err(), &[], &[]);
        sys::exit(0);
    };
    drop(theirs);
    let told = read_frame::<Option<String>>(&ours);
    sys::wait(pid, true).map_err(broken)?;
    match told {
        Ok(frame) => frame.header.map_or(Ok(()), Err),
        Err(error) => Err(format!("self-test: {error}")),
    }
}
