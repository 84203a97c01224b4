//! What a case of the suite is.

use std::time::Duration;

use domain::{CaseReport, Checker, Isolation, Judging, Language, Limits, Program, Rung};
use domain::{Submission, Test, Verdict};

/// In what way cases are judged.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub(super) isolation: Isolation,
    /// How often each test is in its submission. Two or more Python tests are first run together.
    pub(super) n_tests: usize,
}

/// In a cell that other runs share.
pub(super) const POOLED: How = How {
    isolation: Isolation::Pooled,
    n_tests: 1,
};

/// In namespaces of their own.
pub(super) const FRESH: How = How {
    isolation: Isolation::Fresh,
    ..POOLED
};

/// Twice in one submission, so that tests are run together first.
pub(super) const TOGETHER: How = How {
    n_tests: 2,
    ..POOLED
};

/// One program, and what the judge must say of it.
#[derive(Clone, Copy)]
pub(super) struct Case {
    /// Which of the 71 numbered cases it belongs to.
    pub(super) number: u8,
    pub(super) title: &'static str,
    attack: Attack,
    input: Text,
    expected: Text,
    limits: Limits,
    verdicts: &'static [Verdict],
    exceptions: &'static [Exception],
    /// What is right in namespaces of its own, where that is something else, and why.
    when_fresh: Option<(&'static [Verdict], &'static str)>,
    evidence: Option<Evidence>,
    /// One of testlib's standard checkers, in place of the comparison line by line.
    checker: Option<&'static str>,
    /// How often it is judged; it must be judged alike each time.
    pub(super) times: usize,
}

/// What is more to be true of the report of a case.
type Evidence = fn(&CaseReport) -> bool;

#[derive(Clone, Copy)]
enum Attack {
    /// A whole program.
    Whole(Language, Text),
    /// A function of `attacks.cpp`.
    Native(&'static str),
    /// A Python program that answers the calls of test code.
    Function(&'static str, &'static str),
}

/// Text that is there, or is made when it is needed.
#[derive(Clone, Copy)]
enum Text {
    Is(&'static str),
    Made(fn() -> String),
}

impl Text {
    fn get(self) -> String {
        match self {
            Text::Is(text) => text.into(),
            Text::Made(make) => make(),
        }
    }
}

/// A rung on which a case may be judged differently, and why.
#[derive(Clone, Copy)]
pub(super) struct Exception {
    /// The rung.
    pub(super) rung: Rung,
    /// What is right there.
    pub(super) verdicts: &'static [Verdict],
    /// Why.
    pub(super) reason: &'static str,
}

/// On the lowest rung, programs may not start processes: they see a refusal, and most give up.
pub(super) const NO_PROCESSES: Exception = Exception {
    rung: Rung::Landlock,
    verdicts: &[Verdict::RuntimeError],
    reason: "no processes can be started",
};

/// The native program of all machine code attacks.
pub(super) const NATIVE: &str = include_str!("attacks.cpp");

/// Small limits, so that the suite stays quick; the wall limit leaves room for a busy machine.
pub(super) const LIMITS: Limits = Limits {
    cpu: Duration::from_millis(300),
    wall: Duration::from_millis(1000),
    memory_bytes: 64 << 20,
    output_bytes: 1 << 20,
    file_bytes: 1 << 20,
    processes: 16,
};

/// A Python program that answers "1".
pub(super) const fn python(
    number: u8,
    title: &'static str,
    source: &'static str,
    verdicts: &'static [Verdict],
) -> Case {
    let attack = Attack::Whole(Language::Python, Text::Is(source));
    case(number, title, attack, verdicts)
}

/// A C++ program that answers "1".
pub(super) const fn cpp(
    number: u8,
    title: &'static str,
    source: &'static str,
    verdicts: &'static [Verdict],
) -> Case {
    let attack = Attack::Whole(Language::Cpp, Text::Is(source));
    case(number, title, attack, verdicts)
}

/// A program whose source is made by a function.
pub(super) const fn made(
    number: u8,
    title: &'static str,
    language: Language,
    source: fn() -> String,
    verdicts: &'static [Verdict],
) -> Case {
    let attack = Attack::Whole(language, Text::Made(source));
    case(number, title, attack, verdicts)
}

/// A function of `attacks.cpp`, called by its name.
pub(super) const fn native(
    number: u8,
    title: &'static str,
    name: &'static str,
    verdicts: &'static [Verdict],
) -> Case {
    case(number, title, Attack::Native(name), verdicts)
}

/// A Python program under a test that calls it.
pub(super) const fn function(
    number: u8,
    title: &'static str,
    source: &'static str,
    test: &'static str,
    verdicts: &'static [Verdict],
) -> Case {
    case(number, title, Attack::Function(source, test), verdicts)
}

const fn case(
    number: u8,
    title: &'static str,
    attack: Attack,
    verdicts: &'static [Verdict],
) -> Case {
    Case {
        number,
        title,
        attack,
        input: Text::Is(""),
        expected: Text::Is("1\n"),
        limits: LIMITS,
        verdicts,
        exceptions: &[],
        when_fresh: None,
        evidence: None,
        checker: None,
        times: 1,
    }
}

impl Case {
    pub(super) const fn reads(mut self, input: &'static str) -> Case {
        self.input = Text::Is(input);
        self
    }

