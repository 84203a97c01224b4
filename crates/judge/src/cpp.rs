//! The C++ compiler.

use std::path::Path;
use std::time::Duration;

use domain::Limits;

use crate::Settings;
use crate::toolchain::{ask, candidates};

/// A compiler that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compiler {
    pub(crate) path: String,
    /// Such as `g++ 12.2.0`.
    pub(crate) version: String,
    /// The static libraries are there; static programs start in less than half the time.
    pub(crate) can_link_statically: bool,
}

impl Compiler {
    pub(crate) fn find(settings: &Settings) -> Result<Compiler, String> {
        let paths = match &settings.cpp_compiler {
            Some(path) => vec![path.clone()],
            None => candidates(settings, &["g++", "clang++", "c++"]),
        };
        let mut reason = "no C++ compiler on the search path".to_string();
        for path in paths {
            let answer = ask(settings, &path, &["-dumpfullversion", "-dumpversion"]);
            match answer {
                Ok(version) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    let has = |library: &str| {
                        ask(settings, &path, &[&format!("-print-file-name={library}")])
                            .is_ok_and(|answer| answer.starts_with('/'))
                    };
                    return Ok(Compiler {
                        version: format!("{name} {version}"),
                        can_link_statically: has("libstdc++.a") && has("libc.a"),
                        path: path.to_string_lossy().into_owned(),
                    });
                }
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }

    /// The command that compiles standard input into the file `out`, with precompiled headers from a directory.
    pub(crate) fn command(&self, headers: Option<&Path>) -> Vec<String> {
        let mut command = self.with_flags("c++");
        if self.can_link_statically {
            command.push("-static".into());
        }
        if let Some(headers) = headers {
            command.extend(["-I".into(), headers.to_string_lossy().into_owned()]);
        }
        command.push("-".into());
        command
    }

    /// The command that compiles a header into the file `out`.
    pub(crate) fn header_command(&self, header: &str) -> Vec<String> {
        let mut command = self.with_flags("c++-header");
        command.push(header.into());
        command
    }

    /// Where a header lies that programs include by name.
    pub(crate) fn locate(&self, settings: &Settings, header: &str) -> Option<String> {
        let arguments = ["-x", "c++", "-M", "-include", header, "/dev/null"];
        let rule = ask(settings, Path::new(&self.path), &arguments).ok()?;
        let mut files = rule.split_ascii_whitespace();
        files.find(|file| file.ends_with(header)).map(String::from)
    }

    fn with_flags(&self, language: &str) -> Vec<String> {
        let flags = "-std=c++17 -O2 -pipe -fdiagnostics-color=never -fmax-errors=20 -o out";
        let mut command = vec![self.path.clone(), "-x".into(), language.into()];
        command.extend(flags.split(' ').map(String::from));
        command
    }
}

/// What a compilation may use.
pub(crate) fn limits() -> Limits {
    Limits {
        cpu: Duration::from_secs(20),
        wall: Duration::from_secs(60),
        memory_bytes: 2 << 30,
        output_bytes: 1 << 20,
        file_bytes: 256 << 20,
        processes: 32,
    }
}
