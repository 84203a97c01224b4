use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use domain::Digest;
use serde_json::{Value, json};

use crate::world::{Outcome, World, files_below};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const TOKEN: &str = "hf_a_secret_that_nobody_may_see";
const CACHE: &str = "home/.cache/huggingface/hub/models--owner--tiny";

/// What a hub holds: files by repository and name.
#[derive(Default)]
struct Shelf {
    files: BTreeMap<(String, String), Vec<u8>>,
    /// Repositories that only a token opens.
    gated: Vec<String>,
    /// Whether large files come with a wrong digest.
    lies: bool,
}

/// A hub on the loopback device: small files come at once, large ones by a redirect to another name of this host.
struct MockHub {
    address: SocketAddr,
    /// One line per request: path, range, and whether it came with the token.
    requests: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl MockHub {
    fn new(shelf: Shelf) -> MockHub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                if !answer(stream, &shelf, address.port(), &log) {
                    return;
                }
            }
        });
        MockHub {
            address,
            requests,
            thread: Some(thread),
        }
    }

    /// A hub with the tiny Llama folder and a GGUF file.
    fn with_models() -> MockHub {
        MockHub::new(shelf())
    }

    fn world(&self) -> World {
        World::new().with("HF_ENDPOINT", &format!("http://{}", self.address))
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

impl Drop for MockHub {
    fn drop(&mut self) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(b"GET /stop HTTP/1.1\r\n\r\n").unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/reference")
}

fn shelf() -> Shelf {
    let mut shelf = Shelf::default();
    for entry in fixtures().join("tiny-llama").read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let bytes = std::fs::read(path).unwrap();
        for repo in ["owner/tiny", "owner/gated"] {
            let key = (repo.to_string(), name.clone());
            shelf.files.insert(key, bytes.clone());
        }
    }
    let gguf = std::fs::read(fixtures().join("tiny-qwen2.gguf")).unwrap();
    let key = ("owner/files".to_string(), "below/tiny.gguf".to_string());
    shelf.files.insert(key, gguf);
    shelf.gated.push("owner/gated".to_string());
    shelf
}

/// Answers one request as the hub does; false when it asks to stop.
fn answer(mut stream: TcpStream, shelf: &Shelf, port: u16, log: &Mutex<Vec<String>>) -> bool {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let path = first.split(' ').nth(1).unwrap().to_string();
    if path == "/stop" {
        return false;
    }
    let mut headers = BTreeMap::new();
    for line in lines.map_while(Result::ok) {
        match line.split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_string()),
            None => break,
        };
    }
    let range = headers.get("range").cloned().unwrap_or_default();
    let is_known = headers.get("authorization") == Some(&format!("Bearer {TOKEN}"));
    let line = format!("{path} {range} {}", if is_known { "token" } else { "-" });
    log.lock().unwrap().push(line);
    let (status, extra, body) = respond(&path, &range, is_known, shelf, port);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{extra}\r\n",
        body.len()
    );
    // A client that leaves early is its own affair.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&body);
    true
}

