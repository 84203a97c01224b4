//! Rebuilds, from what was said elsewhere, what our own agents are asked and should say.

use std::collections::{BTreeMap, BTreeSet};

use agents::contract::{Example, Recall, confidence, plan, recall, repair};
use agents::contract::{Wanted, code};
use agents::{Contract, Conversation, Format, Place};
use domain::{Digest, Message, Usage};

use super::explain::{
    code_reply, confidence_reply, description, judgement, plan_reply, recall_reply, repair_reply,
};
use super::school::{Draft, LANGUAGE, Published, Said, School};
use super::{ImportError, Pupil};
use crate::similar::{Library, program_likeness};
use crate::{Source, Step, Tally, Trace};

/// What a check is taken to be sure of, before the outcome is known.
const SURE: u8 = 90;

/// What the teacher knows of a problem that it solved.
struct Solution {
    plan: Said<String>,
    algorithm: Option<Said<String>>,
    /// The program that passes.
    program: String,
}

impl Solution {
    /// What is recalled before a program is asked for.
    fn recalled(&self) -> Recall {
        Recall {
            examples: Vec::new(),
            algorithm: match &self.algorithm {
                Some(algorithm) => algorithm.value.clone(),
                None => String::new(),
            },
        }
    }
}

/// A program with its own digest.
fn said(program: String) -> Said<String> {
    Said {
        exchange: Digest::of(&program),
        value: program,
    }
}

/// All traces, in the order of the problems.
pub(super) fn traces(school: &School, tally: &mut Tally) -> Result<Vec<Trace>, ImportError> {
    let teacher = Teacher::new(school);
    tally.add(
        "problems that the teacher solved with a plan",
        teacher.solutions.len(),
    );
    let mut traces: Vec<(usize, Trace)> = Vec::new();
    for draft in &school.drafts {
        for (number, &k) in school.what.k.iter().enumerate() {
            traces.push((draft.pupil, teacher.of_draft(draft, k, number == 0, tally)?));
        }
    }
    for published in &school.published {
        if let Some(trace) = teacher.of_published(published, tally)? {
            traces.push((published.pupil, trace));
        }
    }
    for (draft, program) in school.solved().values() {
        traces.extend(teacher.of_broken(draft, program, tally)?);
    }
    // Stable: traces of one problem stay in their order.
    traces.sort_by_key(|(pupil, _)| *pupil);
    Ok(traces.into_iter().map(|(_, trace)| trace).collect())
}

struct Teacher<'a> {
    school: &'a School<'a>,
    /// By identity of the problem.
    solutions: BTreeMap<&'a str, Solution>,
    descriptions: Vec<String>,
    library: Library,
}

