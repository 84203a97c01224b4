use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// An empty home folder with a project folder beside it; programs are found in `bin` and the system's folders.
pub(crate) struct World {
    root: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// What a run of the program came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    pub(crate) fn new() -> World {
        let root = tempfile::tempdir().unwrap();
        for folder in ["home", "project", "bin"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        World {
            root,
            environment: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> World {
        self.environment.push((name.to_string(), value.to_string()));
        self
    }

    /// A path in this world, such as `home/.cache/mapcoder`.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    pub(crate) fn write(&self, below: &str, text: &str) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Puts a shell script in front of all other programs.
    pub(crate) fn program(&self, name: &str, body: &str) {
        let path = self.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{body}\n"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A `python3` that answers as pip and runs `body` on `download`, with `$dest` set.
    pub(crate) fn fake_pip(&self, body: &str) {
        self.program(
            "python3",
            &format!(
                "[ \"$3\" = --version ] && echo 'pip 1' && exit 0\n\
                while [ $# -gt 1 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\n{body}"
            ),
        );
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mapcoder"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path("home"))
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path("bin").display()),
            )
            .envs(self.environment.iter().cloned())
            .current_dir(self.path("project"))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        let output = self.command(arguments).output().unwrap();
        Outcome {
            code: output.status.code(),
            stdout: self.anonymous(&output.stdout),
            stderr: self.anonymous(&output.stderr),
        }
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Kills a run of the program as soon as it says a line on standard error that is meant.
    pub(crate) fn kill_when(&self, arguments: &[&str], mut is_it: impl FnMut(&str) -> bool) {
        let mut child = self.spawn(arguments);
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let is_seen = lines.map_while(Result::ok).any(|line| {
            said.push(line);
            is_it(&said[said.len() - 1])
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_seen, "it never said so: {said:#?}");
    }

    /// The text with this world's folder as `$ROOT`, so that it is the same every time.
    pub(crate) fn anonymous(&self, bytes: &[u8]) -> String {
        let real = self.root.path().canonicalize().unwrap();
        String::from_utf8(bytes.to_vec())
            .unwrap()
            .replace(real.to_str().unwrap(), "$ROOT")
            .replace(self.root.path().to_str().unwrap(), "$ROOT")
    }
}

/// The files below a folder, relative to it and sorted; empty when it is not there.
pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, base: &Path, files: &mut Vec<String>) {
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, base, files);
            } else {
                let name = path.strip_prefix(base).unwrap();
                files.push(name.display().to_string());
            }
        }
    }
    let mut files = Vec::new();
    walk(folder, folder, &mut files);
    files.sort();
    files
}
