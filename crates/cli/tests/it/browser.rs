//! The page of a run in a real browser: what is shown, found, filtered, opened and compared, without a fault of its script.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::report::Viewer;
use crate::work::{Server, arguments, problem};
use crate::world::World;

/// A headless Chromium, spoken to by its debugging protocol over a pipe. It ends with this value.
struct Browser {
    process: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
    n_requests: u64,
    /// The tab that is spoken to, once there is one.
    session: Option<String>,
    /// What went wrong in the page's script, or was refused by its policy.
    faults: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// A browser with an empty tab of the size of a small laptop's screen; absent, and said so, where none is installed.
    #[expect(clippy::print_stdout, reason = "a test says that it was skipped")]
    fn start() -> Option<Browser> {
        let version = Command::new("chromium").arg("--version").output();
        if version.is_err() {
            println!("skipped: no chromium");
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        // It speaks through the descriptors 3 and 4. Its sandbox refuses to work for root, and the page is our own.
        let start = "exec chromium --headless --no-sandbox --disable-gpu --remote-debugging-pipe \
             --window-size=1280,900 --user-data-dir=\"$1\" about:blank 3<&0 4>&1 1>&2";
        let mut process = Command::new("sh")
            .args(["-c", start, "sh"])
            .arg(profile.path())
            .env("HOME", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut browser = Browser {
            requests: process.stdin.take().unwrap(),
            replies: BufReader::new(process.stdout.take().unwrap()),
            process,
            n_requests: 0,
            session: None,
            faults: Vec::new(),
            _profile: profile,
        };
        let tab = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": tab["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().map(str::to_string);
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// What a method of the protocol answers.
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.n_requests += 1;
        let mut request = json!({"id": self.n_requests, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        self.requests
            .write_all(format!("{request}\0").as_bytes())
            .unwrap();
        loop {
            let mut message = Vec::new();
            self.replies.read_until(0, &mut message).unwrap();
            assert_eq!(message.pop(), Some(0), "the browser has ended");
            let message: Value = serde_json::from_slice(&message).unwrap();
            if message["id"] == self.n_requests {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            let is_fault = match message["method"].as_str() {
                Some("Runtime.exceptionThrown") => true,
                Some("Log.entryAdded") => message["params"]["entry"]["level"] == "error",
                _ => false,
            };
            if is_fault {
                self.faults.push(message.to_string());
            }
        }
    }

    /// The value of an expression in the page.
    fn value(&mut self, expression: &str) -> Value {
        let evaluate =
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", evaluate);
        assert!(answer["exceptionDetails"].is_null(), "{answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until something holds in the page; what it shows instead fails the test.
    fn wait_for(&mut self, condition: &str) {
        let holds = self.value(&format!(
            "new Promise((done) => {{
                const end = performance.now() + 30000;
                const look = () => {{
                    let holds = false;
                    try {{ holds = {condition}; }} catch {{}}
                    if (holds || performance.now() > end) done(holds); else setTimeout(look, 5);
                }};
                look();
            }})"
        ));
        let text = "document.body.innerText";
        assert_eq!(holds, true, "{condition} in {}", self.value(text));
    }

    fn open(&mut self, url: &str) {
        // From another document, so that a fragment is no jump within the page.
        self.call("Page.navigate", json!({"url": "about:blank"}));
        self.call("Page.navigate", json!({"url": url}));
        self.wait_for("document.documentElement.dataset.ready > 0");
    }

    /// Presses keys, named as the page's script sees them; a single character is typed.
    fn press(&mut self, keys: &[&str]) {
        for key in keys {
            let mut down = json!({"type": "keyDown", "key": key});
            if key.chars().count() == 1 {
                down["text"] = json!(key);
            }
            self.call("Input.dispatchKeyEvent", down);
            self.call(
                "Input.dispatchKeyEvent",
                json!({"type": "keyUp", "key": key}),
            );
        }
    }

    fn has_story_of(&mut self, id: &str) {
        self.wait_for(&format!(
            "document.querySelector('#main h2').textContent.trim().endsWith(' {id}')"
        ));
    }

    /// The ids in the list, from the top down.
    fn listed(&mut self) -> Vec<String> {
        let ids = self.value("[...document.querySelectorAll('.row span:nth-child(2)')].map((node) => node.textContent)");
        serde_json::from_value(ids).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A finished run of three easy problems and a hard one, whose sample no program passes.
fn world() -> World {
    let world = World::new();
    for number in 1..=4 {
        let (level, text) = match number {
            4 => ("hard", problem(number).replace("== 1 + 4", "== 0")),
            _ => ("easy", problem(number)),
        };
        let text = format!("{text}\n## Details\n\n- difficulty: {level}\n- tags: sums\n");
        world.write(&format!("project/problems/add{number}.md"), &text);
    }
    let server = Server::start(&world, 0);
    let eval = ["eval", "--data", "problems", "-k", "1", "-t", "1"];
    let outcome = world.run(&arguments(&server.url, &eval));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    world
}

#[test]
fn a_report_is_read_searched_and_filtered_by_keys_alone() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let world = world();
    let written = world.run(&["report", "--html", "r.html", "--data", "problems"]);
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let url = format!("file://{}", world.path("project/r.html").display());

    browser.open(&url);
    assert_eq!(browser.listed(), ["add1", "add2", "add3", "add4"]);
    let tile = browser.value("document.querySelector('.tile b').textContent");
    assert_eq!(tile, "75.0 %");
    let sheets =
        browser.value("[...document.querySelectorAll('#main h3')].map((node) => node.textContent)");
    for title in [
        "Endings",
        "Solved by difficulty",
        "Where solves happen",
        "Agents",
    ] {
        assert!(
            sheets.as_array().unwrap().contains(&json!(title)),
            "{sheets}"
        );
    }

    // From one problem to the next and back.
    browser.press(&["j", "j"]);
    browser.has_story_of("add2");
    assert_eq!(browser.value("location.hash"), "#add2");
    browser.press(&["k"]);
    browser.has_story_of("add1");
    browser.press(&["o"]);
    browser.wait_for("document.querySelector('.tile') !== null && location.hash === ''");

    // A search, then an ending, then both given up.
    browser.press(&["/", "h", "a", "r", "d"]);
    browser.wait_for("document.getElementById('count').textContent === '1 of 4'");
    assert_eq!(browser.listed(), ["add4"]);
    browser.press(&["Enter"]);
    browser.value("{ document.getElementById('search').value = ''; true }");
    browser.press(&["f"]);
    assert_eq!(
        browser.value("document.getElementById('ending').value"),
        "solved"
    );
    assert_eq!(browser.listed(), ["add1", "add2", "add3"]);
    browser.press(&["f", "f"]);
    assert_eq!(browser.listed().len(), 4);
    let choose = "{ const node = document.getElementById('group'); node.value = 'hard';
        node.dispatchEvent(new Event('change')); true }";
    browser.value(choose);
    assert_eq!(browser.listed(), ["add4"]);

    let theme = "document.documentElement.dataset.theme";
    browser.press(&["t"]);
    let first = browser.value(theme);
    browser.press(&["t"]);
    assert_ne!(browser.value(theme), first);
    assert_eq!(browser.faults, Vec::<String>::new());
}

#[test]
fn an_address_opens_the_story_of_a_problem_with_the_difference_between_its_programs() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let world = world();
    let written = world.run(&["report", "--html", "r.html"]);
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let url = format!("file://{}", world.path("project/r.html").display());

    browser.open(&format!("{url}#add4"));
    browser.has_story_of("add4");
    let titles = browser
        .value("[...document.querySelectorAll('#main summary b')].map((b) => b.textContent)");
    assert_eq!(
        titles,
        json!(["Retrieval", "Plan", "Confidence", "Program", "Repair"])
    );
    let judged =
        browser.value("[...document.querySelectorAll('.sheet p b')].map((b) => b.textContent)");
    assert_eq!(
        judged,
        json!(["0 of 1 samples", "0 of 1 samples", "wrong answer"])
    );
    let lines = |class: &str| {
        format!("[...document.querySelectorAll('pre .{class}')].map((line) => line.textContent)")
    };
    assert_eq!(
        browser.value(&lines("removed")),
        json!(["-     return a - b"])
    );
    assert_eq!(
        browser.value(&lines("added")),
        json!(["+     return a + b"])
    );
    let text = browser.value("document.getElementById('main').textContent");
    for part in ["failed", "assert add(1, 4) == 0", "think of 4"] {
        assert!(text.as_str().unwrap().contains(part), "`{part}` in {text}");
    }

    // Another address in the same page, then one that names nothing.
    browser.value("{ location.hash = '#add1'; true }");
    browser.has_story_of("add1");
    browser.value("{ location.hash = '#100%'; true }");
    browser.wait_for("document.querySelector('.tile') !== null");
    assert_eq!(browser.faults, Vec::<String>::new());
}

#[test]
fn a_page_fits_a_telephone() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let world = world();
    let written = world.run(&["report", "--html", "r.html", "--data", "problems"]);
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let url = format!("file://{}", world.path("project/r.html").display());
    let size = json!({"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true});
    browser.call("Emulation.setDeviceMetricsOverride", size);
    for (address, shown) in [("", ".tile"), ("#add4", "#main summary")] {
        browser.open(&format!("{url}{address}"));
        browser.wait_for(&format!("document.querySelector('{shown}') !== null"));
        let width = "Math.max(document.documentElement.scrollWidth, document.getElementById('main').scrollWidth)";
        assert_eq!(browser.value(width), 390);
    }
    assert_eq!(browser.faults, Vec::<String>::new());
}

#[test]
fn a_served_page_fetches_the_stories_that_are_opened() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let world = world();
    let viewer = Viewer::start(&world);
    browser.open(&format!("http://{}/", viewer.address));
    assert_eq!(browser.listed(), ["add1", "add2", "add3", "add4"]);
    browser.press(&["End"]);
    browser.has_story_of("add4");
    browser.wait_for("document.querySelectorAll('.sheet').length === 3");
    assert_eq!(browser.faults, Vec::<String>::new());
}
