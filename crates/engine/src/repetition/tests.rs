use super::is_endless;

/// A reply of `n_before` different tokens and then `n` tokens that repeat every `period`.
fn reply(n_before: usize, period: usize, n: usize) -> Vec<u32> {
    let before = (0..n_before).map(|at| 1000 + at as u32);
    before
        .chain((0..n).map(|at| (at % period) as u32))
        .collect()
}

#[test]
fn a_loop_is_found_once_it_has_lasted() {
    for (period, n) in [(1, 192), (7, 192), (32, 192), (40, 240), (64, 384)] {
        assert!(!is_endless(&reply(16, period, n - 16)), "{period}");
        assert!(is_endless(&reply(16, period, n)), "{period}");
    }
}

#[test]
fn what_only_looks_alike_is_none() {
    assert!(!is_endless(&reply(0, 65, 1040)), "longer than any period");
    assert!(!is_endless(&[]));
    let counting: Vec<u32> = (0..1024)
        .map(|at| if at % 8 == 0 { at } else { 7 })
        .collect();
    assert!(!is_endless(&counting), "a number changes in every line");
    let mut broken = reply(0, 8, 512);
    broken[500] = 99;
    assert!(!is_endless(&broken), "the loop was left");
}
