//! TLS connections for `axum::serve`. A client that is slow to shake hands holds up nobody else.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::AbortOnDropHandle;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Handshakes at once; more wait in the system's queue.
const AT_ONCE: usize = 64;

/// A rest after an error, such as a lack of file descriptors.
const REST: Duration = Duration::from_secs(1);

/// Accepts connections and shakes hands beside.
pub(super) struct TlsListener {
    accepted: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: io::Result<SocketAddr>,
    _task: AbortOnDropHandle<()>,
}

impl TlsListener {
    pub(super) fn start(listener: TcpListener, acceptor: TlsAcceptor) -> Self {
        let address = listener.local_addr();
        let (sender, accepted) = mpsc::channel(AT_ONCE);
        let task = tokio::spawn(async move {
            let mut handshakes = tokio::task::JoinSet::new();
            loop {
                let (stream, peer) = match listener.accept().await {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection to the webhook");
                        sleep(REST).await;
                        continue;
                    }
                };
                while handshakes.try_join_next().is_some() {}
                if handshakes.len() >= AT_ONCE {
                    handshakes.join_next().await;
                }
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                handshakes.spawn(async move {
                    match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                        // The server has ended if nobody takes it.
                        Ok(Ok(stream)) => drop(sender.send((stream, peer)).await),
                        Ok(Err(error)) => tracing::debug!(%peer, %error, "no handshake with the webhook"),
                        Err(_) => tracing::debug!(%peer, "no handshake with the webhook in time"),
                    }
                });
            }
        });
        Self { accepted, address, _task: AbortOnDropHandle::new(task) }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            // The task ends with this listener only.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.address {
            Ok(address) => Ok(*address),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }
}
