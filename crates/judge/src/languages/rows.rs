//! The table of languages.

use domain::Language;

use super::row::{Compile, Leaves, Row, Run, Source, Statically, Tool};

/// The row of a language.
pub(crate) fn row(language: Language) -> &'static Row {
    match language {
        Language::Python => &PYTHON,
        Language::PyPy => &PYPY,
        Language::C => &C,
        Language::Cpp => &CPP,
        Language::Cpp20 => &CPP20,
        Language::Rust => &RUST,
        Language::Java => &JAVA,
        Language::JavaScript => &JAVASCRIPT,
        Language::Go => &GO,
        Language::CSharp => &CSHARP,
        Language::Kotlin => &KOTLIN,
        Language::Php => &PHP,
        Language::Ruby => &RUBY,
    }
}

/// What rows leave out.
const PLAIN: Row = Row {
    name: "",
    tools: &[],
    version: &["--version"],
    packages: "",
    readable: &[],
    compile: None,
    run: Run::Native,
    room: 0,
    threads: 0,
    out_of_memory: &[],
    proof: "",
};

/// For runtimes that take from it how they write, and how names of files and classes are spelt.
const UTF8: &str = "LANG=C.UTF-8";

const PLAIN_COMPILE: Compile = Compile {
    argv: &[],
    flags: &[],
    env: &[],
    source: Source::Stdin,
    leaves: Leaves::Native,
    source_names: ("", ""),
    statically: None,
    header: None,
};

static PYTHON: Row = Row {
    name: "CPython",
    tools: &[Tool {
        key: "python",
        names: &["python3", "python"],
    }],
    packages: "python3",
    run: Run::Zygote,
    proof: "print('ok')",
    ..PLAIN
};

static PYPY: Row = Row {
    name: "PyPy",
    tools: &[Tool {
        key: "pypy",
        names: &["pypy3"],
    }],
    // The version of the language belongs to it, since programs depend on that one.
    version: &[
        "-c",
        "import sys; print('%d.%d.%d' % sys.pypy_version_info[:3] + ' (Python %d.%d.%d)' % sys.version_info[:3])",
    ],
    packages: "pypy3",
    run: Run::Zygote,
    room: 512,
    threads: 4,
    out_of_memory: &["\nMemoryError"],
    proof: "print('ok')",
    ..PLAIN
};

static C: Row = Row {
    tools: &[Tool {
        key: "cc",
        names: &["gcc", "clang", "cc"],
    }],
    version: &["-dumpfullversion", "-dumpversion"],
    packages: "gcc libc6-dev",
    compile: Some(Compile {
        argv: &[
            "{cc}",
            "-x",
            "c",
            "-std=gnu17",
            "-O2",
            "-pipe",
            "-DONLINE_JUDGE",
            "-fdiagnostics-color=never",
            "-fmax-errors=20",
            "-s",
            "{static}",
            "-o",
            "out",
            "-",
            "-lm",
        ],
        source_names: ("<stdin>", "main.c"),
        statically: Some(Statically {
            driver: "cc",
            libraries: &["libc.a"],
            flags: &["-static"],
        }),
        ..PLAIN_COMPILE
    }),
    proof: "#include <stdio.h>\nint main() { puts(\"ok\"); }",
    ..PLAIN
};

static CPP: Row = Row {
    compile: Some(Compile {
        flags: &["-std=c++17"],
        ..CPP_COMPILE
    }),
    ..CPP_ROW
};

static CPP20: Row = Row {
    compile: Some(Compile {
        flags: &["-std=c++20"],
        ..CPP_COMPILE
    }),
    ..CPP_ROW
};

const CPP_ROW: Row = Row {
    tools: &[Tool {
        key: "c++",
        names: &["g++", "clang++", "c++"],
    }],
    version: &["-dumpfullversion", "-dumpversion"],
    packages: "g++",
    proof: "#include <iostream>\nint main() { std::cout << \"ok\\n\"; }",
    ..PLAIN
};

const CPP_COMPILE: Compile = Compile {
    argv: &[
        "{c++}",
        "-x",
        "{kind}",
        "{flags}",
        "-O2",
        "-pipe",
        "-DONLINE_JUDGE",
        "-fdiagnostics-color=never",
        "-fmax-errors=20",
        "{static}",
        "{headers}",
        "-o",
        "out",
        "{input}",
    ],
    source_names: ("<stdin>", "main.cpp"),
    statically: Some(Statically {
        driver: "c++",
        libraries: &["libstdc++.a", "libc.a"],
        flags: &["-static", "-s"],
    }),
    header: Some("bits/stdc++.h"),
    ..PLAIN_COMPILE
};

