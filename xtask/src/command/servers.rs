//! `servers`: the table of real servers by hand. Tests do not need it: `cargo xtask test` starts its own.

use anyhow::Result;
use clap::Subcommand;
use xtask::servers::state::Detached;
use xtask::servers::{Env, Server, select};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Build or install servers into the cache
    Install { names: Vec<String> },
    /// Start servers and leave them running; prints NAME='value' lines for tests to read
    Up { names: Vec<String> },
    /// Stop what `up` started
    Down { names: Vec<String> },
    /// Say what is installed and what runs
    Status { names: Vec<String> },
}

pub(crate) fn run(args: Args) -> Result<()> {
    match args.action {
        Action::Install { names } => select(&names)?.into_iter().try_for_each(Server::install),
        Action::Up { names } => up(&select(&names)?),
        Action::Down { names } => down(&names),
        Action::Status { names } => status(&select(&names)?),
    }
}

fn up(servers: &[&dyn Server]) -> Result<()> {
    let mut env = Env::new();
    for server in servers {
        let state = match Detached::load(server.name())? {
            Some(state) if state.is_running() => state,
            stale => {
                if let Some(stale) = stale {
                    stale.stop(server.name())?;
                }
                let state = server.start(&env)?.detach()?;
                state.save(server.name())?;
                state
            }
        };
        env.extend(state.env);
    }
    for (name, value) in env {
        println!("export {name}='{value}'");
    }
    Ok(())
}

/// Ends the named servers and those that need them, the last started first.
fn down(names: &[String]) -> Result<()> {
    for server in select(&[])?.into_iter().rev() {
        let needs_a_named_one = server.after().iter().any(|need| names.iter().any(|n| n == need));
        let meant = names.is_empty() || names.iter().any(|n| n == server.name()) || needs_a_named_one;
        if meant && let Some(state) = Detached::load(server.name())? {
            state.stop(server.name())?;
            println!("{} stopped", server.name());
        }
    }
    // An unknown name is an error, after all that is known has ended.
    select(names).map(drop)
}

fn status(servers: &[&dyn Server]) -> Result<()> {
    println!("{:<10} {:<10} {:<40} WHAT", "SERVER", "INSTALLED", "RUNNING");
    for server in servers {
        let running = match Detached::load(server.name())? {
            None => "no".to_string(),
            Some(state) if !state.is_running() => "ended, `down` removes the rest".to_string(),
            Some(state) => {
                state.processes.iter().map(|p| format!("{} {}", p.name, p.pid)).collect::<Vec<_>>().join(", ")
            }
        };
        let installed = if server.installed() { "yes" } else { "no" };
        println!("{:<10} {installed:<10} {running:<40} {}", server.name(), server.about());
    }
    Ok(())
}
