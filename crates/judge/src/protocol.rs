//! What the judge and its cells say to each other.
//!
//! A frame is one message: a fixed head (magic, lengths, number of descriptors), a JSON header, and a body of raw bytes.
//! Descriptors travel with it. What is too large for a message travels in a file in memory.
//! Every length is checked before anything is allocated.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use domain::{Exit, Isolation, Rung};

use crate::sys;

const MAGIC: u32 = 0x6c6c_6543;
const MAX_HEADER: usize = 1 << 20;
const MAX_BODY: usize = 1 << 30;
/// The most bytes of header and body in a message.
const INLINE: usize = 16 << 10;

/// What a cell is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    /// Runs candidates.
    Run,
    /// Runs test code, which knows the expected values.
    Oracle,
    /// Runs the compiler.
    Compile,
}

/// The first frame to a cell: how to build the sandbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// What the cell is for.
    pub(crate) purpose: Purpose,
    /// The rung to build; the cell fails when it cannot.
    pub(crate) rung: Rung,
    /// Paths outside that programs may read.
    pub(crate) readable: Vec<String>,
    /// The interpreter, when the cell shall keep one ready.
    pub(crate) python: Option<Interpreter>,
    /// Bytes that programs may keep in files together.
    pub(crate) disk_bytes: u64,
    /// Where the cell makes a directory on rungs without a file system of their own:
    /// for the compiler to write to, or for programs of several files to be read from.
    pub(crate) scratch: Option<String>,
}

/// An interpreter of Python that a cell keeps ready.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Interpreter {
    pub(crate) path: String,
    /// The library that it loads beforehand, if any.
    pub(crate) library: Option<String>,
}

/// The first frame from a cell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// What was set up, in order.
    pub(crate) steps: Vec<Step>,
    /// Why the sandbox is not there; then the cell is gone.
    pub(crate) error: Option<String>,
}

/// One part of a sandbox, exercised.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) detail: String,
}

/// What a program may use; numbers only, so that it crosses as it is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Allowance {
    pub(crate) cpu_us: u64,
    pub(crate) wall_us: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) output_bytes: u64,
    pub(crate) file_bytes: u64,
    pub(crate) processes: u32,
}

/// What to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Task {
    /// The executable in descriptor 0, with standard input from descriptor 1.
    Binary,
    /// The Python program in descriptor 0, with standard input from descriptor 1.
    PythonMain {
        /// As of [`Task::Files`].
        room_bytes: u64,
    },
    /// The Python program in descriptor 0, answering calls on descriptor 1.
    PythonServe,
    /// The test code in descriptor 0, calling over descriptor 1.
    PythonTest,
    /// The description of a call in descriptor 0, made over descriptor 1.
    PythonCall,
    /// A command that reads the source in descriptor 0 and leaves files in its directory.
    Compile {
        /// Absolute path and arguments; `{work}` stands for the directory.
        argv: Vec<String>,
        /// What is added to the environment, as `NAME=value`.
        env: Vec<String>,
        /// The file to which the source is written; it is standard input when absent.
        source: Option<String>,
        /// What to bring back.
        artifact: Artifact,
    },
    /// The program whose files are bundled in descriptor 0, by a command with standard input from descriptor 1.
    Files {
        /// Absolute path and arguments; `{program}` stands for the directory with the files.
        argv: Vec<String>,
        /// What is added to the environment, as `NAME=value`.
        env: Vec<String>,
        /// Address space that may be mapped beyond the memory limit, where no control group counts memory.
        room_bytes: u64,
    },
}

/// What a compilation brings back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Artifact {
    /// The file `out`.
    Out,
    /// A bundle of all files with this suffix.
    Files(String),
}

/// A frame to a cell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Run this.
    Run {
        /// What.
        task: Task,
        /// Under which limits.
        allowance: Allowance,
        /// What it shares with other runs.
        isolation: Isolation,
    },
    /// End the present run; it is answered as usual. Without a run, nothing happens.
    Stop,
}

/// The limit at which a run was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Hit {
    Cpu,
    Wall,
    Memory,
    Output,
}

