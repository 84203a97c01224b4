use std::io;

use tokio::sync::watch;

use crate::exit::Exit;
use crate::ui::Ui;

/// Tells the work in progress that the user wants to stop. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    asked: watch::Receiver<bool>,
}

impl Interrupt {
    /// Listens for Ctrl-C and SIGTERM from now on.
    /// The first asks the work to drain and prints one line; the second ends the process at once.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub(crate) fn listen(ui: &Ui) -> io::Result<Interrupt> {
        let (ask, asked) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let (mut interrupt, mut terminate) = {
            use tokio::signal::unix::{SignalKind, signal};
            let _context = runtime.enter();
            (
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            )
        };
        let ui = ui.clone();
        std::thread::Builder::new()
            .name("signals".to_string())
            .spawn(move || {
                runtime.block_on(async {
                    loop {
                        tokio::select! {
                            _ = interrupt.recv() => {}
                            _ = terminate.recv() => {}
                        }
                        if ask.send_replace(true) {
                            std::process::exit(Exit::Interrupted as i32);
                        }
                        ui.note("stopping: finishing what is in flight; press Ctrl-C again to stop at once");
                    }
                });
            })?;
        Ok(Interrupt { asked })
    }

    /// A handle that nobody ever asks to stop, for tests.
    #[cfg(test)]
    pub(crate) fn never() -> Interrupt {
        Interrupt {
            asked: watch::channel(false).1,
        }
    }

    /// True once the user wants to stop.
    pub(crate) fn is_set(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits until the user wants to stop.
    pub(crate) async fn wait(&mut self) {
        // The sender lives as long as the process; without one (in tests) nobody will ever ask.
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