type Response = (&'static str, String, Vec<u8>);

fn respond(path: &str, range: &str, is_known: bool, shelf: &Shelf, port: u16) -> Response {
    let nothing: Response = ("404 Not Found", String::new(), Vec::new());
    let refused: Response = ("401 Unauthorized", String::new(), Vec::new());
    if let Some(repo) = path
        .strip_prefix("/api/models/")
        .or_else(|| path.strip_prefix("/api/"))
        .and_then(|rest| rest.strip_suffix("/revision/main"))
    {
        let files: Vec<Value> = shelf
            .files
            .keys()
            .filter(|(of, _)| of == repo)
            .map(|(_, file)| json!({"rfilename": file}))
            .collect();
        if shelf.gated.iter().any(|gated| gated == repo) && !is_known {
            return refused;
        }
        if files.is_empty() {
            return nothing;
        }
        let info = json!({"siblings": files, "sha": COMMIT}).to_string();
        return ("200 OK", String::new(), info.into_bytes());
    }
    let (is_store, rest) = match path.strip_prefix("/store") {
        Some(rest) => (true, rest),
        None => (false, path),
    };
    let Some((repo, file)) = rest[1..].split_once(&format!("/resolve/{COMMIT}/")) else {
        return nothing;
    };
    let Some(bytes) = shelf.files.get(&(repo.to_string(), file.to_string())) else {
        return nothing;
    };
    if !is_store && shelf.gated.iter().any(|gated| gated == repo) && !is_known {
        return refused;
    }
    let is_large = bytes.len() > 100_000;
    let digest = match shelf.lies {
        true => "0".repeat(64),
        false => Digest::of(bytes).to_string(),
    };
    if is_large && !is_store {
        let headers = format!(
            "Location: http://localhost:{port}/store{path}\r\nX-Linked-Etag: \"{digest}\"\r\nX-Repo-Commit: {COMMIT}\r\n"
        );
        return ("302 Found", headers, Vec::new());
    }
    let bounds = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'));
    let (start, end) = bounds.unwrap_or(("0", ""));
    let start: usize = start.parse().unwrap();
    let end = end
        .parse()
        .map_or(bytes.len(), |end: usize| end + 1)
        .min(bytes.len());
    let headers = format!(
        "ETag: \"{}\"\r\nX-Repo-Commit: {COMMIT}\r\nContent-Range: bytes {start}-{}/{}\r\n",
        &Digest::of(bytes).as_str()[..40],
        end - 1,
        bytes.len()
    );
    ("206 Partial Content", headers, bytes[start..end].to_vec())
}

/// Neither stream shows the token.
fn check_secret(outcome: &Outcome) {
    assert!(
        !outcome.stdout.contains(TOKEN) && !outcome.stderr.contains(TOKEN),
        "{outcome:?}"
    );
}

#[test]
fn a_folder_is_fetched_once_and_then_found_without_a_network() {
    let hub = MockHub::with_models();
    let world = hub.world().with("HF_TOKEN", TOKEN);
    let outcome = world.run(&["--json", "-v", "model", "pull", "hf:owner/tiny"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    check_secret(&outcome);
    let info: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(info["architecture"], "llama");
    assert_eq!(info["format"], "safetensors");
    // The layout that all tools share.
    assert_eq!(
        std::fs::read_to_string(world.path(CACHE).join("refs/main")).unwrap(),
        COMMIT
    );
    let snapshot = world.path(CACHE).join("snapshots").join(COMMIT);
    assert_eq!(
        files_below(&snapshot),
        files_below(&fixtures().join("tiny-llama"))
    );
    let weights = snapshot.join("model.safetensors");
    let blob = weights.canonicalize().unwrap();
    assert_eq!(
        blob.parent(),
        Some(
            world
                .path(CACHE)
                .join("blobs")
                .canonicalize()
                .unwrap()
                .as_path()
        )
    );
    assert_eq!(
        blob.file_name().unwrap().to_str().unwrap(),
        Digest::of(std::fs::read(&weights).unwrap()).as_str()
    );
    let requests = hub.requests();
    assert!(
        requests
            .iter()
            .any(|line| line.starts_with("/store/owner/tiny/")),
        "{requests:?}"
    );

    for offline in ["", "1"] {
        let world = &world;
        let run = |arguments: &[&str]| {
            let output = world
                .command(arguments)
                .env("HF_HUB_OFFLINE", offline)
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            world.anonymous(&output.stdout)
        };
        let again: Value =
            serde_json::from_str(&run(&["--json", "model", "info", "hf:owner/tiny"])).unwrap();
        assert_eq!(again, info);
        assert_eq!(
            run(&["model", "path", "hf:owner/tiny"]),
            world.anonymous(format!("{}\n", snapshot.display()).as_bytes())
        );
        assert_eq!(hub.requests(), Vec::<String>::new());
    }
    // What has not changed is not fetched again.
    assert_eq!(world.run(&["model", "pull", "hf:owner/tiny"]).code, Some(0));
    assert_eq!(
        hub.requests(),
        ["/api/models/owner/tiny/revision/main  token"]
    );
}

#[test]
fn one_file_of_a_repository_is_fetched() {
    let hub = MockHub::with_models();
    let world = hub.world();
    let outcome = world.run(&["model", "pull", "hf:owner/files/below/tiny.gguf"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let digest = Digest::of(std::fs::read(fixtures().join("tiny-qwen2.gguf")).unwrap());
    assert!(outcome.stdout.contains(digest.as_str()), "{outcome:?}");
    assert!(
        outcome.stdout.contains("architecture     qwen2, 2 layers"),
        "{outcome:?}"
    );
}

#[test]
fn a_download_continues_where_it_stopped() {
    let hub = MockHub::with_models();
    let world = hub.world();
    let weights = std::fs::read(fixtures().join("tiny-llama/model.safetensors")).unwrap();
    let part = world
        .path(CACHE)
        .join(format!("blobs/{}.part", Digest::of(&weights)));
    std::fs::create_dir_all(part.parent().unwrap()).unwrap();
    std::fs::write(&part, &weights[..1_000]).unwrap();
    let outcome = world.run(&["model", "pull", "hf:owner/tiny"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let requests = hub.requests();
    assert!(
        requests.iter().any(|line| line.contains("bytes=1000-")),
        "{requests:?}"
    );
}

#[test]
fn a_file_that_is_not_what_the_hub_promised_is_refused_and_removed() {
    let hub = MockHub::new(Shelf {
        lies: true,
        ..shelf()
    });
    let world = hub.world();
    let outcome = world.run(&["model", "pull", "hf:owner/tiny"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome
            .stderr
            .contains("error: refused model.safetensors of hf:owner/tiny: its SHA-256 digest is "),
        "{outcome:?}"
    );
    assert_eq!(world.run(&["model", "path", "hf:owner/tiny"]).code, Some(1));
    let left = files_below(&world.path(CACHE));
    assert!(
        !left.iter().any(|file| file.contains("model.safetensors")),
        "{left:?}"
    );
}

#[test]
fn errors_say_what_is_wrong_and_never_hold_the_token() {
    let hub = MockHub::with_models();
    let address = hub.address;
    let world = hub.world();
    let error = |world: &World, name: &str| {
        let outcome = world.run(&["-v", "model", "pull", name]);
        check_secret(&outcome);
        (
            outcome.code,
            outcome.stderr.replace(&address.to_string(), "HUB"),
        )
    };
    assert_eq!(
        error(&world, "hf:owner/nothing"),
        (
            Some(2),
            "error: hf:owner/nothing is not on http://HUB\n\
             help: check the name on its page of the hub\n"
                .to_string()
        )
    );
    assert_eq!(
        error(&world, "hf:owner/gated"),
        (
            Some(1),
            "error: hf:owner/gated is not open to you on http://HUB, or is not there\n\
             help: check the name; for a private or gated model set HF_TOKEN, and accept its terms on the hub\n"
                .to_string()
        )
    );
    assert_eq!(
        error(&world, "hf:owner/files"),
        (
            Some(2),
            "error: hf:owner/files has no safetensors of the usual names, but below/tiny.gguf\n\
             help: add the file's name after another `/`\n"
                .to_string()
        )
    );
    assert_eq!(error(&world, "hf:owner").0, Some(2));
    let offline = hub.world().with("HF_HUB_OFFLINE", "1");
    assert_eq!(
        error(&offline, "hf:owner/tiny"),
        (
            Some(1),
            "error: hf:owner/tiny is not in the cache, and HF_HUB_OFFLINE forbids to fetch it\n\
             help: unset HF_HUB_OFFLINE, or fetch it on a machine with a network\n"
                .to_string()
        )
    );
    // The token comes from the environment, or from the file that Hugging Face's tools write.
    let gated = hub.world().with("HF_TOKEN", TOKEN);
    assert_eq!(error(&gated, "hf:owner/gated").0, Some(0));
    let gated = hub.world().with("HF_HOME", "hf");
    gated.write("project/hf/token", &format!("{TOKEN}\n"));
    assert_eq!(error(&gated, "hf:owner/gated").0, Some(0));
    assert!(
        gated
            .path("project/hf/hub/models--owner--gated/refs/main")
            .exists()
    );
    // Nobody listens there any more.
    let world = hub.world().with("HF_TOKEN", TOKEN);
    drop(hub);
    let (code, text) = error(&world, "hf:owner/tiny");
    assert_eq!(code, Some(1));
    assert!(
        text.starts_with("error: failed to fetch hf:owner/tiny from http://HUB: "),
        "{text}"
    );
}

#[test]
fn a_local_folder_is_described() {
    let world = World::new();
    let folder = fixtures().join("tiny-qwen2");
    let outcome = world.run(&[
        "model",
        "info",
        folder.to_str().unwrap(),
        "--weights",
        "q4_1",
    ]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for line in [
        "format           safetensors, ",
        "architecture     qwen2, 2 layers, 356 tokens",
        "of weights (q4_1)",
    ] {
        assert!(outcome.stdout.contains(line), "{outcome:?}");
    }
    let outcome = world.run(&["model", "info", "./nowhere/"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.contains("error: no model file at "),
        "{outcome:?}"
    );
}

#[test]
fn a_file_of_a_data_set_is_fetched_and_read() {
    let row = json!({"task_id": "T/0", "prompt": "def f(n):\n", "entry_point": "f",
        "test": "def check(f):\n    assert f(1) == 2\n"});
    let mut shelf = Shelf::default();
    let key = (
        "datasets/owner/set".to_string(),
        "data/test.jsonl".to_string(),
    );
    shelf.files.insert(key, format!("{row}\n").into_bytes());
    let hub = MockHub::new(shelf);
    let world = hub.world().with("HF_TOKEN", TOKEN);
    let pulled = world.run(&["data", "pull", "hf:owner/set/data/test.jsonl"]);
    assert_eq!(pulled.code, Some(0), "{}", pulled.stderr);
    assert!(
        pulled.stdout.contains("datasets--owner--set"),
        "{}",
        pulled.stdout
    );
    check_secret(&pulled);
    hub.requests();
    let info = world.run(&["data", "info", "hf:owner/set/data/test.jsonl", "--json"]);
    let line: Value = serde_json::from_str(&info.stdout).unwrap();
    assert_eq!(
        (&line["format"], &line["n_problems"]),
        (&json!("HumanEval"), &json!(1))
    );
    assert_eq!(hub.requests(), [""; 0], "it is in the cache");
    for (name, code, expect) in [
        ("hf:owner/set", 2, "is no file of a data set"),
        ("hf:owner/set/../x", 2, "is no file of a data set"),
        ("hf:owner/other/a.jsonl", 2, "is not on"),
    ] {
        let outcome = world.run(&["data", "pull", name]);
        assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(expect), "{}", outcome.stderr);
    }
}
