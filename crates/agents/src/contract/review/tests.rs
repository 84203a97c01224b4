use domain::Agent;
use proptest::prelude::*;

use super::*;
use crate::Format;

fn found(blame: Option<Agent>) -> Review {
    Review {
        reason: "it adds".into(),
        blame,
        feedback: "multiply".into(),
    }
}

#[test]
fn every_number_names_an_agent_or_nobody() {
    let agents = Agent::ALL.map(Some);
    for (number, blame) in [&[None], &agents[..]].concat().into_iter().enumerate() {
        let reply = format!(
            "<reason>it adds</reason>\n<agent>{number}</agent>\n<feedback>multiply</feedback>"
        );
        let parsed = review(&reply);
        assert_eq!(parsed.format, Format::Strict, "{reply}");
        assert_eq!(parsed.value, Some(found(blame)), "{reply}");
        let number = number as u8;
        assert!(blame.is_none_or(|agent| blame_number(agent) == number));
    }
}

#[test]
fn a_review_in_another_form_is_recovered() {
    for reply in [
        "<reason>it adds</reason><agent>coding</agent><feedback>multiply</feedback>",
        "Well. <reason>it adds</reason><agent>3</agent><feedback>multiply</feedback>",
        "<agent>The coding specialist.</agent><reason>it adds</reason><feedback>multiply</feedback>",
        "<Reason>it adds</Reason><Blame> 3. </Blame><Feedback>multiply</Feedback>",
        "<reason>it adds<agent>Coder<feedback>multiply",
        "<think>2?</think><reason>it adds</reason><agent>3</agent><feedback>multiply</feedback> ok",
    ] {
        let parsed = review(reply);
        assert_eq!(parsed.format, Format::Recovered, "{reply}");
        assert_eq!(parsed.value, Some(found(Some(Agent::Coding))), "{reply}");
    }
    let nobody = "<reason>it adds</reason><agent>nobody</agent><feedback>multiply</feedback>";
    assert_eq!(review(nobody).value, Some(found(None)));
}

#[test]
fn a_review_without_one_agent_or_without_feedback_is_a_failure() {
    for reply in [
        "",
        "The coder is wrong.",
        "<reason>r</reason><agent>5</agent><feedback>f</feedback>",
        "<reason>r</reason><agent>planning or coding</agent><feedback>f</feedback>",
        "<reason>r</reason><agent>somebody</agent><feedback>f</feedback>",
        "<reason>r</reason><agent>3</agent><feedback> </feedback>",
        "<reason>r</reason><agent>3</agent>",
        "<reason>r</reason><feedback>f</feedback>",
    ] {
        let parsed = review(reply);
        assert_eq!(
            (parsed.value, parsed.format),
            (None, Format::Failed),
            "{reply}"
        );
    }
}

/// Pieces that replies are made of.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "<reason>",
            "</reason>",
            "<agent>",
            "</agent>",
            "<feedback>",
            "</feedback>",
            "<blame>",
            "<think>",
            "</think>",
            "<![CDATA[",
            "]]>",
            "0",
            "3",
            "5",
            "coding",
            "planner",
            "none",
            "\n",
            " ",
        ])
        .prop_map(str::to_string),
        "\\PC{0,8}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_reply_breaks_the_parser(reply in text()) {
        let parsed = review(&reply);
        prop_assert_eq!(parsed.value.is_none(), parsed.format == Format::Failed);
        prop_assert!(parsed.value.is_none_or(|review| !review.feedback.is_empty()));
    }

    #[test]
    fn what_the_shape_accepts_is_read_strictly(reason in text(), number in 0..=6_u8, feedback in text()) {
        let reply = format!("<reason>{reason}</reason>\n<agent>{number}</agent>\n<feedback>{feedback}</feedback>");
        prop_assert!(!review_shape().accepts(&reply) || review(&reply).format == Format::Strict, "{:?}", reply);
    }

    #[test]
    fn the_shape_can_be_filled(word in "[a-z]{1,9}", number in 0..=4_u8) {
        let reply = format!("<reason>{word}</reason>\n<agent>{number}</agent>\n<feedback>{word}</feedback>");
        prop_assert!(review_shape().accepts(&reply));
    }
}
