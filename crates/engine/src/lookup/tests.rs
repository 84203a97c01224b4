use proptest::prelude::*;

use super::*;

#[test]
fn what_followed_the_same_tokens_last_time_is_guessed() {
    let mut lookup = Lookup::new();
    assert!(lookup.guess(&[], 9).is_empty());
    assert!(lookup.guess(&[1, 2, 3], 9).is_empty());
    let tokens = [1, 2, 3, 4, 5, 1, 2, 3];
    assert_eq!(lookup.guess(&tokens, 9), [4, 5, 1, 2]);
    assert_eq!(lookup.guess(&tokens, 2), [4, 5]);
    // The latest occurrence counts.
    let tokens = [1, 2, 3, 4, 5, 1, 2, 3, 9, 1, 2, 3];
    assert_eq!(lookup.guess(&tokens, 1), [9]);
}

#[test]
fn right_guesses_grow_and_wrong_ones_pause() {
    let mut lookup = Lookup::new();
    let loops: Vec<u32> = (0..100).map(|i| i % 4).collect();
    let len = |lookup: &mut Lookup| lookup.guess(&loops, 99).len();
    let first = len(&mut lookup);
    lookup.learn(first, first);
    assert_eq!(len(&mut lookup), 4, "no more has followed");
    let mut n_tried = 0;
    for _ in 0..200 {
        let n = len(&mut lookup);
        n_tried += usize::from(n > 0);
        lookup.learn(n, 0);
    }
    assert!((2..12).contains(&n_tried), "{n_tried} of 200 wrong guesses");
}

proptest! {
    /// However tokens come, a guess is a copy of something that stood behind the same three tokens.
    #[test]
    fn a_guess_is_a_copy(tokens in prop::collection::vec(0u32..4, 0..80), cuts in prop::collection::vec(1usize..9, 20)) {
        let mut lookup = Lookup::new();
        let mut len = 0;
        for cut in cuts {
            len = (len + cut).min(tokens.len());
            let known = &tokens[..len];
            let guess = lookup.guess(known, 7);
            prop_assert!(guess.len() <= 7);
            if !guess.is_empty() {
                let tail = &known[len - N_GRAM..];
                let is_copy = known
                    .windows(N_GRAM + guess.len())
                    .any(|window| &window[..N_GRAM] == tail && window[N_GRAM..] == guess);
                prop_assert!(is_copy, "{guess:?} behind {known:?}");
            }
        }
    }
}
