use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use domain::Digest;
use hf_hub::api::Progress;
use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo};
use serde_json::Value;

use super::{Error, INDEX, Reference, SINGLE, is_plain, shards};
use crate::fetch::free_bytes;
use crate::interrupt::Interrupt;
use crate::settings::Hub;
use crate::ui::{Transfer, Ui};

/// How often a waiting loop looks around.
const POLL: Duration = Duration::from_millis(50);

/// What a folder may hold beside its weights, fetched before them: whoever finds the weights finds these.
const DESCRIPTIONS: [&str; 6] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "chat_template.jinja",
    "chat_template.json",
];

/// Fetches on a thread of its own, so that a user who wants to stop never waits for the network.
/// What has come so far stays in the cache, and the next download continues there.
pub(super) fn fetch(
    reference: &Reference,
    hub: &Hub,
    ui: &Ui,
    interrupt: &Interrupt,
) -> Result<PathBuf, Error> {
    let (done, result) = mpsc::channel();
    let failed = |reason: &str| Error::Failed {
        reference: reference.clone(),
        endpoint: hub.endpoint.clone(),
        reason: reason.to_string(),
    };
    let job = {
        let (reference, hub, ui) = (reference.clone(), hub.clone(), ui.clone());
        move || drop(done.send(Fetch::new(&reference, &hub, &ui).and_then(Fetch::run)))
    };
    std::thread::Builder::new()
        .name("hub".to_string())
        .spawn(job)
        .map_err(|error| failed(&error.to_string()))?;
    loop {
        match result.recv_timeout(POLL) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) if interrupt.is_set() => {
                return Err(Error::Interrupted(reference.clone()));
            }
            Err(RecvTimeoutError::Timeout) => {}
            // The client's own assertions end its thread.
            Err(RecvTimeoutError::Disconnected) => {
                return Err(failed("its answer makes no sense"));
            }
        }
    }
}

struct Fetch<'a> {
    reference: &'a Reference,
    hub: &'a Hub,
    ui: &'a Ui,
    api: Api,
}

impl<'a> Fetch<'a> {
    fn new(reference: &'a Reference, hub: &'a Hub, ui: &'a Ui) -> Result<Fetch<'a>, Error> {
        let api = ApiBuilder::from_cache(Cache::new(hub.cache.clone()))
            .with_endpoint(hub.endpoint.clone())
            .with_token(hub.token.as_ref().map(|token| token.reveal().to_string()))
            .with_progress(false)
            .build()
            .map_err(|error| failure(reference, hub, &error))?;
        Ok(Fetch {
            reference,
            hub,
            ui,
            api,
        })
    }

    fn run(self) -> Result<PathBuf, Error> {
        let info = self.api.repo(self.reference.at_revision("main")).info();
        let info = info.map_err(|error| failure(self.reference, self.hub, &error))?;
        if info.sha.is_empty() || !info.sha.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(self.failed("it names no commit".to_string()));
        }
        let has = |file: &str| info.siblings.iter().any(|one| one.rfilename == file);
        // One commit throughout, even if somebody changes the repository meanwhile.
        let snapshot = Snapshot {
            repo: self.reference.at_revision(&info.sha),
            commit: &info.sha,
        };
        let path = match &self.reference.file {
            Some(file) => self.file(&snapshot, file)?,
            None => {
                let mut weights = Vec::new();
                if has(INDEX) {
                    weights = self.weights_of_index(&snapshot)?;
                } else if has(SINGLE) {
                    weights.push(SINGLE.to_string());
                }
                if weights.is_empty() {
                    let mut ggufs = info.siblings.iter().map(|one| &one.rfilename);
                    let ggufs = ggufs.find(|name| name.ends_with(".gguf")).cloned();
                    return Err(Error::NoWeights {
                        reference: self.reference.clone(),
                        ggufs,
                    });
                }
                for file in DESCRIPTIONS.into_iter().filter(|file| has(file)) {
                    self.file(&snapshot, file)?;
                }
                let mut last = PathBuf::new();
                for file in &weights {
                    last = self.file(&snapshot, file)?;
                }
                last.parent().map(Path::to_path_buf).unwrap_or_default()
            }
        };
        self.reference
            .in_cache(self.hub)
            .create_ref(&info.sha)
            .map_err(|error| self.failed(error.to_string()))?;
        Ok(path)
    }

    fn weights_of_index(&self, snapshot: &Snapshot<'_>) -> Result<Vec<String>, Error> {
        let damaged = |reason: &str| self.damaged(INDEX, reason.to_string());
        let text = std::fs::read(self.file(snapshot, INDEX)?)
            .map_err(|error| self.failed(error.to_string()))?;
        let index: Value =
            serde_json::from_slice(&text).map_err(|_| damaged("it is no JSON object"))?;
        let files = shards(&index);
        if files.iter().all(|file| is_plain(file)) {
            Ok(files)
        } else {
            Err(damaged("it names something that is no file beside it"))
        }
    }

