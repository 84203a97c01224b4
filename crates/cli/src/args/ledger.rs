//! The flag of the ledger.

use clap::Args;

use super::overrides::given;
use crate::settings::Override;

/// The ledger, for commands that need no other setting.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LedgerArgs {
    /// The ledger file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ledger: Option<String>,
}

impl LedgerArgs {
    /// What these flags set.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        given([("ledger", "--ledger", &self.ledger)])
    }
}
