use super::date;

#[test]
fn days_since_1970_are_dates() {
    for (days, expect) in [
        (0, "1970-01-01"),
        (58, "1970-02-28"),
        (59, "1970-03-01"),
        (11_016, "2000-02-29"),
        (20_819, "2027-01-01"),
        (20_818, "2026-12-31"),
    ] {
        assert_eq!(date(days), expect);
    }
}
