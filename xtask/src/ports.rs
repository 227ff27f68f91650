//! Free ports of 127.0.0.1. Reserves nothing against other programs: a port is free until somebody binds it.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};

/// Below the ports that the kernel hands to outgoing connections (from 32768): one of those could take a server's port
/// before it binds, or while a test has it stopped.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// `N` different ports that nobody listens on, none given before by this process.
///
/// # Errors
/// If hundreds of tries find none.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    for port in &mut ports {
        *port = one()?;
    }
    Ok(ports)
}

fn one() -> Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for attempt in 0..500 {
        // By chance, or two processes that start at once would meet at the same port.
        let draw = RandomState::new().hash_one(attempt) % u64::from(COUNT);
        let port = FIRST + u16::try_from(draw)?;
        if !given.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            given.insert(port);
            return Ok(port);
        }
    }
    bail!("no free port on 127.0.0.1")
}

/// Whether somebody accepts connections there.
pub fn accepts(port: u16) -> bool {
    TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), Duration::from_secs(1)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_nobody_listens() {
        let mut ports = free::<8>().unwrap().to_vec();
        assert!(ports.iter().all(|port| !accepts(*port)));
        ports.extend(free::<8>().unwrap());
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 16);
    }
}
