use super::*;

fn finding(area: Area, state: State) -> Finding {
    Finding::new(area, "name", state, "detail")
}

#[test]
fn notes_do_not_keep_the_main_job_from_running() {
    let findings = [
        finding(Area::Judge, State::Note),
        finding(Area::Model, State::Ok),
    ];
    assert_eq!(verdict(&findings), Exit::Success);
}

#[test]
fn only_a_broken_judge_has_a_code_of_its_own() {
    let judge = finding(Area::Judge, State::Broken);
    let model = finding(Area::Model, State::Broken);
    assert_eq!(
        verdict(std::slice::from_ref(&judge)),
        Exit::JudgeUnavailable
    );
    assert_eq!(verdict(&[judge, model]), Exit::Failure);
}
