//! Hands a connection that we dialled ourselves to the driver, which can only dial by itself: by the name of
//! a host, or by the path of a local socket. It neither resolves nor dials, and cannot read what passes.
//!
//! The driver is given the path of a socket that this process listens on, and checks the server's
//! certificate against the name of the host as ever. What it says goes on to the connection dialled before.
//! See the decision record on dialling checked addresses.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// Bytes under way in each direction.
const BUFFER: usize = 64 * 1024;

/// A relay for a single connection. Dropping it ends the relay, and with it both connections.
#[derive(Debug)]
pub(crate) struct Relay(JoinHandle<()>);

impl Relay {
    /// Relays the first connection that this process makes to `meeting` to `remote`.
    pub(crate) fn start(meeting: MeetingPoint, remote: TcpStream) -> Self {
        Self(tokio::spawn(relay(meeting, remote)))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn relay(meeting: MeetingPoint, mut remote: TcpStream) {
    let Ok(mut local) = meeting.accept().await else { return };
    // Both ends learn of a failure by their connection's end, which is all that the driver understands.
    let _ = copy_bidirectional_with_sizes(&mut local, &mut remote, BUFFER, BUFFER).await;
}

/// Where the driver meets the relay: a name without a file where the system has such names (a container's
/// file system may be read-only), else a socket in a folder of its own.
#[derive(Debug)]
pub(crate) struct MeetingPoint {
    listener: UnixListener,
    directory: PathBuf,
    _folder: Option<TempDir>,
}

impl MeetingPoint {
    /// Listens where a driver looks that is given [`MeetingPoint::directory`] and `port`.
    pub(crate) fn open(port: u16) -> io::Result<Self> {
        if cfg!(target_os = "linux") { Self::without_file(port) } else { Self::in_folder(port) }
    }

    /// The directory to give to the driver.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn without_file(port: u16) -> io::Result<Self> {
        // A taken name fails here and now; the seeds of RandomState make that a matter of theory.
        let name = RandomState::new().hash_one(port);
        let directory = PathBuf::from(format!("\0kollect-{}-{name:016x}", std::process::id()));
        let listener = UnixListener::bind(socket_in(&directory, port))?;
        Ok(Self { listener, directory, _folder: None })
    }

    fn in_folder(port: u16) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("kollect-").tempdir()?;
        let directory = folder.path().to_owned();
        let listener = UnixListener::bind(socket_in(&directory, port))?;
        Ok(Self { listener, directory, _folder: Some(folder) })
    }

    /// The first connection that comes from this very process; others are dropped.
    async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            let peer = stream.peer_cred()?.pid().and_then(|pid| u32::try_from(pid).ok());
            if peer == Some(std::process::id()) {
                return Ok(stream);
            }
        }
    }
}

/// The driver's rule for a socket's path.
fn socket_in(directory: &Path, port: u16) -> PathBuf {
    PathBuf::from(format!("{}/.s.PGSQL.{port}", directory.display()))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn carries_both_ways(meeting: MeetingPoint) {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let remote = TcpStream::connect(server.local_addr().unwrap()).await.unwrap();
        let (mut far, _) = server.accept().await.unwrap();
        let path = socket_in(meeting.directory(), 5432);
        let relay = Relay::start(meeting, remote);
        let mut near = UnixStream::connect(path).await.unwrap();
        near.write_all(b"ping").await.unwrap();
        let mut four = [0; 4];
        far.read_exact(&mut four).await.unwrap();
        assert_eq!(&four, b"ping");
        far.write_all(b"pong").await.unwrap();
        near.read_exact(&mut four).await.unwrap();
        assert_eq!(&four, b"pong");
        drop(relay);
        assert_eq!(near.read(&mut four).await.unwrap(), 0);
        assert_eq!(far.read(&mut four).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn bytes_pass_both_ways_and_both_ends_close_with_the_relay() {
        carries_both_ways(MeetingPoint::open(5432).unwrap()).await;
    }

    #[tokio::test]
    async fn a_system_without_nameless_sockets_is_served_by_a_folder() {
        let meeting = MeetingPoint::in_folder(5432).unwrap();
        let folder = meeting.directory().to_owned();
        carries_both_ways(meeting).await;
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn every_connection_meets_its_own_relay() {
        let one = MeetingPoint::open(5432).unwrap();
        let other = MeetingPoint::open(5432).unwrap();
        assert_ne!(one.directory(), other.directory());
    }
}