impl<'a> Teacher<'a> {
    fn new(school: &'a School<'a>) -> Teacher<'a> {
        let mut solutions = BTreeMap::new();
        for (identity, (draft, program)) in school.solved() {
            if let Some(plan) = &draft.plan {
                let solution = Solution {
                    plan: plan.clone(),
                    algorithm: draft.algorithm.clone(),
                    program: program.to_string(),
                };
                solutions.insert(identity, solution);
            }
        }
        let pupils = school.pupils.iter();
        let descriptions: Vec<String> = pupils
            .map(|pupil| description(&pupil.task.problem))
            .collect();
        Teacher {
            school,
            library: Library::new(descriptions.iter().map(String::as_str)),
            solutions,
            descriptions,
        }
    }

    fn open(&self, pupil: &'a Pupil<'a>) -> Result<Conversation<'a>, ImportError> {
        let problem = &pupil.task.problem;
        Ok(self.school.what.prompts.open(problem, LANGUAGE)?)
    }

    /// The `k` problems most like this one that the teacher solved, with its plans. The problem itself, in any form, is
    /// none of them.
    fn examples(&self, pupil: usize, k: usize) -> Vec<Example> {
        let mut taken = BTreeSet::from([self.school.pupils[pupil].identity.as_str()]);
        let mut examples = Vec::new();
        for (other, _) in self.library.nearest(pupil) {
            let identity = self.school.pupils[other].identity.as_str();
            let Some(solution) = self.solutions.get(identity) else {
                continue;
            };
            if examples.len() < k && taken.insert(identity) {
                examples.push(Example {
                    description: self.descriptions[other].clone(),
                    plan: solution.plan.value.clone(),
                });
            }
        }
        examples
    }

    /// One try of the log, as if `k` problems had been asked for.
    fn of_draft(
        &self,
        draft: &Draft,
        k: usize,
        is_first: bool,
        tally: &mut Tally,
    ) -> Result<Trace, ImportError> {
        let pupil = &self.school.pupils[draft.pupil];
        let conversation = self.open(pupil)?;
        let solved = self.school.is_solved(draft);
        let mut steps = Vec::new();
        let mut recalled = Recall {
            examples: self.examples(draft.pupil, k),
            algorithm: String::new(),
        };
        if let Some(algorithm) = &draft.algorithm {
            recalled.algorithm = algorithm.value.clone();
            if recalled.examples.len() == k {
                let reply = recall_reply(&recalled);
                let format = recall(&reply, k).format;
                let asked = conversation.recall(k)?;
                steps.push(step(
                    Contract::Recall,
                    asked,
                    reply,
                    format,
                    &algorithm.exchange,
                ));
            } else {
                tally.count("exchange left out: too few problems are solved to recall");
            }
        }
        if let Some(said) = &draft.plan {
            // Another example for each number of plans, so that plans follow more than the likest problem.
            let plan_idx = self
                .school
                .what
                .k
                .iter()
                .filter(|other| **other < k)
                .count();
            let example = recalled.examples.get(plan_idx % k.max(1));
            let reply = plan_reply(&said.value);
            let format = plan(&reply).format;
            let asked = conversation.plan(&recalled, example, 1, k)?;
            steps.push(step(Contract::Plan, asked, reply, format, &said.exchange));
            if let Some(verdict) = draft.verdict.as_ref().filter(|_| is_first) {
                let explanation = match verdict.value.explanation.as_str() {
                    "" => judgement(&said.value, solved),
                    explanation => explanation.to_string(),
                };
                let sure = match verdict.value.is_correct {
                    true => SURE,
                    false => 100 - SURE,
                };
                let reply = confidence_reply(&explanation, sure);
                let format = confidence(&reply).format;
                let asked = conversation.confidence(&said.value)?;
                let exchange = &verdict.exchange;
                steps.push(step(Contract::Confidence, asked, reply, format, exchange));
            }
        }
        let plan = draft.plan.as_ref().map_or("", |plan| plan.value.as_str());
        let mut last: Option<&Said<String>> = None;
        for program in &draft.programs {
            let written = match last {
                None => self.code_step(&conversation, pupil, Some((&recalled, plan)), program)?,
                Some(_) if plan.is_empty() => {
                    tally.count("exchange left out: a repair without a plan");
                    continue;
                }
                Some(broken) => {
                    self.repair_step(&conversation, draft.pupil, plan, &broken.value, program)?
                }
            };
            let debug_round = steps.iter().filter(|step| step.evidence.is_some()).count();
            steps.push(Step {
                place: Place {
                    plan_rank: 0,
                    debug_round,
                },
                evidence: self.school.evidence(draft.pupil, &program.value).cloned(),
                ..written
            });
            last = Some(program);
            if self.school.solves(draft.pupil, &program.value) {
                break;
            }
        }
        Ok(self.trace(draft.pupil, draft.source.clone(), steps, Some(solved)))
    }

    /// A published program: one that passes is an answer to the problem, with the teacher's plan and without; one that
    /// fails a sample is an example for debugging where there is a plan and a program that passes.
    fn of_published(
        &self,
        published: &Published,
        tally: &mut Tally,
    ) -> Result<Option<Trace>, ImportError> {
        let pupil = &self.school.pupils[published.pupil];
        let kind = match published.is_reference {
            true => "published solution",
            false => "published answer",
        };
        let solution = self.solutions.get(pupil.identity.as_str());
        let Some(evidence) = self
            .school
            .evidence(published.pupil, &published.program.value)
        else {
            tally.count(&format!(
                "{kind} left out: the teacher has no plan that passes"
            ));
            return Ok(None);
        };
        let mut steps = Vec::new();
        let reason = match (evidence.solves, solution) {
            (Some(true), _) if !published.is_reference => {
                "it is right, and serves to repair wrong ones only"
            }
            (Some(true), solution) => {
                let conversation = self.open(pupil)?;
                let program = &published.program;
                let mut written = vec![self.code_step(&conversation, pupil, None, program)?];
                if let Some(solution) = solution {
                    let recalled = solution.recalled();
                    let plan = Some((&recalled, solution.plan.value.as_str()));
                    written.push(self.code_step(&conversation, pupil, plan, program)?);
                }
                steps.extend(written.into_iter().map(|step| Step {
                    evidence: Some(evidence.clone()),
                    ..step
                }));
                ""
            }
            (None, _) => "it cannot be judged here",
            (Some(false), _) if published.is_reference => "it fails",
            (Some(false), None) => "it is wrong, and there is no plan that passes",
            (Some(false), Some(_)) if evidence.n_passed == evidence.n_samples => {
                "it is wrong, and passes the samples"
            }
            (Some(false), Some(solution)) => {
                let right = self.nearest_right(published, solution);
                steps = self.mended(published.pupil, solution, &published.program, &right)?;
                ""
            }
        };
        if !reason.is_empty() {
            tally.count(&format!("{kind} without a trace: {reason}"));
            return Ok(None);
        }
        tally.count(&format!("{kind} used"));
        let source = published.source.clone();
        Ok(Some(self.trace(published.pupil, source, steps, Some(true))))
    }

    /// A program that passes, broken on purpose: as many repairs as are wanted, of copies that fail a sample.
    fn of_broken(
        &self,
        draft: &Draft,
        program: &str,
        tally: &mut Tally,
    ) -> Result<Vec<(usize, Trace)>, ImportError> {
        let pupil = &self.school.pupils[draft.pupil];
        let Some(solution) = self.solutions.get(pupil.identity.as_str()) else {
            return Ok(Vec::new());
        };
        let Source::Log { file, digest, run } = draft.source.clone() else {
            return Ok(Vec::new());
        };
        let source = Source::Broken { file, digest, run };
        let mut traces = Vec::new();
        for copy in self.school.broken(program) {
            let evidence = self.school.evidence(draft.pupil, &copy);
            let fails = evidence.is_some_and(|one| one.n_passed < one.n_samples);
            if fails && traces.len() < self.school.what.n_broken {
                let steps = self.mended(draft.pupil, solution, &said(copy), program)?;
                let trace = self.trace(draft.pupil, source.clone(), steps, Some(true));
                traces.push((draft.pupil, trace));
            }
        }
        tally.add("programs broken on purpose", traces.len());
        Ok(traces)
    }

    /// A program that fails, written after the teacher's plan, and one that passes.
    fn mended(
        &self,
        pupil: usize,
        solution: &Solution,
        broken: &Said<String>,
        mended: &str,
    ) -> Result<Vec<Step>, ImportError> {
        let plan = solution.plan.value.as_str();
        let conversation = self.open(&self.school.pupils[pupil])?;
        let recalled = solution.recalled();
        let mended = Said {
            exchange: Digest::of_json(&(&broken.exchange, Digest::of(mended))),
            value: mended.to_string(),
        };
        let written = self.code_step(
            &conversation,
            &self.school.pupils[pupil],
            Some((&recalled, plan)),
            broken,
        )?;
        let repaired = self.repair_step(&conversation, pupil, plan, &broken.value, &mended)?;
        Ok(vec![
            Step {
                evidence: self.school.evidence(pupil, &broken.value).cloned(),
                ..written
            },
            Step {
                place: Place {
                    plan_rank: 0,
                    debug_round: 1,
                },
                evidence: self.school.evidence(pupil, &mended.value).cloned(),
                ..repaired
            },
        ])
    }

    /// Of the programs that pass, the one most like a program that fails.
    fn nearest_right(&self, wrong: &Published, solution: &Solution) -> String {
        let published = self.school.published.iter();
        let right = published
            .filter(|other| other.pupil == wrong.pupil)
            .map(|other| other.program.value.as_str())
            .chain([solution.program.as_str()])
            .filter(|source| self.school.solves(wrong.pupil, source));
        let mut best: Option<(f64, &str)> = None;
        for source in right {
            let likeness = program_likeness(&wrong.program.value, source);
            if best.is_none_or(|(most, _)| likeness > most) {
                best = Some((likeness, source));
            }
        }
        best.map_or(solution.program.clone(), |(_, source)| source.to_string())
    }

    fn code_step(
        &self,
        conversation: &Conversation,
        pupil: &Pupil,
        plan: Option<(&Recall, &str)>,
        program: &Said<String>,
    ) -> Result<Step, ImportError> {
        let asked =
            conversation.code(plan.map(|(recall, _)| recall), plan.map(|(_, plan)| plan))?;
        let reply = code_reply(LANGUAGE, &program.value);
        let wanted = Wanted {
            language: LANGUAGE,
            form: &pupil.task.problem.form,
        };
        let format = code(&reply, wanted).format;
        Ok(step(
            Contract::Code,
            asked,
            reply,
            format,
            &program.exchange,
        ))
    }

    fn repair_step(
        &self,
        conversation: &Conversation,
        pupil: usize,
        plan: &str,
        broken: &str,
        mended: &Said<String>,
    ) -> Result<Step, ImportError> {
        let evidence = self.school.evidence(pupil, broken);
        let report = evidence.map_or("", |evidence| evidence.report.as_str());
        let asked = conversation.repair(plan, broken, report)?;
        let reply = repair_reply(plan, LANGUAGE, &mended.value);
        let wanted = Wanted {
            language: LANGUAGE,
            form: &self.school.pupils[pupil].task.problem.form,
        };
        let format = repair(&reply, wanted).format;
        Ok(step(
            Contract::Repair,
            asked,
            reply,
            format,
            &mended.exchange,
        ))
    }

    fn trace(&self, pupil: usize, source: Source, steps: Vec<Step>, solved: Option<bool>) -> Trace {
        let Pupil { task, set, .. } = &self.school.pupils[pupil];
        Trace {
            source,
            set: set.clone(),
            problem: task.problem.id.clone(),
            difficulty: task.problem.difficulty.clone(),
            language: LANGUAGE,
            steps,
            solved,
        }
    }
}

fn step(
    contract: Contract,
    messages: Vec<Message>,
    reply: String,
    format: Format,
    exchange: &Digest,
) -> Step {
    Step {
        contract,
        place: Place::default(),
        plan_idx: 0,
        messages,
        reply,
        format,
        exchange: exchange.clone(),
        usage: Usage::default(),
        cost: None,
        feedback: None,
        evidence: None,
    }
}
