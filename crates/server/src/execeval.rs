//! ExecEval's paths: the judge of xCodeEval, which the scripts of MapCoder call too.
//!
//! The field names, the names of outcomes and runtimes, and the defaults are those of
//! <https://github.com/ntunlp/ExecEval> at dd69386; fields that it does not have are added, none is left out.

mod answer;
mod job;
mod runtime;

use domain::{Isolation, Submission, Verdict};
use hyper::Response;
use judge::Judge;

use crate::reply::{self, Body, Refusal};
use answer::Answer;
use job::Job;
pub(crate) use runtime::names as runtime_names;
use runtime::{RUNTIMES, Runtime, unavailable};

/// `GET /api/all_runtimes`: those that work on this machine.
pub(crate) fn runtimes(judge: &Judge) -> Response<Body> {
    let works = |runtime: &&Runtime| runtime.toolchain(judge).is_some();
    let rows: Vec<_> = RUNTIMES
        .iter()
        .filter(works)
        .map(|runtime| runtime.info(judge))
        .collect();
    reply::json(&rows)
}

/// `POST /api/execute_code`
pub(crate) async fn execute(
    judge: &Judge,
    body: &[u8],
    isolation: Isolation,
) -> Result<Response<Body>, Refusal> {
    let job = Job::read(body).map_err(Refusal::bad_request)?;
    let runtime = match Runtime::find(job.language.as_deref()) {
        Ok(runtime) => runtime,
        Err(reason) => return Ok(reply::json(&Answer::no_runtime(&reason, &job.ignored))),
    };
    let submission = job.submission(runtime, isolation);
    let judging = judge.judge(&submission).await?;
    if judging.verdict == Verdict::LanguageUnavailable {
        let reason = format!("{}: {}", unavailable(runtime.name), judging.compile_log);
        return Ok(reply::json(&Answer::no_runtime(&reason, &job.ignored)));
    }
    let Submission { tests, .. } = &submission;
    Ok(reply::json(&Answer::new(tests, &judging, &job.ignored)))
}

#[cfg(test)]
mod tests;
