use super::{Body, FENCE, Part, Shape};

/// How far into a shape a text reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the fixed text before part `part`, which begins at byte `start`.
    Fixed {
        /// The part behind the fixed text; their number behind the last one.
        part: usize,
        /// Where the fixed text begins.
        start: usize,
    },
    /// In the body of part `part`, which begins at byte `start`.
    Body {
        /// Which part.
        part: usize,
        /// Where the body begins.
        start: usize,
    },
    /// Everything is there.
    Complete {
        /// Where the reply ends.
        end: usize,
    },
}

impl Place {
    /// Where every reply begins.
    pub const START: Place = Place::Fixed { part: 0, start: 0 };

    /// The part whose body is being written, or comes next.
    pub fn part(self) -> Option<usize> {
        match self {
            Place::Fixed { part, .. } | Place::Body { part, .. } => Some(part),
            Place::Complete { .. } => None,
        }
    }
}

impl Shape {
    /// Where a text has come to that is a beginning of a reply of this shape, starting from where a shorter
    /// beginning of it had come to.
    pub fn follow(&self, mut place: Place, text: &str) -> Place {
        loop {
            let next = match place {
                Place::Fixed { part, start } => {
                    let end = start + self.fixed(part).len();
                    (end <= text.len()).then_some(if part < self.parts.len() {
                        Place::Body { part, start: end }
                    } else {
                        Place::Complete { end }
                    })
                }
                Place::Body { part, start } => {
                    let end = self.parts[part].find_end(&text[start..]);
                    end.map(|end| Place::Fixed {
                        part: part + 1,
                        start: start + end,
                    })
                }
                Place::Complete { .. } => None,
            };
            match next {
                Some(next) => place = next,
                None => return place,
            }
        }
    }

    /// The shortest text that brings a beginning of a reply from a place to the next body, or to the end.
    pub fn bridge(&self, place: Place, text: &str) -> String {
        match place {
            Place::Fixed { part, start } => {
                let fixed = self.fixed(part);
                fixed.get(text.len() - start..).unwrap_or("").to_string()
            }
            Place::Body { part, start } => {
                let body = &text[start..];
                self.parts[part].bridge(body)
            }
            Place::Complete { .. } => String::new(),
        }
    }

    /// What [`Shape::bridge`] may have to put before the fixed text behind a body.
    pub fn fillers(&self, part: usize) -> &'static [&'static str] {
        match self.parts[part].body {
            Body::Text { .. } => &["", "-"],
            Body::Code { .. } => &["", "\n", "-\n"],
            Body::Number { .. } => &["", "0"],
        }
    }

    /// True where a body has begun, so that it may as well end.
    pub fn has_begun(&self, place: Place, text: &str) -> bool {
        matches!(place, Place::Body { start, .. } if !text[start..].trim().is_empty())
    }

    /// The shortest text that completes a beginning of a reply.
    pub fn completion(&self, text: &str) -> String {
        let mut whole = text.to_string();
        let mut place = Place::START;
        loop {
            place = self.follow(place, &whole);
            if let Place::Complete { .. } = place {
                return whole.split_off(text.len());
            }
            whole += &self.bridge(place, &whole);
        }
    }

    /// True for a whole reply of this shape, to the letter.
    pub fn accepts(&self, text: &str) -> bool {
        let mut rest = text;
        let Some(after) = rest.strip_prefix(&self.opening) else {
            return false;
        };
        rest = after;
        for part in &self.parts {
            let Some(end) = part.find_end(rest) else {
                return false;
            };
            let (body, behind) = rest.split_at(end);
            let Some(behind) = behind.strip_prefix(&part.closing()) else {
                return false;
            };
            if !part.holds(body) {
                return false;
            }
            rest = behind;
        }
        rest.is_empty()
    }

    /// The fixed text before a part, or behind the last one.
    fn fixed(&self, part: usize) -> String {
        match part.checked_sub(1) {
            None => self.opening.clone(),
            Some(before) => self.parts[before].closing(),
        }
    }
}

impl Part {
    /// Where the body ends that a text begins with.
    fn find_end(&self, text: &str) -> Option<usize> {
        match self.body {
            Body::Text { .. } | Body::Number { .. } => text.find(&self.end),
            Body::Code { .. } => lines(text)
                .find(|(_, line)| line.trim_start().starts_with(FENCE))
                .map(|(start, line)| start + line.len() - line.trim_start().len()),
        }
    }

    /// What a body that breaks off here lacks, with the fixed text behind it.
    fn bridge(&self, body: &str) -> String {
        let lacks = match self.body {
            Body::Text { .. } if body.trim().is_empty() => "-",
            Body::Text { .. } => "",
            Body::Number { .. } if body.is_empty() => "0",
            Body::Number { .. } => {
                // Behind the digits, the end may have begun.
                let begun = body.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                return self.closing().get(begun..).unwrap_or("").to_string();
            }
            Body::Code { .. } => {
                let line = body.rsplit('\n').next().unwrap_or("");
                if body.trim().is_empty() || ends_in_fence(line) {
                    "-\n"
                } else if line.bytes().all(|byte| matches!(byte, b' ' | b'\t')) {
                    ""
                } else {
                    "\n"
                }
            }
        };
        format!("{lacks}{}", self.closing())
    }

    /// Whether a body, cut at its end, is what it should be.
    fn holds(&self, body: &str) -> bool {
        let is_clean = |words: &[String]| !words.iter().any(|word| body.contains(word));
        match &self.body {
            Body::Text { without } => is_clean(without) && !body.trim().is_empty(),
            Body::Code { without } => {
                let indent = body.rsplit('\n').next().unwrap_or("");
                is_clean(without)
                    && !body.trim().is_empty()
                    && indent.bytes().all(|byte| matches!(byte, b' ' | b'\t'))
                    && body.contains('\n')
                    && lines(body).all(|(_, line)| !ends_in_fence(line) && quotes_fences(line))
            }
            Body::Number { most } => {
                let is_plain = body == "0" || !body.starts_with('0');
                is_plain
                    && body.bytes().all(|byte| byte.is_ascii_digit())
                    && body.parse().is_ok_and(|number: u8| number <= *most)
            }
        }
    }
}

/// The lines of a text with their places, without their line feeds.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split('\n').scan(0, |start, line| {
        let at = *start;
        *start += line.len() + 1;
        Some((at, line))
    })
}

fn ends_in_fence(line: &str) -> bool {
    line.trim_end().ends_with(FENCE)
}

/// Whether every run of three or more of a fence's characters stands behind a quotation mark.
fn quotes_fences(line: &str) -> bool {
    line.match_indices(FENCE).all(|(at, _)| {
        let before = line[..at].trim_end_matches('`');
        before.ends_with(['"', '\''])
    })
}