    /// The path of a file in the cache, fetched if need be.
    fn file(&self, snapshot: &Snapshot<'_>, file: &str) -> Result<PathBuf, Error> {
        let cache = Cache::new(self.hub.cache.clone()).repo(snapshot.repo.clone());
        let here = cache.pointer_path(snapshot.commit).join(file);
        if here.is_file() {
            return Ok(here);
        }
        let repo: ApiRepo = self.api.repo(snapshot.repo.clone());
        let of_hub = |error: ApiError| failure(self.reference, self.hub, &error);
        let promised = self.api.metadata(&repo.url(file)).map_err(of_hub)?;
        // These become names of files.
        let etag = promised.etag();
        if !is_plain(etag.strip_prefix("W/").unwrap_or(etag))
            || promised.commit_hash() != snapshot.commit
        {
            return Err(self.failed(format!("it answers for {file} with another commit")));
        }
        let n_bytes = promised.size() as u64;
        if let Some(free) = std::fs::create_dir_all(&self.hub.cache)
            .ok()
            .and_then(|()| free_bytes(&self.hub.cache))
            && free < n_bytes
        {
            return Err(Error::Space {
                reference: self.reference.clone(),
                file: file.to_string(),
                folder: self.hub.cache.clone(),
                free,
                needed: n_bytes,
            });
        }
        let blob = cache.blob_path(etag);
        if check(&blob, n_bytes, etag).is_ok() {
            // An older snapshot has the same file.
            link(&blob, &here).map_err(|error| self.failed(error.to_string()))?;
            return Ok(here);
        }
        let bar = Bar {
            transfer: self.ui.transfer(file, n_bytes),
            n_bytes: 0,
        };
        let path = repo.download_with_progress(file, bar).map_err(of_hub)?;
        if let Err(reason) = check(&path, n_bytes, etag) {
            // What cannot be removed now is refused again by the next download.
            drop(std::fs::remove_file(&path));
            drop(std::fs::remove_file(&blob));
            return Err(self.damaged(file, reason));
        }
        self.ui.detail(&format!(
            "{file} of {} is in {}",
            self.reference,
            path.display()
        ));
        Ok(path)
    }

    fn failed(&self, reason: String) -> Error {
        Error::Failed {
            reference: self.reference.clone(),
            endpoint: self.hub.endpoint.clone(),
            reason,
        }
    }

    fn damaged(&self, file: &str, reason: String) -> Error {
        Error::Damaged {
            reference: self.reference.clone(),
            file: file.to_string(),
            reason,
        }
    }
}

/// A repository at one commit.
struct Snapshot<'a> {
    repo: Repo,
    commit: &'a str,
}

/// Puts a blob into a snapshot.
fn link(blob: &Path, place: &Path) -> std::io::Result<()> {
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::os::unix::fs::symlink(blob, place)
}

/// Compares a file's size and, where the hub tells it, its SHA-256 digest.
fn check(path: &Path, n_bytes: u64, etag: &str) -> Result<(), String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let found = file.metadata().map_err(|error| error.to_string())?.len();
    if found != n_bytes {
        return Err(format!("it has {found} bytes, not {n_bytes}"));
    }
    // Large files go by their digest, small ones by that of Git.
    if etag.len() == 64 && etag.chars().all(|c| c.is_ascii_hexdigit()) {
        let digest = Digest::of_reader(file).map_err(|error| error.to_string())?;
        if digest.as_str() != etag {
            return Err(format!("its SHA-256 digest is {digest}, not {etag}"));
        }
    }
    Ok(())
}

/// What an error of the client means. Its own words never hold the token, which travels in a header.
fn failure(reference: &Reference, hub: &Hub, error: &ApiError) -> Error {
    let status = match error {
        ApiError::RequestError(error) => match **error {
            ureq::Error::StatusCode(status) => Some(status),
            _ => None,
        },
        _ => None,
    };
    match status {
        Some(401 | 403) => Error::Unauthorised(reference.clone(), hub.endpoint.clone()),
        Some(404) => Error::NotFound(reference.clone(), hub.endpoint.clone()),
        _ => Error::Failed {
            reference: reference.clone(),
            endpoint: hub.endpoint.clone(),
            reason: error.to_string(),
        },
    }
}

/// The client's progress on our bar.
struct Bar {
    transfer: Transfer,
    n_bytes: u64,
}

impl Progress for Bar {
    fn init(&mut self, _size: usize, _file: &str) {
        self.n_bytes = 0;
    }

    fn update(&mut self, n_bytes: usize) {
        self.n_bytes += n_bytes as u64;
        self.transfer.set(self.n_bytes);
    }

    fn finish(&mut self) {}
}
