//! A way to the server that can be cut, and that remembers what the client said. It changes nothing.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Listens on a port of its own and forwards to the server.
pub(crate) struct Proxy {
    host: &'static str,
    port: u16,
    server: String,
    tasks: Option<JoinSet<()>>,
    said: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Proxy {
    pub(crate) async fn start(server: &str) -> Self {
        Self::start_at("127.0.0.1", server).await
    }

    /// Listens on this address of the machine itself.
    pub(crate) async fn start_at(host: &'static str, server: &str) -> Self {
        let mut proxy = Self { host, port: 0, server: server.to_owned(), tasks: None, said: Arc::default() };
        proxy.open().await;
        proxy
    }

    /// The address to connect to.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Ends all connections, and refuses new ones.
    pub(crate) async fn cut(&mut self) {
        if let Some(mut tasks) = self.tasks.take() {
            tasks.shutdown().await;
        }
    }

    /// Listens (again), on the same port.
    pub(crate) async fn open(&mut self) {
        let listener = TcpListener::bind((self.host, self.port)).await.unwrap();
        self.port = listener.local_addr().unwrap().port();
        let (server, said) = (self.server.clone(), self.said.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(forward(client, server.clone(), said.clone()));
            }
        });
        self.tasks = Some(tasks);
    }

    /// What each client said so far, byte by byte.
    pub(crate) fn said(&self) -> Vec<Vec<u8>> {
        self.said.lock().unwrap().clone()
    }
}

async fn forward(client: TcpStream, server: String, said: Arc<Mutex<Vec<Vec<u8>>>>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let number = {
        let mut said = said.lock().unwrap();
        said.push(Vec::new());
        said.len() - 1
    };
    let up = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            said.lock().unwrap()[number].extend_from_slice(&buffer[..read]);
            if to_server.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
    };
    tokio::select! { () = up => {}, () = down => {} }
}
