use domain::{Form, HiddenTests, Problem, Task, Test};
use serde::{Deserialize, Serialize};

/// A user's own problem as its file spells it. Its JSON form is this struct; unknown keys are refused by name.
///
/// ```json
/// {
///   "title": "Sum of two",
///   "statement": "Read two integers and print their sum.",
///   "samples": [{"input": "1 2\n", "output": "3\n"}],
///   "tests": [{"input": "-5 5\n", "outputs": ["0\n", "-0\n"]}],
///   "limits": {"time_seconds": 2, "memory_mib": 256}
/// }
/// ```
///
/// A problem that asks for a Python function has a `function` and tests of the form `{"assert": "assert f(1) == 2"}`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnProblem {
    /// Unique within its data set; by default the file's name without its ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A few words.
    pub title: String,
    /// What the program must do, in Markdown.
    pub statement: String,
    /// The beginning of the wanted Python function; absent when a whole program is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<OwnFunction>,
    /// Tests that everybody sees.
    #[serde(default)]
    pub samples: Vec<OwnTest>,
    /// Tests that decide whether the problem is solved, and that no model sees.
    #[serde(default)]
    pub tests: Vec<OwnTest>,
    /// What a program may use in one test.
    #[serde(default)]
    pub limits: OwnLimits,
    /// How hard it is, in any words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// A Python function that is given by its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnFunction {
    /// Its name.
    pub name: String,
    /// Imports, helpers, its head and its documentation.
    pub prompt: String,
}

/// One test: either `input` with `output` (or several accepted `outputs`), or an `assert`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnTest {
    /// What the program reads on standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// What it must write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What it may write, where several answers are right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
    /// Python statements that call the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assert: Option<String>,
}

/// What a program may use in one test; what is absent has the usual value.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnLimits {
    /// CPU time in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_seconds: Option<f64>,
    /// Memory in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
}

impl OwnTest {
    /// An assert test.
    pub fn python(code: impl Into<String>) -> OwnTest {
        OwnTest {
            assert: Some(code.into()),
            ..OwnTest::default()
        }
    }

    /// An input and the outputs of which any one suffices.
    pub fn stdio(input: impl Into<String>, outputs: Vec<String>) -> OwnTest {
        OwnTest {
            input: Some(input.into()),
            outputs,
            ..OwnTest::default()
        }
    }

    fn into_test(self, wants_function: bool) -> Result<Test, String> {
        let outputs: Vec<String> = self.output.into_iter().chain(self.outputs).collect();
        match (self.assert, self.input) {
            (Some(_), None) if !wants_function => {
                Err("an assert needs a function; give its head, or use `input` and `output`".to_string())
            }
            (Some(code), None) if outputs.is_empty() => Ok(Test::Python { code }),
            (None, Some(_)) if wants_function => {
                Err("this problem asks for a function, so its tests are asserts, not `input` and `output`".to_string())
            }
            (None, Some(_)) if outputs.is_empty() => Err("the `input` has no `output`; add it".to_string()),
            (None, Some(input)) => Ok(Test::Stdio {
                input,
                expected: outputs,
            }),
            (None, None) => Err("it is empty; give `input` and `output`, or an `assert`".to_string()),
            (Some(_), _) => Err("it has an `assert` and an `input` or `output`; keep one of the two".to_string()),
        }
    }
}

impl OwnProblem {
    /// The task that the file describes.
    ///
    /// # Errors
    /// What is wrong with its content and what to do about it.
    pub(super) fn into_task(self, default_id: &str) -> Result<Task, String> {
        let wants_function = self.function.is_some();
        let tests = |name: &str, tests: Vec<OwnTest>| -> Result<Vec<Test>, String> {
            (1..)
                .zip(tests)
                .map(|(number, test)| {
                    test.into_test(wants_function)
                        .map_err(|what| format!("{name} {number}: {what}"))
                })
                .collect()
        };
        let mut statement = format!("# {}\n\n{}\n", self.title.trim(), self.statement.trim());
        let form = match self.function {
            None => Form::Stdio,
            Some(function) => {
                statement.push_str(&format!(
                    "\nWrite the Python function `{}`. It begins like this:\n\n```python\n{}\n```\n",
                    function.name,
                    function.prompt.trim()
                ));
                Form::Function {
                    entry_point: function.name,
                    prompt: function.prompt,
                }
            }
        };
        Ok(Task {
            problem: Problem {
                id: self.id.unwrap_or_else(|| default_id.to_string()),
                statement,
                form,
                samples: tests("sample", self.samples)?,
                limits: super::limits(&self.limits)?,
                difficulty: self.difficulty,
                tags: self.tags,
            },
            hidden: HiddenTests::new(tests("test", self.tests)?),
        })
    }
}
