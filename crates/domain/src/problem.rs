use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a program may use in one test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// CPU time of the program and all its children.
    pub cpu: Duration,
    /// Time on the clock; catches programs that wait instead of working.
    pub wall: Duration,
    /// Memory of the program and all its children.
    pub memory_bytes: u64,
    /// Standard output, and standard error each.
    pub output_bytes: u64,
    /// The largest file it may write.
    pub file_bytes: u64,
    /// Processes and threads at the same time.
    pub processes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits::with_cpu(Duration::from_secs(5))
    }
}

impl Limits {
    /// The default limits around a given CPU limit: the wall limit follows as three times as much and a second.
    pub fn with_cpu(cpu: Duration) -> Limits {
        Limits {
            cpu,
            wall: cpu * 3 + Duration::from_secs(1),
            memory_bytes: 512 << 20,
            output_bytes: 16 << 20,
            file_bytes: 16 << 20,
            processes: 64,
        }
    }
}

/// What kind of program answers a problem.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Form {
    /// A whole program that reads standard input and writes standard output.
    Stdio,
    /// A Python function.
    Function {
        /// Its name.
        entry_point: String,
        /// Source that the statement gives: imports, helpers, and the function's head with its docstring.
        /// Empty when the statement only names the function.
        prompt: String,
    },
}

/// One test of a program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Test {
    /// Feeds standard input and compares standard output.
    Stdio {
        /// The bytes on standard input.
        input: String,
        /// Accepted outputs: any one suffices.
        expected: Vec<String>,
    },
    /// Python statements that call the program's functions and assert what they return.
    /// They run in a trusted interpreter; the program never sees them.
    Python {
        /// The statements. Names that they use and do not define are the program's.
        code: String,
    },
    /// Calls a function of a Python program, or a method of its class `Solution`, and compares what it returns.
    /// The values are JSON texts, so that integers keep all their digits.
    Call {
        /// The name of the function.
        function: String,
        /// A JSON array: the arguments in their order.
        arguments: String,
        /// Accepted answers, each a JSON value: any one suffices.
        expected: Vec<String>,
    },
}

/// What a strategy may see of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Unique within its data set, such as `HumanEval/23`.
    pub id: String,
    /// The full text, without the samples where they are listed apart.
    pub statement: String,
    /// What kind of program is wanted.
    pub form: Form,
    /// Visible tests.
    pub samples: Vec<Test>,
    /// What a program may use in one test.
    pub limits: Limits,
    /// As the data set says it; absent when it does not.
    pub difficulty: Option<String>,
    /// As the data set says them.
    pub tags: Vec<String>,
}

/// Tests that decide a score. A type of its own, so that no strategy can be handed one by mistake.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HiddenTests(Vec<Test>);

impl HiddenTests {
    /// Hides some tests.
    pub fn new(tests: Vec<Test>) -> HiddenTests {
        HiddenTests(tests)
    }

    /// True when there is nothing to score with.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// For the final judging only; no strategy may call this.
    pub fn reveal(&self) -> &[Test] {
        &self.0
    }
}

/// A problem with the tests that score it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// What the strategy sees.
    pub problem: Problem,
    /// What the score is made of.
    pub hidden: HiddenTests,
}
