//! From a source to something that a cell can run, compiled at most once, and the proof that a language works here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};

use domain::{CaseReport, Digest, Exit, Isolation, Language, Limits, Program, Test, Verdict};
use tokio::sync::oneshot;

use crate::checkers::{Check, Rule};
use crate::compile::files;
use crate::judge::Inner;
use crate::languages::{self, Run};
use crate::queue::{Case, Compiled, Executable, Job};
use crate::{Judge, JudgeError, sys};

/// Compiled programs that are kept, each a few megabytes.
const KEPT_PROGRAMS: usize = 64;

/// The programs compiled last.
#[derive(Default)]
pub(crate) struct Cache {
    by_key: HashMap<Digest, Compiled>,
    order: VecDeque<Digest>,
}

impl Judge {
    /// The program in a form that a cell can run; absent when it does not compile.
    pub(crate) async fn prepare(&self, program: &Program) -> Result<Compiled, JudgeError> {
        let language = program.language;
        let executable = match &languages::row(language).run {
            Run::Zygote => {
                let source = sys::sealed(c"source", program.source.as_bytes());
                let warm = self.inner.shared.toolchains.warm(program);
                source
                    .map(|source| Executable::Python(warm, Arc::new(source)))
                    .map_err(|error| error.to_string())
            }
            Run::By { file, .. } if !file.is_empty() => files(
                language,
                &[(*file, without_mark(&program.source))],
                String::new(),
            ),
            Run::By { .. } | Run::Native => return self.compile(program).await,
        };
        Ok(Compiled {
            executable: Some(executable.map_err(JudgeError::Fault)?),
            log: String::new(),
        })
    }

    async fn compile(&self, program: &Program) -> Result<Compiled, JudgeError> {
        let toolchain = self.toolchain(program.language);
        let key = Digest::of_json(&(program, toolchain));
        if let Some(compiled) = self.inner.cache().by_key.get(&key) {
            return Ok(compiled.clone());
        }
        let program = Program {
            source: without_mark(&program.source).to_string(),
            ..*program
        };
        let (answer, compiled) = oneshot::channel();
        self.inner.shared.push(Job::Compile(program, answer));
        let compiled = compiled.await.unwrap_or(Err(JudgeError::Closed))?;
        if let Some(Executable::Binary(language, _)) = compiled.executable
            && let Ok(toolchain) = self.inner.shared.toolchains.get(language)
        {
            let _ = toolchain.proof.set(Ok(()));
        }
        let mut cache = self.inner.cache();
        if cache.by_key.insert(key.clone(), compiled.clone()).is_none() {
            cache.order.push_back(key);
        }
        if cache.order.len() > KEPT_PROGRAMS
            && let Some(oldest) = cache.order.pop_front()
        {
            cache.by_key.remove(&oldest);
        }
        Ok(compiled)
    }

    /// Whether a report speaks of the program: what did not end well speaks of the language's toolchain
    /// where nothing has ended well yet and nothing can.
    pub(crate) async fn trust(
        &self,
        language: Language,
        case: &CaseReport,
    ) -> Result<Result<(), String>, JudgeError> {
        if case.exit != Some(Exit::Code(0)) {
            return self.prove(language).await;
        }
        if let Ok(toolchain) = self.inner.shared.toolchains.get(language) {
            let _ = toolchain.proof.set(Ok(()));
        }
        Ok(Ok(()))
    }

    /// Whether a language works in the sandbox at all, tried once: when not, what failed was not the program.
    pub(crate) async fn prove(&self, language: Language) -> Result<Result<(), String>, JudgeError> {
        let Ok(toolchain) = self.inner.shared.toolchains.get(language) else {
            return Ok(Ok(()));
        };
        if let Some(proof) = toolchain.proof.get() {
            return Ok(proof.clone());
        }
        let compiled = self
            .prepare(&Program {
                language,
                source: toolchain.row().proof.into(),
            })
            .await?;
        let result = match compiled.executable {
            None => Err(compiled.log),
            Some(executable) => {
                let report = self.start_case(Case {
                    executable,
                    test: Test::Stdio {
                        input: String::new(),
                        expected: vec!["ok".into()],
                    },
                    check: Check::Rule(Rule::Lines),
                    limits: language.limits(&Limits::default()),
                    isolation: Isolation::Pooled,
                });
                match report.await.unwrap_or(Err(JudgeError::Closed)) {
                    Ok(case) if case.verdict == Verdict::Accepted => Ok(()),
                    Ok(case) => Err(format!("{}: {}", case.verdict, case.stderr_tail)),
                    Err(JudgeError::Fault(reason)) => Err(reason),
                    Err(error) => return Err(error),
                }
            }
        };
        let result = result.map_err(|said| {
            let (language, said) = (language.title(), said.trim());
            format!("{language} does not work in the sandbox: {said}")
        });
        Ok(toolchain.proof.get_or_init(|| result).clone())
    }
}

impl Inner {
    /// A panic elsewhere leaves the cache usable: at worst a program is compiled again.
    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A source without the byte order mark that some editors put before it.
fn without_mark(source: &str) -> &str {
    source.strip_prefix('\u{feff}').unwrap_or(source)
}
