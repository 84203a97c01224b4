//! Compiling, in a cell with larger limits where no test is present.

use std::sync::{Arc, PoisonError};

use domain::{Exit, Isolation, Language, Program};

use crate::bundle;
use crate::handle::Run;
use crate::languages::{
    Header, Leaves, Source, Toolchain, compile_limits, main_class, public_class,
};
use crate::protocol::{Artifact, Hit, Task, raw};
use crate::queue::{Compiled, Executable};
use crate::sys;
use crate::verdict::head;
use crate::worker::{Place, Worker, allowance, memory};

impl Worker {
    /// Makes a program ready to run.
    pub(crate) fn compile(
        &mut self,
        program: &Program,
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<Compiled, String> {
        let shared = Arc::clone(&self.shared);
        let toolchain = shared.toolchains.get(program.language)?;
        let Some(how) = &toolchain.row().compile else {
            return Err("nothing to compile".into());
        };
        let facts = toolchain.facts(&shared.settings)?;
        let source = &program.source;
        let file = match how.source {
            Source::Stdin => None,
            Source::File(name) => Some(name.to_string()),
            Source::PublicClass => {
                let name = public_class(source).unwrap_or_else(|| "Main".into());
                Some(format!("{name}.java"))
            }
        };
        let header = match how.header {
            Some(name) if source.contains(name) => self.header(toolchain, is_unwanted),
            _ => None,
        };
        let input = file.as_deref().unwrap_or("-");
        let task = Task::Compile {
            argv: toolchain.compile_command(how, facts, header.as_ref(), input),
            env: toolchain.compile_environment(how),
            source: file,
            artifact: how.leaves.artifact(),
        };
        let run = self.compiler(task, source, is_unwanted)?;
        let (theirs, ours) = how.source_names;
        let mut log = log_of(&run);
        if !theirs.is_empty() {
            log = log.replace(theirs, ours);
        }
        let succeeded = run.outcome.hit.is_none() && run.outcome.exit == Some(Exit::Code(0));
        if !succeeded {
            return Ok(Compiled {
                executable: None,
                log,
            });
        }
        let artifact = run.artifact.ok_or("the compiler left no program")?;
        let language = program.language;
        let executable = match how.leaves {
            Leaves::Native => Some(Executable::Binary(language, Arc::new(artifact))),
            Leaves::File(name) => {
                let bytes = sys::read_all_sealed(&artifact).map_err(|error| error.to_string())?;
                Some(files(language, &[(name, bytes)], String::new())?)
            }
            Leaves::Classes => {
                let bytes = sys::read_all_sealed(&artifact).map_err(|error| error.to_string())?;
                let classes = bundle::decode(&bytes).ok_or("the cell sent no bundle")?;
                match main_class(&classes, source) {
                    Some(main) => Some(files(language, &classes, main)?),
                    None => {
                        log.push_str("no class has a method `public static void main(String[])`");
                        None
                    }
                }
            }
        };
        Ok(Compiled { executable, log })
    }

    /// The precompiled header, made first if there is a cache without it. `None` when it cannot be had.
    fn header(&mut self, toolchain: &Toolchain, is_unwanted: &dyn Fn() -> bool) -> Option<Header> {
        let shared = Arc::clone(&self.shared);
        let header = toolchain.header(&shared.settings)?;
        if header.is_ready() {
            return Some(header);
        }
        // One thread makes it; the others compile without it in the meantime, and so do all if it cannot be made.
        {
            let tried = shared.headers_tried.lock();
            let mut tried = tried.unwrap_or_else(PoisonError::into_inner);
            if tried.contains(&header) {
                return None;
            }
            tried.push(header.clone());
        }
        let source = toolchain.locate(&shared.settings, header.name)?;
        let task = Task::Compile {
            argv: toolchain.header_command(toolchain.row().compile.as_ref()?, &source),
            env: Vec::new(),
            source: None,
            artifact: Artifact::Out,
        };
        let run = self.compiler(task, "", is_unwanted).ok()?;
        header.store(run.artifact?).ok()?;
        Some(header)
    }

    /// Runs a compiler in its cell.
    fn compiler(
        &mut self,
        task: Task,
        source: &str,
        is_unwanted: &dyn Fn() -> bool,
    ) -> Result<Run, String> {
        let source = memory(source.as_bytes())?;
        let allowance = allowance(&compile_limits());
        let mut cell = self.take(Place::Compile)?;
        cell.send(task, allowance, Isolation::Pooled, &raw([&source]))?;
        let run = cell.receive(&allowance, is_unwanted)?;
        self.put_back(Place::Compile, cell, &run);
        Ok(run)
    }
}

/// A program of files.
pub(crate) fn files<N: AsRef<str>, B: AsRef<[u8]>>(
    language: Language,
    files: &[(N, B)],
    main: String,
) -> Result<Executable, String> {
    let files = sys::sealed(c"program", &bundle::encode(files))
        .map_err(|error| format!("memory for the program: {error}"))?;
    Ok(Executable::Files {
        language,
        files: Arc::new(files),
        main,
    })
}

/// What a compiler said, and at which limit it was stopped.
fn log_of(run: &Run) -> String {
    let said = [head(&run.stderr), head(&run.stdout)].concat();
    let stopped = match run.outcome.hit {
        Some(Hit::Cpu | Hit::Wall) => "the compiler ran out of time\n",
        Some(Hit::Output) => "the compiler wrote too much\n",
        Some(Hit::Memory) => "the compiler ran out of memory\n",
        None if run.outcome.oom => "the compiler ran out of memory\n",
        None => "",
    };
    format!("{stopped}{said}")
}
