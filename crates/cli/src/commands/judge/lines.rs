//! The lines of a file, read by a thread of their own, as standard input may keep it waiting.

use std::io::{self, BufRead, BufReader, Read};

use tokio::sync::mpsc;

/// The longest line that is read; longer ones are skipped.
pub(super) const MAX_BYTES: u64 = 16 << 20;

/// A line that is not empty.
pub(super) struct Line {
    /// From 1 on.
    pub(super) number: u64,
    /// Without the line end.
    pub(super) text: io::Result<Vec<u8>>,
}

/// Reads ahead by no more than a line; an error ends it.
pub(super) fn read(source: impl Read + Send + 'static) -> mpsc::Receiver<Line> {
    let (send, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut source = BufReader::new(source);
        for number in 1.. {
            let text = match next(&mut source) {
                Ok(None) => return,
                Ok(Some(text)) if text.iter().all(u8::is_ascii_whitespace) => continue,
                Ok(Some(text)) => Ok(text),
                Err(error) => Err(error),
            };
            let is_last = text
                .as_ref()
                .is_err_and(|error| error.kind() != io::ErrorKind::FileTooLarge);
            if send.blocking_send(Line { number, text }).is_err() || is_last {
                return;
            }
        }
    });
    lines
}

fn next(source: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    source
        .by_ref()
        .take(MAX_BYTES)
        .read_until(b'\n', &mut text)?;
    if text.is_empty() {
        return Ok(None);
    }
    if text.last() != Some(&b'\n') && text.len() as u64 == MAX_BYTES {
        source.skip_until(b'\n')?;
        let error = format!("the line is longer than {MAX_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, error));
    }
    Ok(Some(text))
}
