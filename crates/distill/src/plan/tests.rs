use proptest::prelude::*;

use super::*;

const SMALL: &str = "problems:\n  - data: train.jsonl\nteacher:\n  model: big\noutput: sets\n";

fn check(more: &str, expect: &str) {
    let error = Plan::parse(&format!("{SMALL}{more}"))
        .unwrap_err()
        .to_string();
    assert!(error.contains(expect), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn a_small_plan_has_the_numbers_of_the_paper() {
    let plan = Plan::parse(SMALL).unwrap();
    assert_eq!(
        (plan.k, plan.t, plan.temperatures.as_slice()),
        (3, 5, &[0.0][..])
    );
    assert_eq!(
        (plan.language, plan.corrections.rounds),
        (Language::Python, 2)
    );
    assert_eq!(plan.teacher.of(Agent::Coding).model.as_deref(), Some("big"));
}

#[test]
fn an_agent_may_have_a_model_of_its_own() {
    let yaml = "problems: [{data: a.jsonl, split: {share: 0.8, seed: 3}, limit: 5}]\noutput: sets\nteacher:\n  \
        model: big\n  base_url: http://127.0.0.1:1/v1\n  agents:\n    planning: {model: bigger}\n";
    let plan = Plan::parse(yaml).unwrap();
    let model = |agent| plan.teacher.of(agent).model.unwrap();
    assert_eq!(
        (model(Agent::Planning), model(Agent::Coding)),
        ("bigger".into(), "big".into())
    );
    let split = plan.problems[0].split.unwrap();
    assert_eq!((split.share, split.seed, split.part), (0.8, 3, Part::First));
}

#[test]
fn a_bad_plan_is_told_in_one_line_with_its_key() {
    check("pupil: {}\n", "unknown field `pupil`");
    check("student: {name: x}\n", "unknown field `name`");
    check("k: many\n", "`k`");
    check("k: 0\n", "`k` must be from 1 to 100");
    check("t: 101\n", "`t` must be");
    check("language: cobol\n", "cobol");
    check("temperatures: []\n", "`temperatures` is empty");
    check("temperatures: [0, 0.5, 0]\n", "`temperatures` has 0 twice");
    check("temperatures: [-1]\n", "`temperatures` must be");
    check("max_tokens: 0\n", "`max_tokens` must be");
    check("budget: {cost: 3}\n", "`cost` needs `prices`");
    check("budget: {replies: 3}\n", "unknown field `replies`");
    check("student: {model: small}\n", "`student` is there");
    check("corrections:\n  rounds: -1\n", "`rounds`");
    check("output: again\n", "output");
    check("corrections: {rounds: 1, max_chars: few}\n", "`max_chars`");
    for (yaml, expect) in [
        (
            "problems: []\nteacher: {}\noutput: x\n",
            "`problems` names no data set",
        ),
        ("teacher: {}\noutput: x\n", "`problems`"),
        (
            "problems: [{data: a, limit: 0}]\nteacher: {}\noutput: x\n",
            "`limit` must be",
        ),
        (
            "problems: [{data: a, split: {share: 2}}]\nteacher: {}\noutput: x\n",
            "`share` must be",
        ),
        (
            "problems: [{data: a, split: {share: 1, part: third}}]\nteacher: {}\noutput: x\n",
            "third",
        ),
        ("[1, 2", "read the plan"),
        ("", "read the plan"),
    ] {
        let error = Plan::parse(yaml).unwrap_err().to_string();
        assert!(
            error.contains(expect) && error.lines().count() == 1,
            "{error}"
        );
    }
}

#[test]
fn budgets_and_places_do_not_name_the_work() {
    let digest = |more: &str| Plan::parse(&format!("{SMALL}{more}")).unwrap().digest();
    let same = digest("");
    assert_eq!(digest("budget: {calls: 3}\nconcurrency: 2\n"), same);
    assert_ne!(digest("k: 1\n"), same);
    assert_ne!(digest("temperatures: [0, 0.7]\n"), same);
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in any::<String>(), more in "[a-z: \n\\[\\]{}\\-0-9\"]{0,80}") {
        drop(Plan::parse(&text));
        if let Err(error) = Plan::parse(&format!("{SMALL}{more}")) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
