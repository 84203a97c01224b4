use domain::Language;
use judge::Judge;
use serde::Serialize;

/// One of ExecEval's names for a compiler or interpreter.
pub(super) struct Runtime {
    pub(super) name: &'static str,
    /// What judges its programs here; the nearest version that we have.
    pub(super) language: Language,
}

const fn runtime(name: &'static str, language: Language) -> Runtime {
    Runtime { name, language }
}

/// Those of its 53 names that mean a language of ours.
pub(super) const RUNTIMES: [Runtime; 51] = [
    runtime("GNU C", Language::C),
    runtime("GNU C11", Language::C),
    runtime("GNU C++", Language::Cpp),
    runtime("GNU C++0x", Language::Cpp),
    runtime("GNU C++11", Language::Cpp),
    runtime("GNU C++14", Language::Cpp),
    runtime("GNU C++17", Language::Cpp),
    runtime("GNU C++17 (64)", Language::Cpp),
    runtime("GNU C++20 (64)", Language::Cpp20),
    runtime("GNU C++20", Language::Cpp20),
    runtime("GNU C++17 Diagnostics", Language::Cpp),
    runtime("Clang++17 Diagnostics", Language::Cpp),
    runtime("Clang++17", Language::Cpp),
    runtime("Clang++20 Diagnostics", Language::Cpp20),
    runtime("Clang++20", Language::Cpp20),
    runtime("Clang++14", Language::Cpp),
    runtime("Clang++11", Language::Cpp),
    runtime("MS C++", Language::Cpp),
    runtime("MS C++ 2017", Language::Cpp),
    runtime("MS C#", Language::CSharp),
    runtime("C# 10", Language::CSharp),
    runtime("C# 8", Language::CSharp),
    runtime("Mono C#", Language::CSharp),
    runtime(".NET Core C#", Language::CSharp),
    runtime("PyPy 3", Language::PyPy),
    runtime("PyPy 3-64", Language::PyPy),
    runtime("Python 3", Language::Python),
    runtime("Python 3 + libs", Language::Python),
    runtime("JavaScript", Language::JavaScript),
    runtime("Node js", Language::JavaScript),
    runtime("Node.js", Language::JavaScript),
    runtime("Rust", Language::Rust),
    runtime("Rust 2021", Language::Rust),
    runtime("Rust 2018", Language::Rust),
    runtime("Rust 2015", Language::Rust),
    runtime("Java 6", Language::Java),
    runtime("Java 7", Language::Java),
    runtime("Java 1.5", Language::Java),
    runtime("Java 8", Language::Java),
    runtime("Java 11", Language::Java),
    runtime("Java 17", Language::Java),
    runtime("PHP", Language::Php),
    runtime("PHP 8.1", Language::Php),
    runtime("Go", Language::Go),
    runtime("Ruby", Language::Ruby),
    runtime("Ruby 3", Language::Ruby),
    runtime("Kotlin", Language::Kotlin),
    runtime("Kotlin 1.4", Language::Kotlin),
    runtime("Kotlin 1.5", Language::Kotlin),
    runtime("Kotlin 1.6", Language::Kotlin),
    runtime("Kotlin 1.7", Language::Kotlin),
];

/// Those that mean a language of their own, which nothing here runs.
const UNAVAILABLE: [&str; 2] = ["Python 2", "PyPy 2"];

/// ExecEval's names for a language.
pub(crate) fn names(language: Language) -> Vec<&'static str> {
    RUNTIMES
        .iter()
        .filter(|runtime| runtime.language == language)
        .map(|runtime| runtime.name)
        .collect()
}

/// What is said of a runtime. The first eight fields are ExecEval's.
#[derive(Serialize)]
pub(super) struct Info {
    runtime_name: &'static str,
    compile_cmd: &'static str,
    compile_flags: &'static str,
    execute_cmd: &'static str,
    execute_flags: &'static str,
    timelimit_factor: u32,
    is_compiled: bool,
    has_sanitizer: bool,
    language: &'static str,
    toolchain: Option<String>,
}

/// The sentence on a runtime that is not on this machine.
pub(super) fn unavailable(name: &str) -> String {
    format!("language unavailable: nothing on this machine runs {name}")
}

impl Runtime {
    /// The runtime of a name.
    ///
    /// # Errors
    /// With a sentence on what is wrong with the name.
    pub(super) fn find(name: Option<&str>) -> Result<&'static Runtime, String> {
        let Some(name) = name else {
            return Err("no language is named".into());
        };
        if UNAVAILABLE.contains(&name) {
            return Err(unavailable(name));
        }
        RUNTIMES
            .iter()
            .find(|runtime| runtime.name == name)
            .ok_or_else(|| {
                format!("unknown language `{name}`; /api/all_runtimes lists those that work")
            })
    }

    pub(super) fn toolchain(&self, judge: &Judge) -> Option<String> {
        judge.toolchain(self.language)
    }

    pub(super) fn info(&self, judge: &Judge) -> Info {
        // Flags are the judge's own, and no client can change them.
        let (compile_cmd, execute_cmd) = match self.language {
            Language::C => ("gcc", ""),
            Language::Cpp | Language::Cpp20 => ("g++", ""),
            Language::Rust => ("rustc", ""),
            Language::Go => ("go", ""),
            Language::Java => ("javac", "java"),
            Language::Kotlin => ("kotlinc", "java"),
            Language::CSharp => ("csc", "mono"),
            Language::Python => ("", "python3"),
            Language::PyPy => ("", "pypy3"),
            Language::JavaScript => ("", "node"),
            Language::Php => ("", "php"),
            Language::Ruby => ("", "ruby"),
        };
        Info {
            runtime_name: self.name,
            compile_cmd,
            compile_flags: "",
            execute_cmd,
            execute_flags: "",
            timelimit_factor: self.language.time_factor(),
            is_compiled: !compile_cmd.is_empty(),
            has_sanitizer: false,
            language: self.language.name(),
            toolchain: self.toolchain(judge),
        }
    }
}
