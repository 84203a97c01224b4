use std::time::Duration;

use domain::{Checker, Harness, Isolation, Limits, Program, Submission, Test};
use serde_json::{Map, Value};

use super::runtime::Runtime;
use crate::limits::{MAX_CPU, MAX_MEMORY_MIB};

/// ExecEval's time limit in seconds, for native code.
const CPU: f64 = 2.0;
/// ExecEval's memory limit in bytes.
const MEMORY: u64 = 2 << 30;

/// What ExecEval is asked to do.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) language: Option<String>,
    source: String,
    tests: Vec<Test>,
    cpu: Duration,
    memory_bytes: u64,
    file_bytes: Option<u64>,
    processes: Option<u32>,
    stop_on_first_fail: bool,
    /// Fields that were set and have no effect here.
    pub(super) ignored: Vec<String>,
}

/// Why a body is no job.
#[derive(Debug, thiserror::Error)]
pub(super) enum JobError {
    #[error("read the request: {0}")]
    Json(#[from] serde_json::Error),
    #[error("read `{0}` of the request: expected {1}")]
    Field(String, &'static str),
}

impl Job {
    /// Reads the body of a request. Carriage returns are taken out of all texts, as ExecEval does it.
    pub(super) fn read(body: &[u8]) -> Result<Job, JobError> {
        let mut job = Fields {
            place: "",
            fields: serde_json::from_slice(body)?,
        };
        let language = job.text("language")?;
        let source = job
            .text("source_code")?
            .ok_or_else(|| job.wrong("source_code", "a text"))?;
        let tests = match job.take("unittests") {
            Some(Value::Array(tests)) => tests,
            _ => return Err(job.wrong("unittests", "a list of tests")),
        };
        let stop_on_first_fail = job.switch("stop_on_first_fail")?.unwrap_or(true);
        let mut ignored = Vec::new();
        // Programs never reach a network, and no source is rewritten.
        if job.switch("block_network")? == Some(false) {
            ignored.push("block_network".to_string());
        }
        if job.switch("use_sanitizer")? == Some(true) {
            ignored.push("use_sanitizer".to_string());
        }
        let mut limits = Fields {
            place: "limits.",
            fields: match job.take("limits") {
                None => Map::new(),
                Some(Value::Object(limits)) => limits,
                Some(_) => return Err(job.wrong("limits", "an object")),
            },
        };
        // What is left are commands, flags, and what ExecEval does not know either.
        job.name_rest(&mut ignored);
        let cpu = limits.number("cpu")?.unwrap_or(CPU);
        if !(cpu > 0.0 && cpu <= MAX_CPU) {
            return Err(limits.wrong("cpu", "a number of seconds, more than 0 and at most 3600"));
        }
        let unlimited = |number: f64| number < 0.0;
        let memory = limits.number("_as")?.filter(|&bytes| !unlimited(bytes));
        let files = limits.number("fsize")?.filter(|&bytes| bytes > 0.0);
        let processes = limits.number("nproc")?.filter(|&n| !unlimited(n));
        limits.name_rest(&mut ignored);
        let tests = tests.into_iter().enumerate();
        Ok(Job {
            language,
            source: without_returns(&source),
            tests: tests
                .map(|(index, test)| read_test(index, test, &mut ignored))
                .collect::<Result<_, _>>()?,
            cpu: Duration::from_secs_f64(cpu),
            memory_bytes: memory.map_or(MEMORY, |bytes| (bytes as u64).min(MAX_MEMORY_MIB << 20)),
            file_bytes: files.map(|bytes| bytes as u64),
            processes: processes.map(|n| n as u32),
            stop_on_first_fail,
            ignored,
        })
    }

    /// What the judge is asked to do. Limits that keep an honest runtime from starting are not taken over:
    /// no fewer processes and no smaller files are allowed than by default.
    pub(super) fn submission(&self, runtime: &Runtime, isolation: Isolation) -> Submission {
        let default = Limits::with_cpu(self.cpu);
        Submission {
            program: Program {
                language: runtime.language,
                source: self.source.clone(),
            },
            tests: self.tests.clone(),
            checker: Checker::Compat {
                harness: Harness::ExecEval,
            },
            limits: Limits {
                memory_bytes: self.memory_bytes,
                file_bytes: default.file_bytes.max(self.file_bytes.unwrap_or(0)),
                processes: default.processes.max(self.processes.unwrap_or(0)),
                ..default
            },
            isolation,
            stop_on_first_failure: self.stop_on_first_fail,
        }
    }
}

/// An object's fields, taken out one after the other. A field that is `null` is as good as absent.
struct Fields {
    /// What stands before the names of fields in messages.
    place: &'static str,
    fields: Map<String, Value>,
}

impl Fields {
    fn wrong(&self, name: &str, expected: &'static str) -> JobError {
        JobError::Field(format!("{}{name}", self.place), expected)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, JobError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "a text")),
        }
    }

    /// Scripts write 0 and 1 too.
    fn switch(&mut self, name: &str) -> Result<Option<bool>, JobError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(switch)) => Ok(Some(switch)),
            Some(Value::Number(number)) => Ok(Some(number.as_f64() != Some(0.0))),
            Some(_) => Err(self.wrong(name, "true or false")),
        }
    }

    fn number(&mut self, name: &str) -> Result<Option<f64>, JobError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(_) => Err(self.wrong(name, "a number")),
        }
    }

    /// Notes the fields that nobody took.
    fn name_rest(&self, ignored: &mut Vec<String>) {
        let rest = self.fields.iter().filter(|(_, value)| !value.is_null());
        ignored.extend(rest.map(|(name, _)| format!("{}{name}", self.place)));
    }
}

/// Fields of ExecEval's answer may come back with a test, as its scripts keep both in one object.
const ANSWERS: [&str; 4] = [
    "result",
    "exec_outcome",
    "time_consumed",
    "peak_memory_consumed",
];

fn read_test(index: usize, test: Value, ignored: &mut Vec<String>) -> Result<Test, JobError> {
    let wrong = |field: &str, expected| {
        Err(JobError::Field(
            format!("unittests[{index}]{field}"),
            expected,
        ))
    };
    let Value::Object(mut fields) = test else {
        return wrong("", "an object");
    };
    let Some(Value::String(input)) = fields.remove("input") else {
        return wrong(".input", "a text");
    };
    let outputs = match fields.remove("output") {
        None => Vec::new(),
        Some(Value::Array(outputs)) => outputs,
        Some(_) => return wrong(".output", "a list of texts"),
    };
    let mut expected = Vec::with_capacity(outputs.len());
    for output in outputs {
        match output {
            Value::String(output) => expected.push(without_returns(&output)),
            _ => return wrong(".output", "a list of texts"),
        }
    }
    for name in fields
        .keys()
        .filter(|name| !ANSWERS.contains(&name.as_str()))
    {
        let name = format!("unittests.{name}");
        if !ignored.contains(&name) {
            ignored.push(name);
        }
    }
    Ok(Test::Stdio {
        input: without_returns(&input),
        expected,
    })
}

fn without_returns(text: &str) -> String {
    text.replace('\r', "")
}
