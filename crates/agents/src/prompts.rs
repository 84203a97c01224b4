//! The prompts: strict templates in files, which a user can replace.
//!
//! Every conversation is a system line and one user turn that begins with the problem and ends with the agent's
//! part. All calls about one problem therefore begin with the same bytes, which an engine computes once.

use std::path::{Path, PathBuf};

use domain::{Agent, Digest, Message, Problem};
use minijinja::{Environment, UndefinedBehavior, Value, context};

use crate::contract::{Example, Recall, blame_number};
use crate::wording;

/// The templates: name and built-in text.
const TEMPLATES: [(&str, &str); 13] = [
    ("system", include_str!("../prompts/system.md")),
    ("problem", include_str!("../prompts/problem.md")),
    ("recall", include_str!("../prompts/recall.md")),
    ("plan", include_str!("../prompts/plan.md")),
    ("confidence", include_str!("../prompts/confidence.md")),
    ("code", include_str!("../prompts/code.md")),
    ("repair", include_str!("../prompts/repair.md")),
    ("cot", include_str!("../prompts/cot.md")),
    ("analogy", include_str!("../prompts/analogy.md")),
    ("reflect", include_str!("../prompts/reflect.md")),
    ("retry", include_str!("../prompts/retry.md")),
    ("simulate", include_str!("../prompts/simulate.md")),
    ("refine", include_str!("../prompts/refine.md")),
];

/// The templates of supervision: name and built-in text. They have a digest of their own, so that a run without a
/// supervisor keeps its name when they change.
const SUPERVISION: [(&str, &str); 3] = [
    ("supervisor", include_str!("../prompts/supervisor.md")),
    ("review", include_str!("../prompts/review.md")),
    ("feedback", include_str!("../prompts/feedback.md")),
];

/// All templates.
fn built_in() -> Vec<(&'static str, String)> {
    let all = TEMPLATES.into_iter().chain(SUPERVISION);
    all.map(|(name, text)| (name, text.to_string())).collect()
}

/// Why the prompts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// A file of the user's folder cannot be read.
    #[error("read the prompt {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The user's folder holds a file that is no prompt of ours.
    #[error("use {path} as a prompt: expected one of {expected}")]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The names that exist.
        expected: String,
    },
    /// A template has a mistake, or uses a name that does not exist.
    #[error("fill the prompt `{name}`: {reason}")]
    Template {
        /// The template.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A set of prompt templates.
pub struct Prompts {
    environment: Environment<'static>,
    digest: Digest,
    supervision: Digest,
}

/// A part of a run as a supervisor reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) text: String,
}

impl Prompts {
    /// The built-in prompts.
    ///
    /// # Panics
    /// Never: the built-in templates are tested.
    pub fn built_in() -> Prompts {
        Prompts::compile(built_in()).expect("the built-in templates compile")
    }

    /// The built-in prompts, with those replaced for which `folder` holds a file `<name>.md`.
    ///
    /// # Errors
    /// When the folder or a file cannot be read, a file is no prompt of ours, or a template is wrong. Every template
    /// is filled once with sample values, so that a mistake is met before the first call.
    pub fn from_folder(folder: &Path) -> Result<Prompts, PromptError> {
        let read = |path: &Path, source| PromptError::Read {
            path: path.to_path_buf(),
            source,
        };
        let mut texts = built_in();
        for entry in std::fs::read_dir(folder).map_err(|error| read(folder, error))? {
            let path = entry.map_err(|error| read(folder, error))?.path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let stem = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or_default();
            let Some((_, text)) = texts.iter_mut().find(|(name, _)| *name == stem) else {
                let names: Vec<String> =
                    texts.iter().map(|(name, _)| format!("{name}.md")).collect();
                let expected = names.join(", ");
                return Err(PromptError::Unknown { path, expected });
            };
            *text = std::fs::read_to_string(&path).map_err(|error| read(&path, error))?;
        }
        let prompts = Prompts::compile(texts)?;
        prompts.try_all()?;
        Ok(prompts)
    }

    /// Names what the agents are told: the digest of all templates but those of supervision.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Names what a supervisor is told, and how its feedback reaches an agent.
    pub fn supervision_digest(&self) -> &Digest {
        &self.supervision
    }

    /// The texts that are built in, by name: a user's starting point.
    pub fn built_in_texts() -> impl Iterator<Item = (&'static str, &'static str)> {
        TEMPLATES.into_iter().chain(SUPERVISION)
    }

