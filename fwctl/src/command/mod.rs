//! The commands, one file each.

mod account;
mod billing;
mod completions;
mod dashboard;
mod explain;
mod glance;
mod limit;
mod metrics;
mod quota;
mod rows;
mod sample;
mod top;
mod watch;

use std::ffi::OsString;

use clap::Subcommand;

use crate::failure::Failure;
use crate::session::{Options, Session};

/// What fwctl can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The limits and quotas of an account
    #[command(subcommand)]
    Quota(Quota),
    /// Everything about an account
    #[command(subcommand)]
    Account(Account),
    Explain(explain::Explain),
    /// The limits of an account's own
    #[command(subcommand)]
    Limit(Limit),
    Topup(billing::TopUp),
    Suspend(billing::Suspend),
    /// Ends suspend
    Resume(One),
    /// The open holds of an account, soonest lapse first
    Holds(rows::Rows),
    /// The leases of an account, by id
    Leases(rows::Rows),
    /// The latest changes of standing, tier and limits of an account, newest first
    Log(rows::Rows),
    Top(top::Top),
    Watch(watch::Watch),
    Dashboard(dashboard::Dashboard),
    Metrics(metrics::Metrics),
    Completions(completions::Completions),
}

/// Commands about quotas.
#[derive(Debug, Subcommand)]
pub enum Quota {
    /// Every limit with what is used of it
    List(One),
}

/// Commands about accounts.
#[derive(Debug, Subcommand)]
pub enum Account {
    /// Standing, money, windows and limits
    Show(One),
}

/// Commands about limits.
#[derive(Debug, Subcommand)]
pub enum Limit {
    /// Sets VALUE (the customer's choice), MAX (the operator's approval), or both
    Set(limit::Set),
}

/// An account.
#[derive(Debug, clap::Args)]
pub struct One {
    /// The account's name, without the prefix of its key
    pub account: OsString,
}

impl Command {
    /// Runs it.
    pub fn run(&self, options: &Options) -> Result<(), Failure> {
        match self {
            Self::Completions(completions) => return completions.run(),
            // It connects, and connects again, by itself.
            Self::Dashboard(dashboard) => return dashboard.run(options),
            _ => {}
        }
        let fw = &mut Session::open(options)?;
        match self {
            Self::Quota(Quota::List(one)) => quota::list(one, fw),
            Self::Account(Account::Show(one)) => account::show(one, fw),
            Self::Explain(explain) => explain.run(fw),
            Self::Limit(Limit::Set(set)) => set.run(fw),
            Self::Topup(topup) => topup.run(fw),
            Self::Suspend(suspend) => suspend.run(fw),
            Self::Resume(one) => billing::resume(one, fw),
            Self::Holds(rows) => rows.holds(fw),
            Self::Leases(rows) => rows.leases(fw),
            Self::Log(rows) => rows.log(fw),
            Self::Top(top) => top.run(fw),
            Self::Watch(watch) => watch.run(fw),
            Self::Dashboard(dashboard) => dashboard.run(options),
            Self::Metrics(metrics) => metrics.run(fw),
            Self::Completions(completions) => completions.run(),
        }
    }
}
