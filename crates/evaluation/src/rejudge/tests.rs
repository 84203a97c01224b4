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

#[test]
fn reasons_are_counted_for_each_file() {
    let mut all = all();
    all[1].reason = Some(Reason::OneNamespace);
    all[2].reason = Some(Reason::Unexplained { said: "a".into() });
    all[3].reason = Some(Reason::Unexplained { said: "b".into() });
    let scores = file_scores(&all);
    let counts: Vec<usize> = scores[0].reasons.iter().map(|(_, n)| *n).collect();
    assert_eq!(counts, [2, 1]);
    let table = render_reasons(&scores);
    assert!(table.contains("2  not explained"), "{table}");
    assert!(table.contains("1  as recorded in one namespace"), "{table}");
    assert_eq!(render_reasons(&file_scores(&self::all())), "");
}

#[test]
fn a_harness_deviates_for_what_the_refusing_side_says() {
    let of = |strict: Verdict, execeval: Verdict| {
        let mut one = rejudged("a/0", None, strict, execeval);
        one.strict.message = "ours".to_string();
        one.compat[0].1.message = "theirs".to_string();
        one.deviations()
            .map(|deviation| (deviation.said.verdict, deviation.why.to_string()))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(WRONG, RIGHT), [(RIGHT, "ours".to_string())]);
    assert_eq!(of(RIGHT, WRONG), [(WRONG, "theirs".to_string())]);
    assert_eq!(of(RIGHT, RIGHT), []);
    assert_eq!(of(Verdict::TimeLimit, WRONG), [], "both refuse it");
    assert_eq!(of(Verdict::LanguageUnavailable, RIGHT), []);
}

#[test]
fn what_a_harness_does_not_compare_counts_as_we_say() {
    let mut function = rejudged("a/0", None, RIGHT, WRONG);
    function.compat.clear();
    let program = rejudged("a/1", None, RIGHT, WRONG);
    let scores = file_scores(&[function, program]);
    assert_eq!(scores[0].all.compat, [(Harness::ExecEval, 1)]);
}
