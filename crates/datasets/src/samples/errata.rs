/// Examples in HumanEval's statements and lists that contradict its tests: task, sample, why.
/// Each was checked by running the published solution.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "HumanEval/47",
        "assert median([-10, 4, 6, 1000, 10, 20]) == 15.0",
        "the statement says 15.0, the median is 8.0",
    ),
    (
        "HumanEval/116",
        "assert sort_array([1, 5, 2, 3, 4]) == [1, 2, 3, 4, 5]",
        "the statement sorts by value, the tests by the number of ones",
    ),
    (
        "HumanEval/116",
        "assert sort_array([-2, -3, -4, -5, -6]) == [-6, -5, -4, -3, -2]",
        "the statement sorts by value, the tests by the number of ones",
    ),
    (
        "HumanEval/116",
        "assert sort_array([1, 0, 2, 3, 4]) == [0, 1, 2, 3, 4]",
        "the statement sorts by value, the tests by the number of ones",
    ),
    (
        "HumanEval/126",
        "assert is_sorted([1, 2, 2, 3, 3, 4]) == False",
        "LPW's file turns the value of the statement round",
    ),
    (
        "HumanEval/130",
        "assert tri(1) == 3",
        "it speaks of a term of the sequence, not of the function",
    ),
    (
        "HumanEval/130",
        "assert tri(2) == 2",
        "it speaks of a term of the sequence, not of the function",
    ),
    (
        "HumanEval/130",
        "assert tri(4) == 3",
        "it speaks of a term of the sequence, not of the function",
    ),
    (
        "HumanEval/148",
        "assert bf(\"Earth\", \"Mercury\") == (\"Venus\")",
        "the statement forgets the comma of a tuple of one",
    ),
];

/// Examples that HumanEval's statements give in words that no rule reads safely, read by hand: task, samples.
pub(crate) const READINGS: &[(&str, &[&str])] = &[
    (
        "HumanEval/38",
        &["assert decode_cyclic(encode_cyclic('abcdefgh')) == 'abcdefgh'"],
    ),
    (
        "HumanEval/50",
        &["assert decode_shift(encode_shift('abcxyz')) == 'abcxyz'"],
    ),
    (
        "HumanEval/80",
        &[
            "assert is_happy('a') == False",
            "assert is_happy('aa') == False",
            "assert is_happy('abcd') == True",
            "assert is_happy('aabb') == False",
            "assert is_happy('adb') == True",
            "assert is_happy('xyy') == False",
        ],
    ),
    (
        "HumanEval/81",
        &["assert numerical_letter_grade([4.0, 3, 1.7, 2, 3.5]) == ['A+', 'B', 'C-', 'C', 'A-']"],
    ),
    (
        "HumanEval/105",
        &[
            "assert by_length([2, 1, 1, 4, 5, 8, 2, 3]) == ['Eight', 'Five', 'Four', 'Three', 'Two', 'Two', 'One', 'One']",
            "assert by_length([]) == []",
            "assert by_length([1, -1, 55]) == ['One']",
        ],
    ),
    (
        "HumanEval/149",
        &[
            "assert sorted_list_sum(['aa', 'a', 'aaa']) == ['aa']",
            "assert sorted_list_sum(['ab', 'a', 'aaa', 'cd']) == ['ab', 'cd']",
        ],
    ),
    (
        "HumanEval/160",
        &["assert do_algebra(['+', '*', '-'], [2, 3, 4, 5]) == 9"],
    ),
];

/// Why a sample of a task is known to be wrong; absent when nothing is known against it.
pub(crate) fn fault(task_id: &str, sample: &str) -> Option<&'static str> {
    let squeezed = |text: &str| text.replace(char::is_whitespace, "");
    let sample = squeezed(sample);
    FAULTS
        .iter()
        .find(|(id, fault, _)| *id == task_id && squeezed(fault) == sample)
        .map(|(_, _, why)| *why)
}
