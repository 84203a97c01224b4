//! Example sets as files.

mod parquet;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use domain::{Agent, Digest, Message};
use serde::Serialize;

use crate::example::by_agent;
use crate::{Card, Example, Finding, Measured, SetRef, Source, clear_drafts, draft};

/// The name of the data card in JSON; a folder that holds it is an export.
pub const CARD: &str = "card.json";
/// The list of examples that were dropped because an evaluation set holds what they say.
pub const CONTAMINATED: &str = "contaminated.jsonl";

/// Why an export cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file system said no.
    #[error("write {}: {source}", path.display())]
    Io {
        /// What was written.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The place is taken by something else.
    #[error("write {}: it is there and holds no `{CARD}` of an earlier export", path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// Parquet could not be written.
    #[error("write Parquet: {0}")]
    Parquet(String),
}

/// The files of an export, by name, without the card's: they follow from the examples alone.
///
/// For each agent `AGENT.jsonl` with `messages`, `AGENT.prompt-completion.jsonl` with `prompt` and `completion`, and
/// `AGENT.parquet` with the columns of the first; an agent without examples has none. [`CONTAMINATED`] lists what was
/// dropped.
///
/// # Errors
/// When Parquet cannot be written.
pub fn files(
    examples: &[Measured],
    findings: &[Finding],
) -> Result<Vec<(String, Vec<u8>)>, ExportError> {
    let mut files = Vec::new();
    let all = by_agent(examples.iter().map(|one| &one.example));
    for (agent, of_agent) in all {
        if of_agent.is_empty() {
            continue;
        }
        let rows = of_agent.iter().map(|example| Row::conversation(example));
        files.push((messages_file(agent), json_lines(rows)));
        let pairs = of_agent.iter().map(|example| Row::pair(example));
        files.push((
            format!("{agent}.prompt-completion.jsonl"),
            json_lines(pairs),
        ));
        let table =
            parquet::table(&of_agent).map_err(|error| ExportError::Parquet(error.to_string()))?;
        files.push((format!("{agent}.parquet"), table));
    }
    files.push((CONTAMINATED.to_string(), json_lines(findings.iter())));
    Ok(files)
}

/// The name of the file with an agent's examples as conversations.
pub fn messages_file(agent: Agent) -> String {
    format!("{agent}.jsonl")
}

/// An example as a row: what `messages`, or `prompt` and `completion`, say is learned; the rest tells where it is from.
#[derive(Serialize)]
struct Row<'a> {
    id: Digest,
    agent: Agent,
    contract: &'static str,
    problem: &'a str,
    set: &'a SetRef,
    difficulty: Option<&'a str>,
    language: &'static str,
    source: &'a Source,
    exchange: &'a Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<Message>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a [Message]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion: Option<[Message; 1]>,
}

impl<'a> Row<'a> {
    fn about(example: &'a Example) -> Row<'a> {
        Row {
            id: example.id(),
            agent: example.agent,
            contract: example.contract.name(),
            problem: &example.problem,
            set: &example.set,
            difficulty: example.difficulty.as_deref(),
            language: example.language.name(),
            source: &example.source,
            exchange: &example.exchange,
            messages: None,
            prompt: None,
            completion: None,
        }
    }

    fn conversation(example: &'a Example) -> Row<'a> {
        Row {
            messages: Some(conversation(example)),
            ..Row::about(example)
        }
    }

    fn pair(example: &'a Example) -> Row<'a> {
        Row {
            prompt: Some(&example.messages),
            completion: Some([Message::assistant(example.reply.clone())]),
            ..Row::about(example)
        }
    }
}

/// The question with its reply.
fn conversation(example: &Example) -> Vec<Message> {
    let reply = Message::assistant(example.reply.clone());
    let asked = example.messages.iter().cloned();
    asked.chain([reply]).collect()
}

fn json_lines(rows: impl Iterator<Item = impl Serialize>) -> Vec<u8> {
    let mut text = String::new();
    for row in rows {
        text += &serde_json::to_string(&row).expect("plain data has a JSON form");
        text.push('\n');
    }
    text.into_bytes()
}

/// Writes files and their card into a folder: beside its place first, then renamed, so that the place holds all of it or
/// what was there before. An earlier export is replaced; anything else is not. What killed writers left is removed.
///
/// # Errors
/// When something else is there, or the file system says no.
pub fn write(folder: &Path, files: &[(String, Vec<u8>)], card: &Card) -> Result<(), ExportError> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source| ExportError::Io { path, source }
    };
    let is_there = folder.exists();
    let is_empty = || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if is_there && !folder.join(CARD).exists() && !is_empty() {
        return Err(ExportError::Taken {
            path: folder.to_path_buf(),
        });
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(at(parent))?;
    clear_drafts(folder, "new");
    if is_there {
        clear_drafts(folder, "old");
    }
    let (draft, old) = (draft(folder, "new"), draft(folder, "old"));
    fs::create_dir_all(&draft).map_err(at(&draft))?;
    let json = serde_json::to_string_pretty(card).expect("plain data has a JSON form") + "\n";
    let own = [
        (CARD.to_string(), json.into_bytes()),
        ("README.md".to_string(), card.markdown().into_bytes()),
    ];
    let written = files.iter().chain(&own).try_for_each(|(name, bytes)| {
        let path = draft.join(name);
        let mut file = fs::File::create(&path)?;
        file.write_all(bytes)?;
        file.sync_all()
    });
    let moved = written.and_then(|()| {
        if is_there {
            fs::rename(folder, &old)?;
        }
        fs::rename(&draft, folder)
    });
    if moved.is_err() {
        // The error that led here is the one to tell.
        let _ = fs::remove_dir_all(&draft);
        if is_there && !folder.exists() {
            let _ = fs::rename(&old, folder);
        }
    }
    moved.map_err(at(folder))?;
    if is_there {
        fs::remove_dir_all(&old).map_err(at(&old))?;
    }
    // What a writer that was killed had moved away is wanted until the place is filled again.
    clear_drafts(folder, "old");
    Ok(())
}
