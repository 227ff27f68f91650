//! A listener where nobody must come.

use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Counts who connects. It lives as long as the tests.
pub(super) struct Trap(Arc<AtomicUsize>);

impl Trap {
    pub(super) fn set(address: &str, port: u16) -> Self {
        let address: IpAddr = address.parse().unwrap();
        let listener = TcpListener::bind((address, port)).unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counting = count.clone();
        thread::spawn(move || {
            for _ in listener.incoming() {
                counting.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self(count)
    }

    pub(super) fn is_untouched(&self) {
        assert_eq!(self.0.load(Ordering::Relaxed), 0, "somebody came");
    }
}
