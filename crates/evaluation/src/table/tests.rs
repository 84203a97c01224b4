use proptest::prelude::*;

use super::*;

#[test]
fn columns_are_aligned_whatever_the_script() {
    let mut table = Table::new([
        ("name", Align::Left),
        ("n", Align::Right),
        ("", Align::Left),
    ]);
    table.row(["plain", "7", "x"]);
    table.row(["日本", "12"]);
    table.row(["e\u{301}t\ne\u{301}", "1000", "", "beyond"]);
    let expected = [
        "name      n",
        "─────  ────  ─",
        "plain     7  x",
        "日本     12",
        "e\u{301}t e\u{301}   1000",
        "",
    ];
    assert_eq!(table.to_string(), expected.join("\n"));
}

proptest! {
    #[test]
    fn every_line_of_a_table_is_as_wide_as_its_columns(
        rows in proptest::collection::vec(("\\PC{0,6}", "\\PC{0,6}"), 0..6)
    ) {
        let mut table = Table::new([("a", Align::Left), ("b", Align::Right)]);
        for (left, right) in &rows {
            table.row([left.as_str(), &format!("{right}|")]);
        }
        let text = table.to_string();
        let lines: Vec<&str> = text.lines().collect();
        prop_assert_eq!(lines.len(), rows.len() + 2);
        for line in &lines[2..] {
            prop_assert_eq!(width(line), width(lines[1]));
        }
    }
}
