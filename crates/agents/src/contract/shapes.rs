//! What the shapes of contracts accept, the strict parsers read.

use domain::{Form, Language, Shape};
use proptest::prelude::*;

use super::*;

/// Whether a reply is read strictly.
fn is_strict(contract: Contract, reply: &str, k: usize, language: Language) -> bool {
    let wanted = Wanted {
        language,
        form: &Form::Stdio,
    };
    contract.format(reply, k, wanted) == Format::Strict
}

/// What a model may write into a body: harmless, or made to break out of it.
fn body() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z0-9 .,<>/`~\"'\n]{1,8}",
        2 => "\\PC{0,6}",
        1 => any::<String>(),
        4 => prop::sample::select(vec![
            "\n", "\r\n", "\u{a0}", "\u{2028}", "    ", "\t", "`", "``", "```", "````", "~~~", "\"```", "'```'",
            "\"\"\"```\n", "python\n", "</plan", "</plan>", "<plan>", "</explanation>", "</description>", "</example>",
            "<example>", "</algorithm>", "<think", "<think>", "</think>", "</ think>", "<![CDATA[", "]]>", "0", "100",
            "</confidence>", "x = 1", "\nx = 1\n", "#include <thin",
        ]).prop_map(str::to_string),
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

/// A reply in the form of a shape, if none of the bodies breaks out of it.
fn fill(shape: &Shape, bodies: &[String]) -> String {
    let mut reply = shape.opening.clone();
    for (part, body) in shape.parts.iter().zip(bodies) {
        reply += body;
        reply += &part.closing();
    }
    reply
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_a_shape_accepts_is_read_strictly(
        bodies in prop::collection::vec(body(), 8),
        number in 0u32..=101,
        k in 0usize..=3,
        language in prop::sample::select(Language::ALL.to_vec()),
        cut in any::<prop::sample::Index>(),
    ) {
        for contract in Contract::ALL {
            let shape = contract.shape(k, language);
            let mut bodies = bodies.clone();
            match contract {
                Contract::Confidence => bodies[1] = number.to_string(),
                Contract::Simulation => bodies[1] = (number % 3).to_string(),
                Contract::Code => bodies[0] += "\nlast\n",
                Contract::Repair | Contract::Reasoned => bodies[1] += "\nlast\n",
                Contract::Analogy => bodies[2 * k + 1] += "\nlast\n",
                _ => {}
            }
            let reply = fill(&shape, &bodies);
            if !shape.accepts(&reply) {
                continue;
            }
            prop_assert!(is_strict(contract, &reply, k, language), "{contract:?}: {reply:?}");
            let mut cut = cut.index(reply.len() + 1);
            while !reply.is_char_boundary(cut) {
                cut -= 1;
            }
            let whole = format!("{}{}", &reply[..cut], shape.completion(&reply[..cut]));
            prop_assert!(shape.accepts(&whole), "{contract:?}: {whole:?}");
            prop_assert!(is_strict(contract, &whole, k, language), "{contract:?}: {whole:?}");
        }
    }

    #[test]
    fn every_shape_can_be_filled(word in "[a-z]{1,9}", number in 0u32..=100, k in 0usize..=9) {
        for (contract, language) in Contract::ALL.into_iter().zip(Language::ALL.into_iter().cycle()) {
            let shape = contract.shape(k, language);
            let reply = fill(&shape, &vec![format!("{word}\n"); shape.parts.len()]);
            let reply = match contract {
                Contract::Confidence => fill(&shape, &[word.clone(), number.to_string()]),
                Contract::Simulation => fill(&shape, &[word.clone(), (number % 2).to_string()]),
                _ => reply,
            };
            prop_assert!(shape.accepts(&reply), "{contract:?}: {reply:?}");
            prop_assert!(is_strict(contract, &reply, k, language), "{contract:?}: {reply:?}");
        }
    }
}