    pub(super) const fn reads_made(mut self, input: fn() -> String) -> Case {
        self.input = Text::Made(input);
        self
    }

    pub(super) const fn expects(mut self, expected: &'static str) -> Case {
        self.expected = Text::Is(expected);
        self
    }

    pub(super) const fn expects_made(mut self, expected: fn() -> String) -> Case {
        self.expected = Text::Made(expected);
        self
    }

    pub(super) const fn memory(mut self, bytes: u64) -> Case {
        self.limits.memory_bytes = bytes;
        self
    }

    pub(super) const fn output(mut self, bytes: u64) -> Case {
        self.limits.output_bytes = bytes;
        self
    }

    pub(super) const fn cpu(mut self, millis: u64) -> Case {
        self.limits.cpu = Duration::from_millis(millis);
        self.limits.wall = Duration::from_millis(3 * millis + 1000);
        self
    }

    pub(super) const fn except(mut self, exceptions: &'static [Exception]) -> Case {
        self.exceptions = exceptions;
        self
    }

    pub(super) const fn when_fresh(
        mut self,
        verdicts: &'static [Verdict],
        reason: &'static str,
    ) -> Case {
        self.when_fresh = Some((verdicts, reason));
        self
    }

    pub(super) const fn proves(mut self, evidence: Evidence) -> Case {
        self.evidence = Some(evidence);
        self
    }

    pub(super) const fn checked_by(mut self, checker: &'static str) -> Case {
        self.checker = Some(checker);
        self
    }

    pub(super) const fn times(mut self, times: usize) -> Case {
        self.times = times;
        self
    }

    /// What the judge is given; `canary` is a file outside that no program may touch.
    pub(super) fn submission(&self, canary: &str, how: &How) -> Submission {
        let stdio = |input: String| Test::Stdio {
            input,
            expected: vec![self.expected.get()],
        };
        let (language, source, test) = match self.attack {
            Attack::Whole(language, source) => (language, source.get(), stdio(self.input.get())),
            Attack::Native(name) => {
                let input = format!("{name}\n{canary}\n{}", self.input.get());
                (Language::Cpp, NATIVE.into(), stdio(input))
            }
            Attack::Function(source, test) => {
                let code = test.into();
                (Language::Python, source.into(), Test::Python { code })
            }
        };
        Submission {
            program: Program { language, source },
            tests: vec![test; how.n_tests],
            checker: self
                .checker
                .map_or(Checker::Lines, |name| Checker::Testlib {
                    name: name.into(),
                }),
            limits: self.limits,
            isolation: how.isolation,
            stop_on_first_failure: false,
        }
    }

    /// True for a program that test code calls.
    pub(super) fn is_called(&self) -> bool {
        matches!(self.attack, Attack::Function(..))
    }

    /// Bytes that the judge may hold for this case: its texts, with a copy of each, and the output.
    pub(super) fn allowed_bytes(&self) -> u64 {
        let source = match self.attack {
            Attack::Whole(_, source) => source.get().len(),
            Attack::Native(_) | Attack::Function(..) => 0,
        };
        let texts = source + self.input.get().len() + self.expected.get().len();
        2 * texts as u64 + self.limits.output_bytes
    }

    /// The verdicts that are right on a rung.
    fn verdicts(&self, rung: Rung, how: &How) -> &'static [Verdict] {
        if let (Some((verdicts, _)), Isolation::Fresh) = (self.when_fresh, how.isolation) {
            return verdicts;
        }
        let exception = self.exceptions.iter().find(|other| other.rung == rung);
        exception.map_or(self.verdicts, |exception| exception.verdicts)
    }

    /// Its row of the document.
    pub(super) fn row(&self) -> String {
        let language = match self.attack {
            Attack::Whole(language, _) => language.title(),
            Attack::Native(_) => Language::Cpp.title(),
            Attack::Function(..) => "Python 3, called",
        };
        let names = |verdicts: &[Verdict]| {
            let names: Vec<_> = verdicts.iter().map(|verdict| verdict.name()).collect();
            names.join(", ")
        };
        let exceptions = self.exceptions.iter();
        let exceptions = exceptions.map(|e| (e.rung.name(), e.verdicts, e.reason));
        let fresh = self.when_fresh.iter();
        let fresh = fresh.map(|(verdicts, reason)| ("fresh", *verdicts, *reason));
        let exceptions: Vec<_> = exceptions
            .chain(fresh)
            .map(|(place, verdicts, reason)| format!("`{place}`: {}: {reason}", names(verdicts)))
            .collect();
        format!(
            "| {} | {} ({language}) | {} | {} |\n",
            self.number,
            self.title,
            names(self.verdicts),
            exceptions.join("; ")
        )
    }

    /// What is wrong with a judging of this case, if anything.
    pub(super) fn fault(&self, judging: &Judging, how: &How) -> Option<String> {
        let right = self.verdicts(judging.rung, how).contains(&judging.verdict);
        let is_exception = self.exceptions.iter().any(|e| e.rung == judging.rung);
        let proven = match (self.evidence, judging.cases.first()) {
            (Some(evidence), Some(report)) if !is_exception => evidence(report),
            _ => true,
        };
        let leaks = judging.compile_log.contains("root:");
        (!right || !proven || leaks).then(|| format!("{} {}: {judging:?}", self.number, self.title))
    }
}
