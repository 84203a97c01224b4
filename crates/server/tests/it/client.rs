use std::net::SocketAddr;

use domain::Language;
use judge::Judge;
use reqwest::{Method, Response};
use serde_json::Value;
use server::Settings;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A service on a free loopback port, with a judge of its own. It ends with this value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) judge: Judge,
    client: reqwest::Client,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(n_cells: usize, settings: Settings) -> Server {
        let judge = Judge::start(judge::Settings {
            n_cells,
            ..judge::Settings::default()
        })
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let service = server::run(listener, judge.clone(), settings, async {
            drop(stopped.await);
        });
        Server {
            address,
            judge,
            client: reqwest::Client::new(),
            stop,
            task: tokio::spawn(service),
        }
    }

    pub(crate) async fn simple() -> Server {
        Server::start(2, Settings::default()).await
    }

    /// Sends a request as a JSON client does.
    pub(crate) async fn send(&self, method: Method, path: &str, body: impl ToString) -> Response {
        let url = format!("http://{}{path}", self.address);
        let request = self
            .client
            .request(method, url)
            .header("Content-Type", "application/json")
            .body(body.to_string());
        request.send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: impl ToString) -> Response {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        json(self.send(Method::GET, path, "").await).await
    }

    /// Submissions that the service says it has taken.
    pub(crate) async fn n_taken(&self) -> u64 {
        self.get("/v1/health").await["submissions"]
            .as_u64()
            .unwrap()
    }

    /// Asks until the service says it has taken so many submissions.
    pub(crate) async fn until_taken(&self, n: u64) {
        while self.n_taken().await != n {}
    }

    /// Tells the service to stop and waits until it has.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap();
    }

    /// True when there is something that runs the language; else says that the test is skipped.
    pub(crate) fn has(&self, language: Language) -> bool {
        let is_there = self.judge.toolchain(language).is_some();
        if !is_there {
            println!("skipped: nothing here runs {language}");
        }
        is_there
    }
}

/// The body of an answer.
pub(crate) async fn json(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

/// The lines of an answer.
pub(crate) async fn lines(response: Response) -> Vec<Value> {
    let text = response.text().await.unwrap();
    assert!(text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