    /// A question to an agent, asked again with what a supervisor says about the last reply to it.
    ///
    /// # Errors
    /// When a user's template cannot be filled.
    pub(crate) fn heeding(
        &self,
        messages: &[Message],
        notes: &[&str],
    ) -> Result<Vec<Message>, PromptError> {
        let remarks = self.fill(
            "feedback",
            context! { notes => notes.iter().map(ToString::to_string).collect::<Vec<_>>() },
        )?;
        let mut messages = messages.to_vec();
        if let Some(last) = messages.last_mut() {
            last.content = format!("{}\n\n{}", last.content.trim_end(), remarks.trim());
        }
        Ok(messages)
    }

    /// Opens the conversation about a problem.
    ///
    /// # Errors
    /// When a user's template cannot be filled with this problem.
    pub fn open<'a>(
        &'a self,
        problem: &'a Problem,
        language: domain::Language,
    ) -> Result<Conversation<'a>, PromptError> {
        let system = self.fill("system", context! {})?;
        let beginning = self.fill(
            "problem",
            context! {
                statement => problem.statement.trim(),
                wanted => wording::wanted(&problem.form, language),
                limits => wording::limits(problem),
                samples => wording::samples(problem),
            },
        )?;
        Ok(Conversation {
            prompts: self,
            system,
            beginning,
            wanted: wording::wanted(&problem.form, language),
            language,
            problem,
        })
    }

    fn compile(texts: Vec<(&'static str, String)>) -> Result<Prompts, PromptError> {
        let (agents, supervision): (Vec<_>, Vec<_>) = texts
            .iter()
            .partition(|(name, _)| TEMPLATES.iter().any(|(own, _)| own == name));
        let digest = Digest::of_json(&agents);
        let supervision = Digest::of_json(&supervision);
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        for (name, text) in texts {
            environment
                .add_template_owned(name, text)
                .map_err(|error| PromptError::Template {
                    name: name.to_string(),
                    reason: error.to_string(),
                })?;
        }
        Ok(Prompts {
            environment,
            digest,
            supervision,
        })
    }

    fn fill(&self, name: &str, values: Value) -> Result<String, PromptError> {
        self.environment
            .get_template(name)
            .and_then(|template| template.render(values))
            .map_err(|error| PromptError::Template {
                name: name.to_string(),
                reason: error.to_string(),
            })
    }

    /// Fills every template with and without its optional values.
    fn try_all(&self) -> Result<(), PromptError> {
        let problem = wording::specimen();
        let conversation = self.open(&problem, domain::Language::Python)?;
        let example = Example {
            description: "d".into(),
            plan: "p".into(),
        };
        let recall = Recall {
            examples: vec![example.clone()],
            algorithm: "a".into(),
        };
        let nothing = Recall {
            examples: Vec::new(),
            algorithm: String::new(),
        };
        conversation.recall(2)?;
        conversation.plan(&recall, Some(&example), 1, 2)?;
        conversation.plan(&nothing, None, 2, 2)?;
        conversation.confidence("p")?;
        conversation.code(Some(&recall), Some("p"))?;
        conversation.code(None, None)?;
        conversation.repair("p", "c", "r")?;
        conversation.cot()?;
        conversation.analogy(2)?;
        conversation.reflect("c", "r")?;
        conversation.retry("c", "r", &[])?;
        conversation.retry("c", "r", &["l".to_string()])?;
        conversation.simulate("p")?;
        conversation.refine("p", "s")?;
        let section = Section {
            title: "t".into(),
            text: "t".into(),
        };
        conversation.review("s", &[section], "e", &Agent::ALL)?;
        self.heeding(&conversation.recall(1)?, &["n"])?;
        Ok(())
    }
}

/// All questions about one problem; they share their beginning byte for byte.
pub struct Conversation<'a> {
    prompts: &'a Prompts,
    system: String,
    beginning: String,
    wanted: String,
    language: domain::Language,
    problem: &'a Problem,
}

