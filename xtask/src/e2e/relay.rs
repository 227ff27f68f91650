//! A TCP relay of ours between a client and a server of 127.0.0.1, which can cut, delay and silence connections. It looks
//! into no byte.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::ports;

/// How a relay treats connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Forwards at once.
    #[default]
    Open,
    /// Closes what connects.
    Refuse,
    /// Forwards each piece this much later.
    Delay(Duration),
    /// Accepts, and forwards nothing until the manner changes.
    Stall,
}

/// A running relay. Dropping it ends its connections.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: u16,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    manner: Manner,
    /// Connections below this number are silent for ever.
    silent_below: u64,
    next: u64,
    open: Vec<(u64, TcpStream)>,
    ended: bool,
}

impl Relay {
    /// Starts one to the server at this port.
    ///
    /// # Errors
    /// If no port is free.
    pub fn start(server: u16) -> Result<Self> {
        let [port] = ports::free()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).context("cannot listen")?;
        let state = Mutex::new(State::default());
        let shared = Arc::new(Shared { server, state, changed: Condvar::new() });
        let accepting = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if lock(&accepting).ended {
                    return;
                }
                let shared = accepting.clone();
                thread::spawn(move || shared.serve(stream));
            }
        });
        Ok(Self { port, shared })
    }

    /// Where clients connect.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Treats all connections so from now on, open ones too.
    pub fn set(&self, manner: Manner) {
        lock(&self.shared).manner = manner;
        self.shared.changed.notify_all();
    }

    /// Closes all connections, and says how many.
    #[must_use]
    pub fn cut(&self) -> usize {
        let open = std::mem::take(&mut lock(&self.shared).open);
        for (_, stream) in &open {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Each connection has two ends.
        open.len().div_ceil(2)
    }

    /// Makes the connections that are open now silent for ever, whatever the manner; new ones are not. Says how many.
    #[must_use]
    pub fn silence(&self) -> usize {
        let mut state = lock(&self.shared);
        state.silent_below = state.next;
        state.open.len().div_ceil(2)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        lock(&self.shared).ended = true;
        let _ = self.cut();
        self.shared.changed.notify_all();
        // Wakes the listener, so that it sees the end.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn serve(self: Arc<Self>, client: TcpStream) {
        let number = {
            let mut state = lock(&self);
            if state.manner == Manner::Refuse {
                return;
            }
            state.next += 1;
            let number = state.next - 1;
            state.open.extend(client.try_clone().map(|clone| (number, clone)));
            number
        };
        // A server that is away refuses, and so do we.
        if self.passes(number)
            && let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server))
        {
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            lock(&self).open.extend(server.try_clone().map(|clone| (number, clone)));
            thread::scope(|scope| {
                scope.spawn(|| self.pump(number, &client, &server));
                self.pump(number, &server, &client);
            });
        }
        let _ = client.shutdown(Shutdown::Both);
        lock(&self).open.retain(|(of, _)| *of != number);
    }

    /// Forwards one direction until either end closes.
    fn pump(&self, number: u64, mut from: &TcpStream, mut to: &TcpStream) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length) = from.read(&mut buffer) {
            let Some(piece) = buffer.get(..length).filter(|piece| !piece.is_empty()) else { break };
            if !self.passes(number) || to.write_all(piece).is_err() {
                break;
            }
        }
        let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
    }

    /// Waits as the manner says; no where the connection has been cut meanwhile.
    fn passes(&self, number: u64) -> bool {
        let state = lock(self);
        let held = |state: &mut State| {
            let silent = state.manner == Manner::Stall || number < state.silent_below;
            silent && !state.ended && state.open.iter().any(|(of, _)| *of == number)
        };
        let state = self.changed.wait_while(state, held).unwrap_or_else(PoisonError::into_inner);
        let alive = !state.ended && state.open.iter().any(|(of, _)| *of == number);
        let manner = state.manner;
        drop(state);
        if let (Manner::Delay(time), true) = (manner, alive) {
            thread::sleep(time);
        }
        alive
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const SOON: Duration = Duration::from_millis(200);

    /// A server that answers each byte with the same.
    fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
            }
        });
        port
    }

    fn connect(relay: &Relay) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn answers(stream: &mut TcpStream) -> bool {
        let mut byte = [0];
        stream.write_all(b"x").is_ok() && matches!(stream.read(&mut byte), Ok(1))
    }

    fn is_silent(stream: &mut TcpStream) -> bool {
        stream.set_read_timeout(Some(SOON)).unwrap();
        let silent = stream.write_all(b"x").is_ok()
            && stream.read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        silent
    }

    #[test]
    fn what_is_stalled_goes_on_where_it_was() {
        let relay = Relay::start(echo()).unwrap();
        let mut stream = connect(&relay);
        assert!(answers(&mut stream));
        relay.set(Manner::Stall);
        assert!(is_silent(&mut stream));
        let mut new = connect(&relay);
        assert!(is_silent(&mut new));
        relay.set(Manner::Open);
        assert!(matches!(stream.read(&mut [0]), Ok(1)));
        assert!(matches!(new.read(&mut [0]), Ok(1)));
    }

    #[test]
    fn what_is_silenced_stays_silent_and_what_is_new_does_not() {
        let relay = Relay::start(echo()).unwrap();
        let mut old = connect(&relay);
        assert!(answers(&mut old));
        assert_eq!(relay.silence(), 1);
        assert!(is_silent(&mut old));
        assert!(answers(&mut connect(&relay)));
        assert!(is_silent(&mut old));
    }

    #[test]
    fn what_is_cut_ends_and_what_is_refused_does_not_begin() {
        let relay = Relay::start(echo()).unwrap();
        let mut stream = connect(&relay);
        assert!(answers(&mut stream));
        assert_eq!(relay.cut(), 1);
        assert!(!answers(&mut stream));
        relay.set(Manner::Refuse);
        assert!(!answers(&mut connect(&relay)));
        relay.set(Manner::Open);
        assert!(answers(&mut connect(&relay)));
    }

    #[test]
    fn a_delay_is_waited_in_each_direction() {
        let relay = Relay::start(echo()).unwrap();
        relay.set(Manner::Delay(SOON));
        let begun = Instant::now();
        assert!(answers(&mut connect(&relay)));
        assert!(begun.elapsed() >= SOON * 2);
    }
}
