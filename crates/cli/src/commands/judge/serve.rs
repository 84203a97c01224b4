use std::net::{SocketAddr, ToSocketAddrs as _};

use domain::Language;
use judge::Judge;
use serde_json::json;
use tokio::net::TcpListener;

use crate::args::ServeArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::wiring;

/// Judges over HTTP until the user stops it.
///
/// # Errors
/// When the address cannot be used, or the judge cannot be had.
pub(super) fn run(args: &ServeArgs, settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let address = address(args)?;
    if !address.ip().is_loopback() {
        ui.warn("whoever reaches this address can run programs in the sandbox: there is no authentication");
    }
    let mut interrupt = Interrupt::listen(ui)?;
    let judge = wiring::judge(settings, ui)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            let message = format!("failed to listen on {address}: {error}");
            Failure::new(Exit::Failure, message).help("`--listen 127.0.0.1:0` takes a free port")
        })?;
        announce(listener.local_addr()?, &judge, ui)?;
        let service = server::Settings {
            max_body_bytes: args.max_body,
            max_submissions: args.queue as usize,
            isolation: super::isolation(args.fresh),
        };
        server::run(listener, judge, service, interrupt.wait()).await;
        Ok(Exit::Success)
    })
}

fn address(args: &ServeArgs) -> Result<SocketAddr, Failure> {
    let usage = |reason: &str| {
        let message = format!("`--listen {}`: {reason}", args.listen);
        Failure::new(Exit::Usage, message)
    };
    let address = args
        .listen
        .to_socket_addrs()
        .ok()
        .and_then(|mut all| all.next());
    let address = address.ok_or_else(|| {
        usage("no such address").help("an address with a port, such as 127.0.0.1:5000")
    })?;
    if !address.ip().is_loopback() && !args.public {
        return Err(usage("other machines can reach this address")
            .help("there is no authentication; add `--public` if that is meant"));
    }
    Ok(address)
}

fn announce(address: SocketAddr, judge: &Judge, ui: &Ui) -> anyhow::Result<()> {
    let languages: Vec<_> = Language::ALL
        .into_iter()
        .filter(|&language| judge.toolchain(language).is_some())
        .map(Language::name)
        .collect();
    if ui.json() {
        let line = json!({
            "schema": "mapcoder.judge.serve/1",
            "address": address.to_string(),
            "rung": judge.rung(),
            "languages": languages,
        });
        ui.line(&line.to_string())?;
    } else {
        ui.line(&format!(
            "judging at http://{address}, rung {}, languages: {}",
            judge.rung(),
            languages.join(", ")
        ))?;
    }
    Ok(())
}
