use domain::{Checker, Isolation, Language, Program, Submission, Test};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::checker::{checker, is_tolerance};
use crate::limits;

/// A submission with the name that its sender gave it.
#[derive(Debug, Clone)]
pub struct Request {
    /// A text or a number; comes back with the answer as it was.
    pub id: Option<Box<RawValue>>,
    /// What to judge.
    pub submission: Submission,
}

/// Why some JSON is no submission.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It is not JSON, or has a field of another type than expected, or one that is not known.
    #[error("read the submission: {0}")]
    Json(#[from] serde_json::Error),
    /// A field has a value that cannot be used.
    #[error("read `{place}` of the submission: {reason}")]
    Field {
        /// Which field, such as `tests[3].expected`.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl DecodeError {
    pub(crate) fn field(place: impl Into<String>, reason: impl ToString) -> DecodeError {
        DecodeError::Field {
            place: place.into(),
            reason: reason.to_string(),
        }
    }
}

/// The submission as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    id: Option<Box<RawValue>>,
    language: String,
    #[serde(alias = "code")]
    source: String,
    tests: Vec<WireTest>,
    #[serde(default)]
    checker: Option<Box<RawValue>>,
    #[serde(default)]
    limits: limits::Wire,
    #[serde(default)]
    isolation: Option<Isolation>,
    #[serde(default)]
    stop_on_first_failure: bool,
}

/// One test as it is written. Which of the first three fields it has says of what kind it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireTest {
    input: Option<String>,
    python: Option<String>,
    function: Option<String>,
    #[serde(default, deserialize_with = "present")]
    arguments: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "present")]
    expected: Option<Box<RawValue>>,
    expected_any: Option<Vec<Box<RawValue>>>,
}

/// A field that is there, also when it is `null`: a function may be expected to return that.
fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(field).map(Some)
}

/// Reads a submission from JSON:
///
/// ```json
/// {"id": "any", "language": "python", "source": "print(int(input()) + 1)",
///  "tests": [{"input": "1", "expected": "2"}, {"input": "2", "expected": ["3", "3.0"]}],
///  "checker": "tokens", "limits": {"cpu_seconds": 2, "memory_mib": 256}}
/// ```
///
/// A test may also be `{"python": "assert f(1) == 2"}`, or
/// `{"function": "f", "arguments": [1], "expected": 2}` with `expected_any` for several accepted answers.
/// `isolation` is used where the submission names none.
///
/// # Errors
/// On anything else; the message names the place.
pub fn decode(json: &[u8], isolation: Isolation) -> Result<Request, DecodeError> {
    let wire: Wire = serde_json::from_slice(json)?;
    if wire.id.as_deref().is_some_and(|id| !is_name(id)) {
        return Err(DecodeError::field("id", "expected a text or a number"));
    }
    let language: Language = wire
        .language
        .parse()
        .map_err(|error| DecodeError::field("language", error))?;
    let tests = wire.tests.into_iter().enumerate();
    let submission = Submission {
        program: Program {
            language,
            source: wire.source,
        },
        tests: tests
            .map(|(index, test)| {
                self::test(test).map_err(|(field, reason)| {
                    DecodeError::field(format!("tests[{index}]{field}"), reason)
                })
            })
            .collect::<Result<_, _>>()?,
        checker: match wire.checker {
            None => Checker::Lines,
            Some(text) => read_checker(&text)?,
        },
        limits: wire.limits.limits()?,
        isolation: wire.isolation.unwrap_or(isolation),
        stop_on_first_failure: wire.stop_on_first_failure,
    };
    Ok(Request {
        id: wire.id,
        submission,
    })
}

/// The `id` of something that may not be a submission, if it has one.
pub fn id(json: &[u8]) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Named {
        id: Option<Box<RawValue>>,
    }
    let named: Named = serde_json::from_slice(json).ok()?;
    named.id.filter(|id| is_name(id))
}

/// True for what fits on a line of its own: a text or a number.
fn is_name(json: &RawValue) -> bool {
    json.get()
        .starts_with(['"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
}

/// The short name of a checker, or its full form as an object.
fn read_checker(json: &RawValue) -> Result<Checker, DecodeError> {
    let wrong = |reason: String| DecodeError::field("checker", reason);
    if json.get().starts_with('"') {
        let name: String = serde_json::from_str(json.get())?;
        return checker(&name).map_err(|error| wrong(error.to_string()));
    }
    match serde_json::from_str(json.get()) {
        Ok(Checker::Float { tolerance }) if !is_tolerance(tolerance) => {
            Err(wrong("expected a tolerance of 0 or more".into()))
        }
        Ok(checker) => Ok(checker),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Which field of a test is wrong, and why.
type Wrong = (&'static str, String);

fn test(wire: WireTest) -> Result<Test, Wrong> {
    let none = |field: Option<()>, name: &'static str, kind: &str| match field {
        None => Ok(()),
        Some(()) => Err((name, format!("does not belong to {kind}"))),
    };
    let arguments = wire.arguments.as_ref().map(|_| ());
    let expected = wire.expected.as_ref().map(|_| ());
    let expected_any = wire.expected_any.as_ref().map(|_| ());
    match (wire.input, wire.python, wire.function) {
        (Some(input), None, None) => {
            none(arguments, ".arguments", "a test of an output")?;
            none(expected_any, ".expected_any", "a test of an output")?;
            let expected = wire
                .expected
                .ok_or((".expected", "is missing".to_string()))?;
            let expected = accepted_outputs(&expected).map_err(|reason| (".expected", reason))?;
            Ok(Test::Stdio { input, expected })
        }
        (None, Some(code), None) => {
            none(arguments, ".arguments", "a test in Python")?;
            none(expected, ".expected", "a test in Python")?;
            none(expected_any, ".expected_any", "a test in Python")?;
            Ok(Test::Python { code })
        }
        (None, None, Some(function)) => {
            let arguments = wire
                .arguments
                .ok_or((".arguments", "is missing".to_string()))?;
            if !arguments.get().starts_with('[') {
                return Err((".arguments", "expected a list".into()));
            }
            let expected = match (wire.expected, wire.expected_any) {
                (Some(one), None) => vec![one],
                (None, Some(several)) if !several.is_empty() => several,
                (None, Some(_)) => return Err((".expected_any", "is empty".into())),
                _ => return Err((".expected", "expected either this or `expected_any`".into())),
            };
            let text = |value: Box<RawValue>| value.get().to_string();
            Ok(Test::Call {
                function,
                arguments: text(arguments),
                expected: expected.into_iter().map(text).collect(),
            })
        }
        _ => Err((
            "",
            "expected exactly one of `input`, `python` and `function`".into(),
        )),
    }
}

/// One text, or a list of them.
fn accepted_outputs(json: &RawValue) -> Result<Vec<String>, String> {
    let outputs: Vec<String> = if json.get().starts_with('"') {
        serde_json::from_str(json.get()).map(|one| vec![one])
    } else {
        serde_json::from_str(json.get())
    }
    .map_err(|_| "expected a text or a list of texts".to_string())?;
    if outputs.is_empty() {
        return Err("is empty".into());
    }
    Ok(outputs)
}
