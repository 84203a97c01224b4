//! Checkers that are programs: C++ against testlib's interface, or with a testlib of their own inside.
//!
//! They run in a sandbox like any program. Their three texts come on standard input, because not every sandbox has
//! a place for files.

use std::time::Duration;

use domain::{Digest, Exit, Limits};

use super::{Decision, Opinion, first_right};
use crate::handle::Run;
use crate::protocol::Hit;
use crate::queue::Executable;

const HEADER: &str = include_str!("testlib.h");
const DRIVER: &str = include_str!("driver.h");

/// A compiled checker.
#[derive(Clone)]
pub(crate) struct Program {
    /// By which errors name it.
    name: String,
    pub(crate) executable: Executable,
}

impl Program {
    /// The checker of a source, once it is compiled.
    pub(crate) fn new(source: &str, executable: Executable) -> Program {
        let name = name(source);
        Program { name, executable }
    }

    /// Looks at an output. `run` runs the checker with some standard input.
    ///
    /// # Errors
    /// What `run` fails with, or what is wrong with the checker, as `fault` puts it.
    pub(crate) fn decide<E>(
        &self,
        [input, output]: [&[u8]; 2],
        expected: &[String],
        mut run: impl FnMut(&[u8]) -> Result<Run, E>,
        fault: impl FnOnce(String) -> E,
    ) -> Result<Opinion, E> {
        let mut broken = None;
        let decision = first_right(expected, |answer| {
            match run(&texts([input, output, answer.as_bytes()])) {
                Ok(run) => self.opinion(&run),
                Err(error) => {
                    broken.get_or_insert(error);
                    Err(String::new())
                }
            }
        });
        match broken {
            Some(error) => Err(error),
            None => decision.map_err(fault),
        }
    }

    fn opinion(&self, run: &Run) -> Decision {
        let stderr = String::from_utf8_lossy(&run.stderr);
        let said = stderr.lines().next().unwrap_or_default().trim();
        let said: String = said.chars().take(400).collect();
        let without = |title: &str| said.strip_prefix(title).unwrap_or(&said).trim().to_string();
        let fault = match (run.outcome.hit, run.outcome.exit) {
            (Some(Hit::Cpu | Hit::Wall), _) => "it ran out of time".to_string(),
            (Some(Hit::Memory), _) => "it ran out of memory".to_string(),
            (Some(Hit::Output), _) => "it wrote too much".to_string(),
            _ if run.outcome.oom => "it ran out of memory".to_string(),
            (None, Some(Exit::Code(0))) => return Ok(Opinion::Right),
            (None, Some(Exit::Code(1))) => return Ok(Opinion::Wrong(without("wrong answer"))),
            // Testlib has further codes for output that goes on too long or ends too soon.
            (None, Some(Exit::Code(2 | 4 | 8))) => {
                let reason = without("wrong output format");
                return Ok(Opinion::Wrong(format!("wrong output format: {reason}")));
            }
            (None, Some(Exit::Code(3))) => format!("it fails: {said}"),
            (None, Some(Exit::Code(7))) => format!("it gives points and decides nothing: {said}"),
            (None, Some(Exit::Code(code))) => format!("it ended with code {code}: {said}"),
            (None, Some(Exit::Signal(signal))) => format!("it ended by signal {signal}: {said}"),
            (None, None) => "it did not end".to_string(),
        };
        Err(format!("{}: {fault}", self.name))
    }
}

/// How errors call a checker.
pub(crate) fn name(source: &str) -> String {
    format!("custom checker {}", Digest::of(source).short())
}

/// The whole program of a checker: where it includes testlib's header, it gets ours.
pub(crate) fn assembled(source: &str) -> String {
    let mut program = format!("{DRIVER}\n#define main judge_checker\n#line 1 \"checker.cpp\"\n");
    for (idx, line) in source.lines().enumerate() {
        if includes_testlib(line) {
            program += &format!("{HEADER}\n#line {} \"checker.cpp\"\n", idx + 2);
        } else {
            program += line;
            program.push('\n');
        }
    }
    program + "\n#undef main\nint main() { return judge_run(judge_checker); }\n"
}

fn includes_testlib(line: &str) -> bool {
    let directive = line.trim_start().strip_prefix('#').map(str::trim_start);
    let Some(file) = directive.and_then(|directive| directive.strip_prefix("include")) else {
        return false;
    };
    let file = file.trim_start().trim_start_matches(['"', '<']);
    let file = file.split(['"', '>']).next().unwrap_or(file);
    file.rsplit('/').next() == Some("testlib.h")
}

/// Three texts with their lengths before them.
fn texts(texts: [&[u8]; 3]) -> Vec<u8> {
    let [input, output, answer] = texts.map(<[u8]>::len);
    let mut bytes = format!("{input} {output} {answer}\n").into_bytes();
    texts.iter().for_each(|text| bytes.extend_from_slice(text));
    bytes
}

/// What a checker may use for one output.
pub(crate) fn limits() -> Limits {
    Limits {
        memory_bytes: 1 << 30,
        output_bytes: 1 << 20,
        ..Limits::with_cpu(Duration::from_secs(10))
    }
}