static RUST: Row = Row {
    name: "rustc",
    tools: &[
        Tool {
            key: "rustc",
            names: &["rustc"],
        },
        Tool {
            key: "cc",
            names: &["cc", "gcc", "clang"],
        },
    ],
    packages: "rustc",
    compile: Some(Compile {
        argv: &[
            "{rustc}",
            "--edition=2021",
            "--crate-name=main",
            "-O",
            "-C",
            "linker={cc}",
            "-C",
            "strip=symbols",
            // The linker that some versions bring along looks itself up in `/proc`.
            "-C",
            "link-arg=-fuse-ld=bfd",
            "{static}",
            "--color=never",
            "-o",
            "out",
            "-",
        ],
        env: &["LD_ORIGIN_PATH={rustc.directory}"],
        source_names: ("<anon>", "main.rs"),
        statically: Some(Statically {
            driver: "cc",
            libraries: &["libc.a"],
            flags: &[
                "-C",
                "target-feature=+crt-static",
                "-C",
                "relocation-model=static",
            ],
        }),
        ..PLAIN_COMPILE
    }),
    out_of_memory: &["memory allocation of "],
    proof: "fn main() { println!(\"ok\"); }",
    ..PLAIN
};

/// The heap may grow to the memory limit. Running out of it ends the program and says so on standard error.
const JVM: &[&str] = &[
    "{java}",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-XX:ReservedCodeCacheSize=64m",
    "-Xms16m",
    "-Xmx{heap}m",
    "-Xss64m",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:+DisplayVMOutputToStderr",
    "-Dfile.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
    "-Dstderr.encoding=UTF-8",
    "-DONLINE_JUDGE=true",
    "-cp",
    "{program}:{stdlib}",
    "{main}",
];

const JVM_RUN: Run = Run::By {
    argv: JVM,
    env: &["LD_ORIGIN_PATH={java.directory}", UTF8],
    file: "",
};

const JVM_OUT_OF_MEMORY: &[&str] = &[
    "Terminating due to java.lang.OutOfMemoryError",
    "insufficient memory for the Java Runtime Environment",
    "Could not reserve enough space",
];

/// Stacks of threads are 64 MiB of address space each.
const JVM_ROOM: u64 = 8 << 10;

static JAVA: Row = Row {
    name: "OpenJDK",
    tools: &[
        Tool {
            key: "javac",
            names: &["javac"],
        },
        Tool {
            key: "java",
            names: &["java"],
        },
    ],
    version: &["-version"],
    packages: "default-jdk-headless",
    readable: JVM_READABLE,
    compile: Some(Compile {
        argv: &[
            "{javac}",
            "-J-XX:+UseSerialGC",
            "-J-XX:TieredStopAtLevel=1",
            "-J-XX:-UsePerfData",
            "-J-Xmx1g",
            "-encoding",
            "UTF-8",
            "-proc:none",
            "-nowarn",
            "-Xmaxerrs",
            "20",
            "-Xdiags:verbose",
            "-implicit:none",
            "-d",
            ".",
            "{input}",
        ],
        env: &["LD_ORIGIN_PATH={javac.directory}", UTF8],
        source: Source::PublicClass,
        leaves: Leaves::Classes,
        ..PLAIN_COMPILE
    }),
    run: JVM_RUN,
    room: JVM_ROOM,
    threads: 32,
    out_of_memory: JVM_OUT_OF_MEMORY,
    proof: "class Main { public static void main(String[] a) { System.out.println(\"ok\"); } }",
};

const JVM_READABLE: &[&str] = &[
    "conf",
    "jmods",
    "release",
    "/etc/java-11-openjdk",
    "/etc/java-17-openjdk",
    "/etc/java-21-openjdk",
    "/etc/java-25-openjdk",
];

static JAVASCRIPT: Row = Row {
    name: "Node.js",
    tools: &[Tool {
        key: "node",
        names: &["node", "nodejs"],
    }],
    packages: "nodejs",
    run: Run::By {
        argv: &[
            "{node}",
            "--stack-size=65500",
            "--max-old-space-size={heap}",
            "{program}/main.js",
        ],
        env: &["NODE_DISABLE_COLORS=1", "OPENSSL_CONF=/dev/null"],
        file: "main.js",
    },
    room: 4 << 10,
    threads: 16,
    out_of_memory: &[
        "JavaScript heap out of memory",
        "Array buffer allocation failed",
    ],
    proof: "console.log('ok')",
    ..PLAIN
};

