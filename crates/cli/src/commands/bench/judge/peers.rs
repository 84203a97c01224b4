//! The same program without us: started plainly, and by bubblewrap.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// Copies standard input to standard output; as little as a program can do.
pub(super) const CAT: &str = "#include <unistd.h>\n\
    int main() { char b[4096]; long n; while ((n = read(0, b, 4096)) > 0) write(1, b, n); }\n";
/// What it is given, and has to say.
pub(super) const TEXT: &str = "hello\n";

/// A compiled program on disk, where other ways to run it can reach it.
pub(super) struct Program {
    folder: tempfile::TempDir,
}

impl Program {
    /// Compiles [`CAT`] as the judge does.
    ///
    /// # Errors
    /// When there is no C++ compiler on the search path.
    pub(super) fn build() -> anyhow::Result<Program> {
        let folder = tempfile::tempdir().context("failed to make a folder for the program")?;
        let source = folder.path().join("cat.cpp");
        std::fs::write(&source, CAT)?;
        let program = Program { folder };
        let status = Command::new("g++")
            .args(["-std=c++17", "-O2", "-static", "-o"])
            .arg(program.path())
            .arg(&source)
            .status()
            .context("failed to start g++")?;
        if !status.success() {
            bail!("g++ failed");
        }
        Ok(program)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("cat")
    }

    /// Starts it plainly, captures what it says, and compares.
    ///
    /// # Errors
    /// When it cannot be started or says something else.
    pub(super) fn run(&self) -> anyhow::Result<Duration> {
        time(&mut Command::new(self.path()))
    }

    /// How many times in a second it can be run like this on so many threads.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub(super) fn runs_per_second(&self, n_runs: usize, n_threads: usize) -> anyhow::Result<f64> {
        let start = Instant::now();
        std::thread::scope(|scope| {
            let run = || (0..n_runs / n_threads).try_for_each(|_| self.run().map(drop));
            let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(run)).collect();
            threads
                .into_iter()
                .try_for_each(|thread| match thread.join() {
                    Ok(result) => result,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
        })?;
        Ok(n_runs as f64 / start.elapsed().as_secs_f64())
    }

    /// Starts it in a sandbox of bubblewrap's: all namespaces, and a file system with the system's programs and ours.
    ///
    /// # Errors
    /// When bubblewrap is not there or does not work here.
    pub(super) fn run_in_bubblewrap(&self) -> anyhow::Result<Duration> {
        let mut command = Command::new("bwrap");
        command.args(["--unshare-all", "--die-with-parent", "--new-session"]);
        command.args(["--ro-bind", "/usr", "/usr", "--tmpfs", "/tmp"]);
        command.args(["--proc", "/proc", "--dev", "/dev"]);
        for link in ["/bin", "/lib", "/lib64"] {
            if let Ok(target) = std::fs::read_link(Path::new(link)) {
                command.arg("--symlink").arg(target).arg(link);
            }
        }
        command
            .arg("--ro-bind")
            .arg(self.path())
            .args(["/cat", "/cat"]);
        time(&mut command)
    }
}

/// Runs a command under the environment that the judge gives, with its input and its outputs in pipes.
fn time(command: &mut Command) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut child = command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LANG", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .context("no pipe")?
        .write_all(TEXT.as_bytes())?;
    let output = child.wait_with_output()?;
    let elapsed = start.elapsed();
    if output.stdout != TEXT.as_bytes() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(elapsed)
}
