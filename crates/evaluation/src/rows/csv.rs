use std::io::{self, Write};

use domain::Task;

use super::{COLUMNS, Cell, rows};
use crate::ProblemResult;

/// Writes a heading and a row for each result, as RFC 4180 wants it. Tags stand in one cell, with `;` between them;
/// cells that nothing is known for are empty.
///
/// # Errors
/// When the file cannot be written.
pub fn write_csv(
    file: &mut impl Write,
    tasks: &[Task],
    results: &[ProblemResult],
) -> io::Result<()> {
    line(file, COLUMNS.map(|(name, _)| name.to_string()))?;
    for row in rows(tasks, results) {
        let cells = row.map(|cell| match cell {
            Cell::Text(text) => text.unwrap_or_default(),
            Cell::Whole(number) => number.map_or(String::new(), |number| number.to_string()),
            Cell::Real(number) => format!("{number:.3}"),
        });
        line(file, cells)?;
    }
    Ok(())
}

fn line(file: &mut impl Write, cells: [String; COLUMNS.len()]) -> io::Result<()> {
    let cells = cells.map(|cell| {
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    write!(file, "{}\r\n", cells.join(","))
}
