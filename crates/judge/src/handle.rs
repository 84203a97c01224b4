//! The judge's end of a cell.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::Isolation;

use crate::cell;
use crate::protocol::{
    Allowance, Outcome, Ready, Request, Setup, Step, Task, read_frame, write_frame,
};
use crate::sys::{self, Sockets};

/// How long a cell may take to come up.
const START: Duration = Duration::from_secs(30);
/// How long a cell may take beyond a run's wall limit, which it may stretch on a busy machine.
const GRACE: Duration = Duration::from_secs(15);
const MAX_STRETCH: u32 = 10;
/// How often a waiting thread looks whether anybody still wants the answer.
const LOOK: Duration = Duration::from_millis(10);

/// A running cell. Dropping it ends the cell and everything in it.
pub(crate) struct Cell {
    process: Child,
    socket: Option<OwnedFd>,
    pub(crate) steps: Vec<Step>,
    pub(crate) n_runs: u32,
}

/// What a run came to.
pub(crate) struct Run {
    pub(crate) outcome: Outcome,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) artifact: Option<OwnedFd>,
}

impl Cell {
    /// Starts a cell; the error says what could not be set up.
    pub(crate) fn start(setup: &Setup) -> Result<Cell, String> {
        if !cell::is_installed() {
            return Err("this program was linked without the judge's start-up hook".into());
        }
        let (ours, theirs) =
            sys::socket_pair(Sockets::Datagram).map_err(|error| format!("socket: {error}"))?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the judge is what starts programs"
        )]
        let mut command = Command::new("/proc/self/exe");
        let process = command
            .arg0(cell::MARKER)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("start a cell: {error}"))?;
        // The command keeps its end of the socket open until it is dropped.
        drop(command);
        let mut cell = Cell {
            process,
            socket: Some(ours),
            steps: Vec::new(),
            n_runs: 0,
        };
        let socket = cell.socket()?;
        write_frame(socket, setup, &[], &[]).map_err(|error| error.to_string())?;
        if !matches!(sys::poll([socket.as_raw_fd()], Some(START)), Ok([true])) {
            return Err("it did not come up in time".into());
        }
        let ready = read_frame::<Ready>(socket).map_err(|error| error.to_string())?;
        match ready.header.error {
            Some(error) => Err(error),
            None => {
                cell.steps = ready.header.steps;
                Ok(cell)
            }
        }
    }

    /// Sends a task on its way.
    pub(crate) fn send(
        &mut self,
        task: Task,
        allowance: Allowance,
        isolation: Isolation,
        fds: &[RawFd],
    ) -> Result<(), String> {
        self.n_runs += 1;
        let request = Request::Run {
            task,
            allowance,
            isolation,
        };
        write_frame(self.socket()?, &request, &[], fds).map_err(|error| error.to_string())
    }

    /// Ends the present run early. Its outcome still comes.
    pub(crate) fn stop(&self) -> Result<(), String> {
        write_frame(self.socket()?, &Request::Stop, &[], &[]).map_err(|error| error.to_string())
    }

    /// Waits for an outcome; stops the run as soon as `is_unwanted`.
    pub(crate) fn receive(
        &mut self,
        allowance: &Allowance,
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<Run, String> {
        let deadline =
            Instant::now() + Duration::from_micros(allowance.wall_us) * MAX_STRETCH + GRACE;
        let mut stopped = false;
        let socket = self.socket()?;
        loop {
            match sys::poll([socket.as_raw_fd()], Some(LOOK)) {
                Ok([true]) => break,
                Ok([false]) if Instant::now() < deadline => {}
                _ => return Err("it did not answer".into()),
            }
            if !stopped && is_unwanted() {
                self.stop()?;
                stopped = true;
            }
        }
        let mut frame = read_frame::<Outcome>(socket).map_err(|error| error.to_string())?;
        if let Some(fault) = frame.header.fault {
            return Err(fault);
        }
        if frame.header.stdout_bytes > frame.body.len() || frame.fds.len() > 1 {
            return Err("it sent a malformed outcome".into());
        }
        let stderr = frame.body.split_off(frame.header.stdout_bytes);
        Ok(Run {
            outcome: frame.header,
            stdout: frame.body,
            stderr,
            artifact: frame.fds.pop(),
        })
    }

    /// The descriptor on which an outcome comes.
    pub(crate) fn fd(&self) -> RawFd {
        self.socket.as_ref().map_or(-1, OwnedFd::as_raw_fd)
    }

    fn socket(&self) -> Result<&OwnedFd, String> {
        self.socket.as_ref().ok_or_else(|| "it is closed".into())
    }
}

impl Drop for Cell {
    /// Closing the socket ends the inside, and that the outside, which removes the control group.
    fn drop(&mut self) {
        self.socket = None;
        let handle = sys::pidfd(self.process.id() as i32);
        let ended = handle
            .is_ok_and(|handle| matches!(sys::poll([handle.as_raw_fd()], Some(GRACE)), Ok([true])));
        if !ended {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}
