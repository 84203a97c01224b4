use std::net::Ipv4Addr;

use serde_json::json;
use tokio::net::TcpListener;

use super::report::{Recorded, story};
use crate::args::ViewArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;

/// Shows a recorded run in a browser, until the user stops it.
///
/// # Errors
/// When the run cannot be read, or the port cannot be used.
pub(super) fn run(args: &ViewArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let recorded = Recorded::read(&args.choice, settings, ui)?;
    let page = recorded.page().served();
    let mut interrupt = Interrupt::listen(ui)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
            .await
            .map_err(|error| {
                let message = format!("failed to listen on port {}: {error}", args.port);
                Failure::new(Exit::Failure, message).help("`--port 0` takes a free port")
            })?;
        let url = format!("http://{}/", listener.local_addr()?);
        if ui.json() {
            ui.line(&json!({"schema": "mapcoder.view/1", "url": url}).to_string())?;
        } else {
            ui.line(&format!("showing run {} at {url}", recorded.name))?;
        }
        server::view(
            listener,
            page,
            move |row| story(&recorded, row),
            interrupt.wait(),
        )
        .await;
        Ok(Exit::Success)
    })
}
