//! What the judge knows of a language.
//!
//! Commands are lists of words with placeholders in braces: the key of a tool stands for its path, the key followed by
//! `.directory` for where it really lies (the loader wants to know, for libraries that are found from there, and has no
//! `/proc` to look it up), and these for
//! what their names say: `{flags}`, `{static}`, `{headers}`, `{kind}` and `{input}` for compilers, `{stdlib}` for
//! Kotlin's library, `{heap}` for the memory limit in MiB, `{main}` for the class that begins, `{program}` and `{work}`
//! for the directories with the program and to work in, which only the cell knows.

use crate::protocol;

/// A language's row.
pub(crate) struct Row {
    /// What is said before the version; the name of the first tool's file when empty.
    pub(crate) name: &'static str,
    /// All must be there. The first is the one that settings may name and whose version is reported;
    /// the others are looked for beside it before they are looked for on the search path.
    pub(crate) tools: &'static [Tool],
    /// The arguments with which the first tool prints its version.
    pub(crate) version: &'static [&'static str],
    /// Debian's packages that bring it.
    pub(crate) packages: &'static str,
    /// What it must be able to read besides its programs and libraries:
    /// absolute paths, or paths below the directory where it is installed.
    pub(crate) readable: &'static [&'static str],
    /// How programs are compiled; absent when their source is what runs.
    pub(crate) compile: Option<Compile>,
    /// How they are run.
    pub(crate) run: Run,
    /// Address space in MiB that its runtime maps without using it. It counts where no control group counts memory.
    pub(crate) room: u64,
    /// Threads that its runtime starts by itself.
    pub(crate) threads: u32,
    /// What standard error contains when the runtime ended the program for want of memory.
    pub(crate) out_of_memory: &'static [&'static str],
    /// A program that prints `ok`: when not even this works here, the language is unavailable.
    pub(crate) proof: &'static str,
}

/// A program that a language needs.
pub(crate) struct Tool {
    /// Its placeholder.
    pub(crate) key: &'static str,
    /// Its file's name; the first that is found is taken.
    pub(crate) names: &'static [&'static str],
}

/// How programs are compiled.
pub(crate) struct Compile {
    pub(crate) argv: &'static [&'static str],
    /// What `{flags}` stands for, where several rows share a command.
    pub(crate) flags: &'static [&'static str],
    pub(crate) env: &'static [&'static str],
    pub(crate) source: Source,
    pub(crate) leaves: Leaves,
    /// How the compiler calls what it reads from standard input, and how we do; equal where it knows the name.
    pub(crate) source_names: (&'static str, &'static str),
    /// When these libraries of `tool` are there, `{static}` stands for the flags.
    pub(crate) statically: Option<Statically>,
    /// A header that is worth compiling in advance.
    pub(crate) header: Option<&'static str>,
}

/// How programs are linked statically: they start in less than half the time.
pub(crate) struct Statically {
    /// A compiler driver that knows where libraries are: the key of a tool, or a name on the search path.
    pub(crate) driver: &'static str,
    pub(crate) libraries: &'static [&'static str],
    pub(crate) flags: &'static [&'static str],
}

/// How the compiler gets the source.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// On standard input.
    Stdin,
    /// In a file of this name.
    File(&'static str),
    /// In a file named after its public class, as Java wants it.
    PublicClass,
}

/// What the compiler leaves in its directory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// Machine code in the file `out`.
    Native,
    /// Something in the file `out` that another program runs, under this name.
    File(&'static str),
    /// Class files of the Java virtual machine, in directories after their packages.
    Classes,
}

impl Leaves {
    /// What the cell shall bring back.
    pub(crate) fn artifact(self) -> protocol::Artifact {
        match self {
            Leaves::Native | Leaves::File(_) => protocol::Artifact::Out,
            Leaves::Classes => protocol::Artifact::Files(".class".into()),
        }
    }
}

/// How programs are run.
pub(crate) enum Run {
    /// By themselves.
    Native,
    /// In an interpreter of Python that cells keep ready.
    Zygote,
    /// By another program.
    By {
        argv: &'static [&'static str],
        env: &'static [&'static str],
        /// The file's name where the source itself is run.
        file: &'static str,
    },
}
