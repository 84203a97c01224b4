use super::*;

fn said(verdict: Verdict) -> Said {
    Said {
        verdict,
        message: "line 1: expected `1`, found `2`".to_string(),
    }
}

fn rejudged(id: &str, recorded: Option<bool>, strict: Verdict, execeval: Verdict) -> Rejudged {
    Rejudged {
        origin: "results.jsonl".to_string(),
        line: 1,
        id: id.to_string(),
        code: "print(1)".to_string(),
        failed: Vec::new(),
        recorded,
        errata: Vec::new(),
        samples_only: false,
        strict: said(strict),
        compat: vec![(Harness::ExecEval, said(execeval))],
        reason: None,
    }
}

const RIGHT: Verdict = Verdict::Accepted;
const WRONG: Verdict = Verdict::WrongAnswer;

fn all() -> Vec<Rejudged> {
    let mut typed = rejudged("a/3", Some(false), RIGHT, RIGHT);
    typed.errata = vec!["its tests are odd"];
    vec![
        rejudged("a/0", Some(true), RIGHT, RIGHT),
        rejudged("a/1", Some(true), WRONG, RIGHT),
        rejudged("a/2", Some(false), WRONG, WRONG),
        typed,
        rejudged("a/4", Some(true), Verdict::LanguageUnavailable, WRONG),
    ]
}

#[test]
fn a_difference_is_explained_by_the_first_reason_that_fits() {
    let all = all();
    let reason = |at: usize, leaked| Reason::of(&all[at], leaked, None);
    assert_eq!(
        reason(1, None),
        Reason::Comparison {
            harness: Harness::ExecEval
        }
    );
    assert_eq!(
        reason(1, Some(false)),
        Reason::Comparison {
            harness: Harness::ExecEval
        }
    );
    assert_eq!(reason(1, Some(true)), Reason::OneNamespace);
    assert_eq!(
        reason(3, None),
        Reason::Erratum {
            what: "its tests are odd"
        }
    );
    assert_eq!(
        Reason::of(&all[1], Some(true), Some(true)),
        Reason::OneNamespace
    );
    assert_eq!(
        Reason::of(&all[1], Some(false), Some(true)),
        Reason::ForeignSum
    );
    let unexplained = rejudged("a/5", Some(true), WRONG, WRONG);
    assert_eq!(
        Reason::of(&unexplained, Some(false), Some(false)).to_string(),
        "judged here: wrong answer: line 1: expected `1`, found `2`"
    );
}

#[test]
fn samples_alone_contradict_only_what_was_recorded_as_right() {
    let mut one = rejudged("a/0", Some(false), RIGHT, RIGHT);
    assert!(one.differs());
    one.samples_only = true;
    assert!(!one.differs());
    one.recorded = Some(true);
    one.strict = said(WRONG);
    assert!(one.differs());
    one.recorded = None;
    assert!(!one.differs());
}

#[test]
fn scores_count_known_answers_and_show_errata_apart() {
    let [score] = &file_scores(&all())[..] else {
        panic!("one file")
    };
    let all = &score.all;
    assert_eq!(
        (all.n, all.recorded, all.strict, all.n_different),
        (4, Some(2), 2, 2)
    );
    assert_eq!(all.compat, [(Harness::ExecEval, 3)]);
    assert_eq!(score.n_unjudged, 1);
    let errata = score.errata.as_ref().unwrap();
    assert_eq!((errata.n, errata.recorded, errata.strict), (1, Some(0), 1));
    insta::assert_snapshot!(render_scores(std::slice::from_ref(score)));
}
