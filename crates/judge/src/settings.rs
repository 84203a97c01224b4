use std::collections::BTreeMap;
use std::path::PathBuf;

use domain::{Language, Rung};

/// How a judge works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Runs at the same time; one per core is best.
    pub n_cells: usize,
    /// The weakest sandbox to accept; a machine that cannot give it is an error.
    /// [`Rung::Weak`] accepts resource limits alone.
    pub min_rung: Rung,
    /// The strongest sandbox to try.
    pub max_rung: Rung,
    /// Where interpreters and compilers are looked for, in order.
    pub search_path: Vec<PathBuf>,
    /// The compiler or interpreter of a language (for Java: `javac`), in place of the one on the search path.
    pub tools: BTreeMap<Language, PathBuf>,
    /// Bytes that a program may keep in files during a run, all together.
    pub disk_bytes: u64,
    /// Runs after which a cell is replaced by a fresh one.
    pub runs_per_cell: u32,
    /// Where precompiled headers are kept (about 100 MB).
    /// Without it, every C++ program that includes `bits/stdc++.h` takes a second longer to compile.
    pub cache_dir: Option<PathBuf>,
    /// Where compilers may write, and programs of several files lie, on rungs without a file system of their own.
    pub scratch_dir: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            n_cells: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            min_rung: Rung::Landlock,
            max_rung: Rung::Full,
            search_path: ["/usr/local/bin", "/usr/bin", "/bin"]
                .map(PathBuf::from)
                .to_vec(),
            tools: BTreeMap::new(),
            disk_bytes: 64 << 20,
            runs_per_cell: 1000,
            cache_dir: None,
            scratch_dir: PathBuf::from("/tmp"),
        }
    }
}
