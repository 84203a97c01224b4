use super::*;
use crate::Contract;

fn correction(contract: Contract, plan: usize, round: usize) -> Correction {
    Correction {
        spot: Spot {
            contract,
            plan,
            round,
        },
        feedback: format!("{} {plan} {round}", contract.name()),
    }
}

#[test]
fn a_new_correction_drops_those_behind_it_and_adds_to_those_beside_it() {
    let recall = correction(Contract::Recall, 0, 0);
    let plan = correction(Contract::Plan, 1, 0);
    let code = correction(Contract::Code, 1, 0);
    let repair = correction(Contract::Repair, 1, 2);
    let other = correction(Contract::Code, 0, 0);
    let all = [
        recall.clone(),
        plan.clone(),
        code.clone(),
        repair.clone(),
        other.clone(),
    ];
    let check = |new: &Correction, kept: &[&Correction]| {
        let expected: Vec<Correction> = kept.iter().copied().chain([new]).cloned().collect();
        assert_eq!(Correction::adopt(&all, new.clone()), expected, "{new:?}");
    };
    check(&recall, &[&recall]);
    check(&plan, &[&recall, &plan, &other]);
    check(&code, &[&recall, &plan, &code, &other]);
    check(
        &correction(Contract::Repair, 1, 1),
        &[&recall, &plan, &code, &other],
    );
    check(
        &correction(Contract::Repair, 1, 3),
        &[&recall, &plan, &code, &repair, &other],
    );
}

#[test]
fn an_echo_is_heard_in_spite_of_case_and_punctuation() {
    let long = Correction {
        feedback: "The plan forgets that the list may be empty; say what happens then.".into(),
        ..correction(Contract::Plan, 0, 0)
    };
    assert!(
        long.is_echoed_in("<plan>\n1. That THE list, may be empty: say what happens. Good.</plan>")
    );
    assert!(
        !long.is_echoed_in(
            "<plan>\n1. If the list may be empty, return 0.\n2. Else the sum.</plan>"
        )
    );
    let short = Correction {
        feedback: "Handle the empty list.".into(),
        ..long.clone()
    };
    assert!(short.is_echoed_in("1. handle the empty list"));
    assert!(!short.is_echoed_in("1. Return 0 for an empty list"));
    let word = Correction {
        feedback: "Multiply.".into(),
        ..long
    };
    assert!(
        !word.is_echoed_in("1. Multiply the numbers."),
        "a word says nothing"
    );
    assert!(!word.is_echoed_in(""));
}
