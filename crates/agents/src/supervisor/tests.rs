use super::*;

fn sections(lengths: &[usize]) -> Vec<Section> {
    let section = |length: &usize| Section {
        title: "t".into(),
        text: ('a'..='z').cycle().take(*length).collect(),
    };
    lengths.iter().map(section).collect()
}

fn check(lengths: &[usize], max_chars: usize, expect: &[usize]) {
    let mut shortened = sections(lengths);
    shorten(&mut shortened, max_chars);
    let found: Vec<usize> = shortened
        .iter()
        .map(|section| section.text.chars().count())
        .collect();
    assert_eq!(found, expect, "{lengths:?} in {max_chars}");
    for (whole, part) in sections(lengths).iter().zip(&shortened) {
        let is_whole = whole == part;
        assert!(is_whole || part.text.contains("[…]"), "{part:?}");
    }
}

#[test]
fn only_the_longest_parts_are_shortened() {
    check(&[10, 20, 30], 60, &[10, 20, 30]);
    check(&[100, 10, 300], 110, &[50, 10, 50]);
    check(&[100, 40, 300], 120, &[40, 40, 40]);
    check(&[1000, 30, 900, 20], 250, &[100, 30, 100, 20]);
    check(&[], 10, &[]);
}