impl Conversation<'_> {
    /// Asks for `k` similar problems and the algorithm.
    ///
    /// # Errors
    /// When a user's template cannot be filled; so for all questions below.
    pub fn recall(&self, k: usize) -> Result<Vec<Message>, PromptError> {
        self.ask("recall", context! { k => k })
    }

    /// Asks for plan `number` of `k` (from 1), after the example where there is one.
    ///
    /// # Errors
    /// See [`Conversation::recall`].
    pub fn plan(
        &self,
        recall: &Recall,
        example: Option<&Example>,
        number: usize,
        k: usize,
    ) -> Result<Vec<Message>, PromptError> {
        let example = example
            .map(|example| context! { description => example.description.as_str(), plan => example.plan.as_str() });
        self.ask("plan", context! { algorithm => recall.algorithm.as_str(), example => example, number => number, k => k })
    }

    /// Asks how sure the model is of a plan.
    ///
    /// # Errors
    /// See [`Conversation::recall`].
    pub fn confidence(&self, plan: &str) -> Result<Vec<Message>, PromptError> {
        self.ask("confidence", context! { plan => plan })
    }

    /// Asks for the program.
    ///
    /// # Errors
    /// See [`Conversation::recall`].
    pub fn code(
        &self,
        recall: Option<&Recall>,
        plan: Option<&str>,
    ) -> Result<Vec<Message>, PromptError> {
        let algorithm = recall.map_or("", |recall| recall.algorithm.as_str());
        self.ask(
            "code",
            context! {
                algorithm => algorithm,
                plan => plan.unwrap_or_default(),
                ..self.program()
            },
        )
    }

    /// Asks for a repaired program.
    ///
    /// # Errors
    /// See [`Conversation::recall`].
    pub fn repair(
        &self,
        plan: &str,
        program: &str,
        report: &str,
    ) -> Result<Vec<Message>, PromptError> {
        self.ask(
            "repair",
            context! {
                plan => plan,
                program => program.trim_end(),
                report => report,
                ..self.program()
            },
        )
    }

    /// Asks for thoughts and the program.
    ///
    /// # Errors
    /// See [`Conversation::recall`].
    pub fn cot(&self) -> Result<Vec<Message>, PromptError> {
        self.ask("cot", self.program())
    }

    /// Asks for `k` similar problems, what they share with this one, and the program.
    ///
    /// # Errors
    /// See [`Conversation::recall`].
    pub fn analogy(&self, k: usize) -> Result<Vec<Message>, PromptError> {
        self.ask("analogy", context! { k => k, ..self.program() })
    }

    /// Asks what is to be learned from a program that fails.
    ///
    /// # Errors
    /// See [`Conversation::recall`].
    pub fn reflect(&self, program: &str, report: &str) -> Result<Vec<Message>, PromptError> {
        let values = context! { program => program.trim_end(), report => report };
        self.ask("reflect", context! { ..values, ..self.program() })
    }

    /// Asks for another program after one that fails, with what was learned from all so far.
    ///
    /// # Errors
    /// See [`Conversation::recall`].
    pub fn retry(
        &self,
        program: &str,
        report: &str,
        reflections: &[String],
    ) -> Result<Vec<Message>, PromptError> {
        let values = context! { program => program.trim_end(), report => report, reflections => reflections.to_vec() };
        self.ask("retry", context! { ..values, ..self.program() })
    }

    /// Asks to follow a plan by hand.
    ///
    /// # Errors
    /// See [`Conversation::recall`].
    pub fn simulate(&self, plan: &str) -> Result<Vec<Message>, PromptError> {
        self.ask("simulate", context! { plan => plan })
    }

    /// Asks for a plan that its simulation found wrong, corrected.
    ///
    /// # Errors
    /// See [`Conversation::recall`].
    pub fn refine(&self, plan: &str, simulation: &str) -> Result<Vec<Message>, PromptError> {
        self.ask(
            "refine",
            context! { plan => plan, simulation => simulation },
        )
    }

    /// Asks a supervisor which of these agents is at fault.
    ///
    /// # Errors
    /// See [`Conversation::recall`].
    pub(crate) fn review(
        &self,
        scope: &str,
        steps: &[Section],
        ending: &str,
        agents: &[Agent],
    ) -> Result<Vec<Message>, PromptError> {
        let agents: Vec<Value> = agents
            .iter()
            .map(|agent| context! { number => blame_number(*agent), part => wording::part(*agent) })
            .collect();
        let steps: Vec<Value> = steps
            .iter()
            .map(|step| context! { title => step.title.as_str(), text => step.text.as_str() })
            .collect();
        let values =
            context! { scope => scope, steps => steps, ending => ending, agents => agents };
        let mut messages = self.ask("review", values)?;
        messages[0] = Message::system(self.prompts.fill("supervisor", context! {})?.trim());
        Ok(messages)
    }

    /// What every question for a program says of it.
    fn program(&self) -> Value {
        context! {
            wanted => self.wanted.as_str(),
            rules => wording::rules(&self.problem.form, self.language),
            fence => self.language.fence_tags()[0],
        }
    }

    fn ask(&self, name: &str, values: Value) -> Result<Vec<Message>, PromptError> {
        let part = self.prompts.fill(name, values)?;
        let user = format!("{}\n\n{}", self.beginning.trim_end(), part.trim());
        Ok(vec![
            Message::system(self.system.trim()),
            Message::user(user),
        ])
    }
}

#[cfg(test)]
mod tests;