static GO: Row = Row {
    name: "Go",
    tools: &[Tool {
        key: "go",
        names: &["go"],
    }],
    version: &["version"],
    packages: "golang-go",
    readable: &["pkg", "src", "VERSION", "go.env"],
    compile: Some(Compile {
        argv: &["{go}", "build", "-ldflags=-s -w", "-o", "out", "main.go"],
        env: &[
            "GOCACHE={work}/.cache",
            "GOPATH={work}/.path",
            "GOTMPDIR={work}",
            "GO111MODULE=off",
            "GOPROXY=off",
            "GOTOOLCHAIN=local",
            "GOTELEMETRY=off",
            "CGO_ENABLED=0",
        ],
        source: Source::File("main.go"),
        ..PLAIN_COMPILE
    }),
    room: 256,
    threads: 16,
    out_of_memory: &[
        "fatal error: runtime: out of memory",
        "runtime: cannot allocate memory",
    ],
    proof: "package main\nimport \"fmt\"\nfunc main() { fmt.Println(\"ok\") }",
    ..PLAIN
};

static CSHARP: Row = Row {
    name: "Mono",
    tools: &[
        Tool {
            key: "mono",
            names: &["mono"],
        },
        Tool {
            key: "mcs",
            names: &["mcs"],
        },
    ],
    packages: "mono-mcs",
    readable: &["/etc/mono"],
    compile: Some(Compile {
        argv: &[
            "{mcs}",
            "-nologo",
            "-optimize+",
            "-define:ONLINE_JUDGE",
            "-codepage:utf8",
            "-r:System.Numerics.dll",
            "-out:out",
            "main.cs",
        ],
        source: Source::File("main.cs"),
        leaves: Leaves::File("main.exe"),
        ..PLAIN_COMPILE
    }),
    run: Run::By {
        argv: &["{mono}", "--gc=sgen", "{program}/main.exe"],
        env: &[UTF8, "MONO_GC_PARAMS=max-heap-size={heap}m"],
        file: "",
    },
    room: 1 << 10,
    threads: 16,
    out_of_memory: &["System.OutOfMemoryException", "Out of memory"],
    proof: "class P { static void Main() { System.Console.WriteLine(\"ok\"); } }",
    ..PLAIN
};

static KOTLIN: Row = Row {
    name: "Kotlin",
    tools: &[
        Tool {
            key: "kotlinc",
            names: &["kotlinc"],
        },
        Tool {
            key: "java",
            names: &["java"],
        },
    ],
    version: &["-version"],
    packages: "kotlin",
    readable: JVM_READABLE,
    compile: Some(Compile {
        argv: &["{kotlinc}", "-nowarn", "-no-reflect", "-d", ".", "main.kt"],
        env: &[
            "JAVACMD={java}",
            "LD_ORIGIN_PATH={java.directory}",
            UTF8,
            "JAVA_OPTS=-Xmx1g -Xms64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData",
        ],
        source: Source::File("main.kt"),
        leaves: Leaves::Classes,
        ..PLAIN_COMPILE
    }),
    run: JVM_RUN,
    room: JVM_ROOM,
    threads: 32,
    out_of_memory: JVM_OUT_OF_MEMORY,
    proof: "fun main() { println(\"ok\") }",
};

static PHP: Row = Row {
    name: "PHP",
    tools: &[Tool {
        key: "php",
        names: &["php"],
    }],
    packages: "php-cli",
    readable: &["/etc/php"],
    run: Run::By {
        argv: &[
            "{php}",
            "-d",
            "memory_limit=-1",
            "-d",
            "display_errors=stderr",
            "-d",
            "log_errors=0",
            "-d",
            "opcache.enable_cli=0",
            "{program}/main.php",
        ],
        env: &[],
        file: "main.php",
    },
    room: 64,
    threads: 2,
    out_of_memory: &["Out of memory", "Allowed memory size"],
    proof: "<?php echo \"ok\\n\";",
    ..PLAIN
};

static RUBY: Row = Row {
    name: "Ruby",
    tools: &[Tool {
        key: "ruby",
        names: &["ruby"],
    }],
    packages: "ruby",
    run: Run::By {
        argv: &["{ruby}", "-W0", "-E", "UTF-8", "{program}/main.rb"],
        env: &["RUBY_THREAD_VM_STACK_SIZE=67108864"],
        file: "main.rb",
    },
    room: 256,
    threads: 4,
    out_of_memory: &["NoMemoryError"],
    proof: "puts 'ok'",
    ..PLAIN
};
