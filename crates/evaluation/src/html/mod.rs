//! The report as a page: one file that holds everything, or the same page for a server that tells the stories.

mod story;

use std::collections::HashMap;
use std::io::{self, Write};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::Task;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;

pub use story::{Story, tell};

use crate::{ProblemResult, Summary};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("app.js");

/// Stories that are packed together: a reader who opens one unpacks this many.
const CHUNK: usize = 64;

/// What a page shows at once; stories come one by one.
#[derive(Debug, Serialize)]
pub struct Page<'a> {
    summary: &'a Summary,
    run: &'a str,
    rows: Vec<Row<'a>>,
    /// Stories in each packed chunk.
    chunk: usize,
    /// True when a server tells the stories.
    served: bool,
}

/// A line of the list: id, ending, difficulty, tags, calls, tokens, milliseconds, hidden verdict, draw.
#[derive(Debug, Serialize)]
struct Row<'a>(
    &'a str,
    &'static str,
    &'a str,
    &'a [String],
    usize,
    u64,
    u64,
    &'static str,
    usize,
);

impl<'a> Page<'a> {
    /// A page about the results of a run, or of several draws, in the order in which they are shown.
    /// What the tasks say of difficulty and tags is shown where they are given.
    pub fn new(
        summary: &'a Summary,
        run: &'a str,
        tasks: &'a [Task],
        results: &'a [ProblemResult],
    ) -> Page<'a> {
        let tasks: HashMap<&str, &Task> = tasks
            .iter()
            .map(|task| (task.problem.id.as_str(), task))
            .collect();
        let mut n_seen: HashMap<&str, usize> = HashMap::new();
        let row = |result: &'a ProblemResult| {
            let problem = tasks.get(result.id.as_str()).map(|task| &task.problem);
            let usage = result.outcome.usage();
            let time = result.model_time() + result.judge_time();
            let draw = n_seen.entry(&result.id).or_default();
            *draw += 1;
            Row(
                &result.id,
                result.ending.title(),
                problem
                    .and_then(|problem| problem.difficulty.as_deref())
                    .unwrap_or_default(),
                problem.map_or(&[], |problem| &problem.tags),
                result.outcome.calls.len(),
                usage.prompt_tokens + usage.completion_tokens,
                u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
                result
                    .scoring
                    .as_ref()
                    .map_or("", |scoring| scoring.verdict.title()),
                *draw - 1,
            )
        };
        Page {
            summary,
            run,
            rows: results.iter().map(row).collect(),
            chunk: CHUNK,
            served: false,
        }
    }

    /// The page alone, for a server that answers `story/N` with the story of row N.
    pub fn served(self) -> String {
        let page = Page {
            served: true,
            ..self
        };
        let mut html = Vec::new();
        // Writing to memory never fails.
        let _ = page.write(&mut html, |_| Ok::<_, io::Error>(()));
        String::from_utf8(html).unwrap_or_default()
    }

    /// One file that holds everything. Stories are asked for in the order of the rows, and packed as they come, so that
    /// memory holds few of them; an absent one is said to be absent.
    ///
    /// # Errors
    /// When the file cannot be written, or whatever a story fails with.
    pub fn write_file<E: From<io::Error>>(
        &self,
        file: &mut impl Write,
        stories: impl IntoIterator<Item = Result<Option<Story>, E>>,
    ) -> Result<(), E> {
        self.write(file, |file| {
            let mut stories = stories.into_iter();
            for number in 0.. {
                let chunk: Vec<Option<Story>> =
                    stories.by_ref().take(CHUNK).collect::<Result<_, E>>()?;
                if chunk.is_empty() {
                    break;
                }
                write!(file, "<script type=\"text/plain\" data-chunk=\"{number}\">")?;
                let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
                serde_json::to_writer(&mut packer, &chunk).map_err(io::Error::from)?;
                file.write_all(BASE64_STANDARD.encode(packer.finish()?).as_bytes())?;
                file.write_all(b"</script>\n")?;
            }
            Ok(())
        })
    }

    fn write<W: Write, E: From<io::Error>>(
        &self,
        file: &mut W,
        stories: impl FnOnce(&mut W) -> Result<(), E>,
    ) -> Result<(), E> {
        let page = PAGE.replace("{{style}}", STYLE);
        let (head, rest) = page.split_once("{{data}}").unwrap_or((&page, ""));
        let (middle, tail) = rest.split_once("{{script}}").unwrap_or((rest, ""));
        file.write_all(head.as_bytes())?;
        file.write_all(b"<script type=\"application/json\" id=\"data\">")?;
        let json = serde_json::to_string(self).map_err(io::Error::from)?;
        // Inside a script, nothing but its end means anything to the browser; in JSON, `<` may be written so.
        file.write_all(json.replace('<', "\\u003c").as_bytes())?;
        file.write_all(b"</script>\n")?;
        stories(file)?;
        file.write_all(middle.as_bytes())?;
        file.write_all(SCRIPT.as_bytes())?;
        file.write_all(tail.as_bytes())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
