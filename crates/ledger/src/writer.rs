use std::path::{Path, PathBuf};
use std::sync::mpsc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::LedgerError;

/// Jobs that share one commit at most.
const MAX_BATCH: usize = 1024;

/// The way to the one thread that writes.
///
/// While it waits for the disk, new jobs gather; it then takes them all into one commit,
/// so that many callers share the wait and an idle ledger answers at once.
/// The thread ends when the last `Writer` is dropped and all jobs are done.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
}

impl Writer {
    /// Hands the connection to a new thread.
    pub(crate) fn start(
        connection: Connection,
        path: PathBuf,
    ) -> std::io::Result<(Writer, std::thread::JoinHandle<()>)> {
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || write(&connection, &path, &queue))?;
        Ok((Writer { jobs }, thread))
    }

    /// Runs some work inside a commit and waits until it is on disk.
    pub(crate) async fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.submit_then(work, |value| value).await
    }

    /// Like [`Writer::submit`]; what the work returned passes through `then` as soon as it is on disk,
    /// even when nobody waits for it any more.
    pub(crate) async fn submit_then<T: Send + 'static, U: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        then: impl FnOnce(T) -> U + Send + 'static,
    ) -> Result<U, LedgerError> {
        let (sender, receiver) = oneshot::channel();
        self.post(work, move |result| drop(sender.send(result.map(then))))?;
        receiver.await.map_err(|_| LedgerError::Stopped)?
    }

    /// Like [`Writer::submit`], for callers outside of async code.
    pub(crate) fn submit_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.post(work, move |result| drop(sender.send(result)))?;
        receiver.recv().map_err(|_| LedgerError::Stopped)?
    }

    /// Queues some work; `reply` hears how it went once it is committed, on the writer's thread.
    pub(crate) fn post<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        reply: impl FnOnce(Result<T, LedgerError>) + Send + 'static,
    ) -> Result<(), LedgerError> {
        let work = Work {
            work: Some(work),
            value: None,
            reply,
        };
        self.jobs
            .send(Box::new(work))
            .map_err(|_| LedgerError::Stopped)
    }
}

trait Job: Send {
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    fn finish(self: Box<Self>, committed: Result<(), LedgerError>);
}

struct Work<W, T, R> {
    work: Option<W>,
    value: Option<T>,
    reply: R,
}

impl<W, T, R> Job for Work<W, T, R>
where
    W: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
    T: Send,
    R: FnOnce(Result<T, LedgerError>) + Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if let Some(work) = self.work.take() {
            self.value = Some(work(connection)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, committed: Result<(), LedgerError>) {
        let Work { value, reply, .. } = *self;
        reply(committed.and_then(|()| value.ok_or(LedgerError::Stopped)));
    }
}

fn write(connection: &Connection, path: &Path, queue: &mpsc::Receiver<Box<dyn Job>>) {
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        batch.extend(queue.try_iter().take(MAX_BATCH - 1));
        let results = match commit(connection, path, &mut batch) {
            Ok(results) => results,
            Err(error) => {
                let error = LedgerError::of(path, &error);
                batch.iter().map(|_| Err(error.clone())).collect()
            }
        };
        for (job, result) in batch.into_iter().zip(results) {
            job.finish(result);
        }
    }
}

/// One transaction for all jobs. A job that fails is undone alone, unless the database gives up the transaction.
fn commit(
    connection: &Connection,
    path: &Path,
    batch: &mut [Box<dyn Job>],
) -> rusqlite::Result<Vec<Result<(), LedgerError>>> {
    let execute = |sql| connection.prepare_cached(sql)?.execute(()).map(drop);
    execute("BEGIN IMMEDIATE")?;
    let all = || {
        let mut results = Vec::with_capacity(batch.len());
        for job in batch {
            execute("SAVEPOINT job")?;
            results.push(match job.run(connection) {
                Ok(()) => Ok(()),
                Err(error) if connection.is_autocommit() => return Err(error),
                Err(error) => {
                    execute("ROLLBACK TO job")?;
                    Err(LedgerError::of(path, &error))
                }
            });
            execute("RELEASE job")?;
        }
        execute("COMMIT")?;
        Ok(results)
    };
    let results = all();
    if results.is_err() && !connection.is_autocommit() {
        execute("ROLLBACK")?;
    }
    results
}
