//! `report` and `view` of runs that were really made.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use crate::work::{Server, arguments, problem};
use crate::world::World;

/// A finished run of two problems.
fn world() -> World {
    let world = World::new();
    for number in 1..=2 {
        world.write(
            &format!("project/problems/add{number}.md"),
            &problem(number),
        );
    }
    let server = Server::start(&world, 0);
    let outcome = world.run(&arguments(&server.url, &["eval", "--data", "problems"]));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    world
}

#[test]
fn a_run_is_reported_as_a_table_a_page_and_rows() {
    let world = world();
    let table = world.run(&["report"]);
    assert_eq!(table.code, Some(0), "{}", table.stderr);
    assert!(
        table.stdout.contains("pass@1    100.0 % (2/2)"),
        "{}",
        table.stdout
    );
    let files = [
        "--html",
        "r.html",
        "--csv",
        "r.csv",
        "--parquet",
        "r.parquet",
        "--jsonl",
        "r.jsonl",
        "--data",
        "problems",
    ];
    let written = world.run(&[&["report"][..], &files].concat());
    assert_eq!(
        (written.code, written.stdout.as_str()),
        (Some(0), ""),
        "{}",
        written.stderr
    );
    let read =
        |name: &str| std::fs::read_to_string(world.path(&format!("project/{name}"))).unwrap();
    let html = read("r.html");
    assert!(html.contains("data-chunk=\"0\"") && html.contains("\"add2\""));
    assert_eq!(read("r.csv").lines().count(), 3);
    let parquet = std::fs::read(world.path("project/r.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    assert_eq!(read("r.jsonl").lines().count(), 2);
    let nothing = World::new().run(&["report"]);
    assert_eq!(nothing.code, Some(4), "{}", nothing.stderr);
}

/// `mapcoder view` of the latest run; it ends with this value.
pub(crate) struct Viewer {
    process: Child,
    /// Host and port.
    pub(crate) address: String,
}

impl Viewer {
    pub(crate) fn start(world: &World) -> Viewer {
        let mut command = world.command(&["view"]);
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let (_, rest) = line.split_once("http://").unwrap();
        let address = rest.trim().trim_end_matches('/').to_string();
        Viewer { process, address }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn get(address: &str, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn a_run_is_viewed_on_this_machine_alone() {
    let world = world();
    let viewer = Viewer::start(&world);
    let address = viewer.address.as_str();
    let page = get(address, address, "/");
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("\"served\":true"),
        "{page}"
    );
    let story = get(address, "localhost", "/story/1");
    let (_, json) = story.split_once("\r\n\r\n").unwrap();
    let story: serde_json::Value = serde_json::from_str(json).unwrap();
    let titles: Vec<&str> = story["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["call"]["title"].as_str().unwrap_or("judging"))
        .collect();
    assert_eq!(
        titles[titles.len() - 4..],
        ["Program", "judging", "Repair", "judging"]
    );
    assert_eq!(story["scoring"]["verdict"], "accepted");
    assert!(story["beginning"].as_str().unwrap().contains("think of 2"));
    assert!(get(address, address, "/story/9").starts_with("HTTP/1.1 404"));
    assert!(get(address, address, "/etc/passwd").starts_with("HTTP/1.1 404"));
    assert!(get(address, "evil.example", "/").starts_with("HTTP/1.1 403"));
}

#[test]
fn a_run_is_exported_in_the_forms_of_other_tools() {
    let world = World::new();
    world.write("project/problems/add1.md", &problem(1));
    let wrong = problem(2).replace("== 5 - 2", "== 0");
    world.write("project/problems/add2.md", &wrong);
    let server = Server::start(&world, 0);
    let eval = ["eval", "--data", "problems"];
    let outcome = world.run(&arguments(&server.url, &eval));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let files = ["--evalplus", "e.json", "--hub", "h.yaml"];
    let name = ["--hub-dataset", "openai/x:y"];
    let written = world.run(&[&["report"][..], &files, &name].concat());
    assert_eq!(
        (written.code, written.stdout.as_str()),
        (Some(0), ""),
        "{}",
        written.stderr
    );
    let read =
        |name: &str| std::fs::read_to_string(world.path(&format!("project/{name}"))).unwrap();
    let evalplus: serde_json::Value = serde_json::from_str(&read("e.json")).unwrap();
    let [right, wrong] = ["add1", "add2"].map(|id| &evalplus["eval"][id][0]);
    assert_eq!(right["base_status"], "pass");
    assert_eq!(right["solution"], "def add(a, b):\n    return a + b\n");
    assert_eq!(right["base_fail_tests"], serde_json::json!([]));
    assert_eq!(wrong["base_status"], "fail");
    assert_eq!(
        wrong["base_fail_tests"],
        serde_json::json!(["assert add(-2, 5) == 0"])
    );
    let hub = read("h.yaml");
    for part in [
        "id: \"openai/x\"",
        "value: 50.00",
        "\"mapcoder (k = 3, t = 5), mock: 1 of 2, 95 % interval ",
    ] {
        assert!(hub.contains(part), "`{part}` in {hub}");
    }
    let without_name = world.run(&["report", "--hub", "h.yaml"]);
    assert_eq!(without_name.code, Some(2), "{}", without_name.stderr);
}

#[test]
fn a_solved_problem_is_a_run_like_others() {
    let world = World::new();
    world.write("project/add.md", &problem(3));
    let server = Server::start(&world, 0);
    let solved = world.run(&arguments(&server.url, &["solve", "add.md"]));
    assert_eq!(solved.code, Some(0), "{}", solved.stderr);
    let report = world.run(&["report", "--html", "r.html"]);
    assert_eq!(report.code, Some(0), "{}", report.stderr);
    let table = world.run(&["report"]).stdout;
    for part in ["one problem", "pass@1    100.0 % (1/1)"] {
        assert!(table.contains(part), "`{part}` in {table}");
    }
}
