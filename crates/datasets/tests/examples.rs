//! The example problems at the root of the repository.

use std::path::{Path, PathBuf};

use domain::{Form, Test};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_example_is_complete_and_has_a_known_good_solution() {
    let set = datasets::load(&root().join("examples")).unwrap();
    assert_eq!(set.skipped, []);
    assert!(set.tasks.len() >= 8);
    for task in &set.tasks {
        let problem = &task.problem;
        assert!(
            (2..=4).contains(&problem.samples.len()),
            "{}: samples",
            problem.id
        );
        assert!(
            task.hidden.reveal().len() >= 3,
            "{}: hidden tests",
            problem.id
        );
        for sample in &problem.samples {
            assert!(
                !task.hidden.reveal().contains(sample),
                "{}: a sample is a hidden test too",
                problem.id
            );
        }
        let solution = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/solutions/{}.py", problem.id));
        let solution = std::fs::read_to_string(&solution).unwrap();
        match &problem.form {
            Form::Function { entry_point, .. } => {
                assert!(solution.contains(&format!("def {entry_point}(")))
            }
            Form::Stdio => assert!(
                problem
                    .samples
                    .iter()
                    .all(|test| matches!(test, Test::Stdio { .. }))
            ),
        }
    }
}
