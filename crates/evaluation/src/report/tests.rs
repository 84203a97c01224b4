use super::*;
use crate::Header;
use crate::fixtures::{header, results, scored};

#[test]
fn a_report_of_everything_that_can_happen() {
    insta::assert_snapshot!(Summary::new(header(), &results()).render());
}

#[test]
fn a_report_of_a_complete_run() {
    let header = Header {
        n_selected: 1,
        ..header()
    };
    let results = [scored("p/0", (0, 0), domain::Verdict::Accepted)];
    insta::assert_snapshot!(Summary::new(header, &results).render());
}

#[test]
fn a_report_says_whose_replies_were_held() {
    let head = |held: &[Agent]| {
        let header = Header {
            held: held.to_vec(),
            ..header()
        };
        let report = Summary::new(header, &[]).render();
        report.lines().nth(3).unwrap().to_string()
    };
    use Agent::{Coding, Planning};
    assert_eq!(head(&Agent::ALL), "replies   held by grammar");
    assert_eq!(
        head(&[Planning, Coding]),
        "replies   held by grammar: planning, coding"
    );
    assert!(head(&[]).starts_with("problems"));
}

#[test]
fn a_report_of_nothing() {
    insta::assert_snapshot!(Summary::new(header(), &[]).render());
}

#[test]
fn large_numbers_are_grouped() {
    let check = |number, expect: &str| assert_eq!(grouped(number), expect);
    check(0, "0");
    check(999, "999");
    check(1000, "1,000");
    check(1234567, "1,234,567");
}
