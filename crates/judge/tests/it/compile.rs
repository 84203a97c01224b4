//! C++ programs: compilation, its cache of headers, and its failures.

use domain::{Language, Rung, Verdict};
use judge::{Judge, Settings};

use crate::common::{best_judge, judge_on, judged, stdio, submission};

const SUM: &str = "#include <bits/stdc++.h>\nusing namespace std;\nint main() { vector<int> v; int x; while (cin >> x) v.push_back(x); cout << accumulate(v.begin(), v.end(), 0) << endl; }";

#[tokio::test]
async fn a_precompiled_header_is_made_once_and_used() {
    let cache = tempfile::tempdir().unwrap();
    let settings = Settings {
        n_cells: 1,
        cache_dir: Some(cache.path().join("headers")),
        ..Settings::default()
    };
    let judge = Judge::start(settings).unwrap();
    if judge.toolchain(Language::Cpp).is_none() {
        println!("skipped: no C++ compiler");
        return;
    }
    for padding in ["", "\n// again\n"] {
        let program = submission(
            Language::Cpp,
            &format!("{SUM}{padding}"),
            vec![stdio("1 2 3", "6")],
        );
        let judging = judged(&judge, &program).await;
        assert_eq!(judging.verdict, Verdict::Accepted, "{judging:?}");
    }
    let directories: Vec<_> = std::fs::read_dir(cache.path().join("headers"))
        .unwrap()
        .collect();
    let directory = directories.into_iter().next().unwrap().unwrap().path();
    let files: Vec<_> = std::fs::read_dir(directory.join("bits")).unwrap().collect();
    let file = files.into_iter().next().unwrap().unwrap();
    assert_eq!(file.file_name(), "stdc++.h.gch");
    assert!(file.metadata().unwrap().len() > 1 << 20);
}

#[tokio::test]
async fn errors_name_the_line_and_no_more() {
    for rung in [Rung::Full, Rung::Userns, Rung::Landlock] {
        let Some(judge) = judge_on(rung) else {
            continue;
        };
        let program = submission(
            Language::Cpp,
            "int main() {\n  retrun 0;\n}",
            vec![stdio("", "")],
        );
        let judging = judged(&judge, &program).await;
        assert_eq!(judging.verdict, Verdict::CompileError);
        assert!(judging.cases.is_empty());
        assert!(
            judging.compile_log.contains("main.cpp:2:"),
            "{}",
            judging.compile_log
        );
        assert!(judging.toolchain.contains(' '), "{}", judging.toolchain);
    }
}

/// A static program has no dynamic loader in its memory.
const IS_STATIC: &str = "#include <stdio.h>\n#include <sys/auxv.h>\nint main() { puts(getauxval(AT_BASE) ? \"dynamic\" : \"static\"); return 0; }";

#[tokio::test]
async fn programs_are_linked_as_the_report_on_the_machine_says() {
    let judge = best_judge();
    let settings = Settings::default();
    for probe in judge::probe(&settings) {
        let found = probe.result.unwrap_or_default();
        let Some((_, linking)) = found.rsplit_once(", ") else {
            continue;
        };
        let language = [Language::C, Language::Cpp, Language::Cpp20]
            .into_iter()
            .find(|language| language.name() == probe.name);
        if let (Some(language), Some(kind)) = (language, linking.strip_suffix(" programs")) {
            println!("{language}: {kind}");
            let program = submission(language, IS_STATIC, vec![stdio("", kind)]);
            let judging = judged(&judge, &program).await;
            assert_eq!(
                judging.verdict,
                Verdict::Accepted,
                "{language}: {judging:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_program_is_compiled_once() {
    let tools = tempfile::tempdir().unwrap();
    let compiler = tools.path().join("g++");
    let real = std::path::Path::new("/usr/bin/g++");
    if !real.exists() {
        println!("skipped: no C++ compiler");
        return;
    }
    std::os::unix::fs::symlink(real, &compiler).unwrap();
    // A cell that takes one run only, so that each sees what has become of the compiler.
    let judge = Judge::start(Settings {
        n_cells: 1,
        runs_per_cell: 1,
        tools: [(Language::Cpp, compiler.clone())].into(),
        ..Settings::default()
    })
    .unwrap();
    let program = submission(Language::Cpp, SUM, vec![stdio("1 2", "3")]);
    assert_eq!(judged(&judge, &program).await.verdict, Verdict::Accepted);
    std::fs::remove_file(&compiler).unwrap();
    assert_eq!(judged(&judge, &program).await.verdict, Verdict::Accepted);
    let other = submission(Language::Cpp, &format!("{SUM} "), program.tests.clone());
    let judging = judged(&judge, &other).await;
    assert_eq!(judging.verdict, Verdict::CompileError, "{judging:?}");
}
