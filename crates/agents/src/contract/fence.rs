/// A fenced block of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<'a> {
    /// The word behind the opening fence, in lower case; empty when there is none.
    pub tag: String,
    /// The lines between the fences.
    pub body: &'a str,
    /// False when the reply ended before the closing fence.
    pub is_closed: bool,
    /// Both fences stand at the beginning of a line of their own.
    pub is_clean: bool,
}

/// All fenced blocks of a text, in order. Backticks and tildes, three or more.
///
/// Beyond CommonMark, it takes what models write: an opening fence behind prose on the same line, a closing fence
/// behind the last line of code, and the tag on a line of its own below the fence.
pub fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Opening> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        match &open {
            None => open = opening(line, end),
            Some(opening) => {
                if let Some((body_end, is_clean)) = closing(line, start, opening) {
                    blocks.push(block(text, opening, body_end, true, is_clean));
                    open = None;
                }
            }
        }
        start = end;
    }
    if let Some(opening) = open {
        blocks.push(block(text, &opening, text.len(), false, false));
    }
    blocks
}

/// The body of a text that is one fenced block as a whole; any other text as it is.
pub(super) fn unwrap(text: &str) -> &str {
    let trimmed = text.trim();
    match blocks(trimmed).as_slice() {
        [only] if trimmed.starts_with("```") && trimmed.ends_with("```") => only.body,
        _ => text,
    }
}

struct Opening {
    mark: char,
    width: usize,
    tag: String,
    body_start: usize,
    is_clean: bool,
}

fn opening(line: &str, line_end: usize) -> Option<Opening> {
    let (at, mark) = ["```", "~~~"]
        .into_iter()
        .filter_map(|mark| Some((line.find(mark)?, mark)))
        .min()?;
    let fence = &line[at..];
    let mark = mark.chars().next()?;
    let width = fence.chars().take_while(|c| *c == mark).count();
    let tag = fence[width..].trim();
    let is_at_start = line[..at].trim().is_empty();
    // "```x = 1```" is code inside a sentence, not the beginning of a block.
    let is_word = tag.len() <= 30 && !tag.contains(char::is_whitespace) && !tag.contains(mark);
    let is_info = is_at_start && mark == '`' && !tag.contains('`') || is_at_start && mark == '~';
    (is_word || is_info).then(|| Opening {
        mark,
        width,
        tag: tag
            .split_whitespace()
            .next()
            .unwrap_or("")
            .trim_matches(['{', '}', '.'])
            .to_lowercase(),
        body_start: line_end,
        is_clean: is_at_start && is_word,
    })
}

/// Where the body ends if this line closes the block, and whether the fence has the line to itself.
fn closing(line: &str, line_start: usize, opening: &Opening) -> Option<(usize, bool)> {
    let line_text = line.trim_end();
    let fence = line_text
        .chars()
        .rev()
        .take_while(|c| *c == opening.mark)
        .count();
    if fence < opening.width {
        return None;
    }
    let before = &line_text[..line_text.len() - fence];
    let is_alone = before.trim().is_empty();
    // A docstring may quote a fence; a fence behind code closes the block only if the line holds no other.
    let closes = is_alone || (opening.mark == '`' && !before.contains("```"));
    closes.then_some((
        line_start + if is_alone { 0 } else { before.len() },
        is_alone,
    ))
}

fn block<'a>(
    text: &'a str,
    opening: &Opening,
    body_end: usize,
    is_closed: bool,
    is_clean: bool,
) -> Block<'a> {
    let mut tag = opening.tag.clone();
    let mut body = &text[opening.body_start.min(body_end)..body_end];
    if let Some((first, rest)) = body.split_once('\n')
        && tag.is_empty()
        && is_language_word(first.trim())
    {
        tag = first.trim().to_lowercase();
        body = rest;
        return Block {
            tag,
            body,
            is_closed,
            is_clean: false,
        };
    }
    Block {
        tag,
        body,
        is_closed,
        is_clean: is_clean && opening.is_clean,
    }
}

fn is_language_word(word: &str) -> bool {
    let word = word.to_lowercase();
    domain::Language::ALL
        .iter()
        .any(|language| language.fence_tags().contains(&word.as_str()))
}