/// A frame from a cell after a run; the body is standard output and then standard error.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// How the program ended; absent when the cell killed it.
    pub(crate) exit: Option<Exit>,
    pub(crate) hit: Option<Hit>,
    /// It went beyond its memory, or the kernel killed something in the run for that.
    pub(crate) oom: bool,
    /// It was ended by [`Request::Stop`].
    pub(crate) stopped: bool,
    /// The program ended the process that started it, which no honest program does.
    pub(crate) broke_launcher: bool,
    pub(crate) cpu_us: u64,
    pub(crate) wall_us: u64,
    pub(crate) memory_bytes: u64,
    /// How much of the body is standard output.
    pub(crate) stdout_bytes: usize,
    /// The cell is not as clean as before and has left; the next run needs a fresh one.
    pub(crate) dirty: bool,
    /// Nothing was run, for a reason that is not the program's.
    pub(crate) fault: Option<String>,
}

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the other side is gone")]
    Closed,
    #[error("a malformed frame came: {0}")]
    Malformed(&'static str),
    #[error("a malformed header came: {0}")]
    Header(#[from] serde_json::Error),
    #[error("a frame could not be transferred: {0}")]
    Io(#[from] io::Error),
}

/// A decoded frame head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    header: usize,
    body: usize,
    n_fds: usize,
}

impl Head {
    pub(crate) const SIZE: usize = 16;

    /// True when header and body do not fit into the message and lie in a file in memory, the last descriptor.
    fn is_apart(self) -> bool {
        self.header + self.body > INLINE
    }

    pub(crate) fn encode(self) -> [u8; Head::SIZE] {
        let mut bytes = [0; Head::SIZE];
        let fields = [
            MAGIC,
            self.header as u32,
            self.body as u32,
            self.n_fds as u32,
        ];
        for (chunk, field) in bytes.chunks_exact_mut(4).zip(fields) {
            chunk.copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }

    /// Reads a head and checks every field of it.
    pub(crate) fn decode(bytes: &[u8; Head::SIZE]) -> Result<Head, FrameError> {
        let field = |idx: usize| {
            u32::from_le_bytes([bytes[idx], bytes[idx + 1], bytes[idx + 2], bytes[idx + 3]])
        };
        if field(0) != MAGIC {
            return Err(FrameError::Malformed("wrong magic number"));
        }
        let head = Head {
            header: field(4) as usize,
            body: field(8) as usize,
            n_fds: field(12) as usize,
        };
        if head.header > MAX_HEADER || head.body > MAX_BODY || head.n_fds > sys::MAX_FDS {
            return Err(FrameError::Malformed("a length is too large"));
        }
        Ok(head)
    }
}

/// A frame as it came.
pub(crate) struct Frame<T> {
    pub(crate) header: T,
    pub(crate) body: Vec<u8>,
    pub(crate) fds: Vec<OwnedFd>,
}

/// Sends a frame.
pub(crate) fn write_frame(
    socket: &OwnedFd,
    header: &impl Serialize,
    body: &[&[u8]],
    fds: &[RawFd],
) -> Result<(), FrameError> {
    let apart = |parts: &[&[u8]]| sys::sealed_parts(c"frame", parts);
    write_frame_with(apart, socket, header, body, fds)
}

/// Sends a frame; what is too large for a message is put `apart`, from the start of the memory that comes back.
pub(crate) fn write_frame_with(
    put_apart: impl FnOnce(&[&[u8]]) -> io::Result<OwnedFd>,
    socket: &OwnedFd,
    header: &impl Serialize,
    body: &[&[u8]],
    fds: &[RawFd],
) -> Result<(), FrameError> {
    let header = serde_json::to_vec(header)?;
    let mut head = Head {
        header: header.len(),
        body: body.iter().map(|part| part.len()).sum(),
        n_fds: fds.len(),
    };
    let apart = head.is_apart();
    head.n_fds += usize::from(apart);
    if head.header > MAX_HEADER || head.body > MAX_BODY || head.n_fds > sys::MAX_FDS {
        return Err(FrameError::Malformed("a length is too large"));
    }
    let encoded = head.encode();
    let mut parts = vec![&encoded[..], &header];
    parts.extend(body);
    if apart {
        let memory = put_apart(&parts[1..])?;
        let fds: Vec<_> = fds.iter().copied().chain([memory.as_raw_fd()]).collect();
        sys::send(socket.as_fd(), &encoded, &fds)?;
    } else {
        sys::send(socket.as_fd(), &parts.concat(), fds)?;
    }
    Ok(())
}

/// Waits for a frame and reads it.
pub(crate) fn read_frame<T: DeserializeOwned>(socket: &OwnedFd) -> Result<Frame<T>, FrameError> {
    let mut fds = Vec::new();
    let mut bytes = vec![0; Head::SIZE + INLINE];
    let n_bytes = sys::receive(socket.as_fd(), &mut bytes, &mut fds)?;
    let Some((head, inline)) = bytes[..n_bytes].split_first_chunk() else {
        return Err(FrameError::Closed);
    };
    let head = Head::decode(head)?;
    if fds.len() != head.n_fds {
        return Err(FrameError::Malformed("wrong number of descriptors"));
    }
    let apart = if head.is_apart() { fds.pop() } else { None };
    let (header, body) = match apart {
        None => {
            if inline.len() != head.header + head.body {
                return Err(FrameError::Malformed("wrong length"));
            }
            let (header, body) = inline.split_at(head.header);
            (serde_json::from_slice(header)?, body.to_vec())
        }
        Some(memory) => {
            let mut bytes = sys::read_memory(&memory, head.header + head.body)?;
            let body = bytes.split_off(head.header);
            (serde_json::from_slice(&bytes)?, body)
        }
    };
    Ok(Frame { header, body, fds })
}

/// The numbers of some descriptors.
pub(crate) fn raw<const N: usize>(fds: [&OwnedFd; N]) -> [RawFd; N] {
    fds.map(|fd| fd.as_raw_fd())
}
