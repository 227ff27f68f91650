//! A server of names whose answers a test decides, and a way for a program to ask it instead of the machine's. It answers for
//! IPv4 addresses, and nothing lasts.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// Where it listens. Resolvers know no other port than this one.
const ADDRESS: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 0, 111, 53), 53);

/// How often names were asked for.
type Asked = Arc<Mutex<BTreeMap<String, u64>>>;

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Names {
    asked: Asked,
    /// Gone when the server is to end.
    alive: Arc<()>,
}

impl Names {
    /// Starts one. `answer` is asked for the addresses of a name, with how often it was asked before.
    ///
    /// # Errors
    /// If the port of name servers cannot be had: that needs root.
    pub fn start(answer: impl Fn(&str, u64) -> Vec<Ipv4Addr> + Send + 'static) -> Result<Self> {
        let socket =
            UdpSocket::bind(ADDRESS).context("a server of names needs port 53, and for that root")?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        let asked = Asked::default();
        let alive = Arc::new(());
        let (counts, living) = (asked.clone(), Arc::downgrade(&alive));
        thread::spawn(move || {
            let mut buffer = [0; 512];
            while living.upgrade().is_some() {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let query = buffer.get(..length).unwrap_or_default();
                if let Some(reply) = reply(query, &counts, &answer) {
                    let _ = socket.send_to(&reply, from);
                }
            }
        });
        Ok(Self { asked, alive })
    }

    /// How often the addresses of a name were asked for.
    #[must_use]
    pub fn asked(&self, name: &str) -> u64 {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied().unwrap_or_default()
    }

    /// A program in `dir` that runs `program` so that it asks this server: in a namespace of mounts where another file
    /// names the server.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn entrance(&self, program: &Path, dir: &Path) -> Result<PathBuf> {
        debug_assert!(Arc::strong_count(&self.alive) > 0);
        let (config, script) = (dir.join("resolv.conf"), dir.join("with-names.sh"));
        fs::write(&config, format!("nameserver {}\noptions timeout:2 attempts:2\n", ADDRESS.0))?;
        let inner = r#"mount --bind "$1" /etc/resolv.conf && shift && exec "$@""#;
        let text = format!(
            "#!/bin/sh\nexec unshare --mount sh -c '{inner}' sh '{}' '{}' \"$@\"\n",
            config.display(),
            program.display()
        );
        fs::write(&script, text)?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        Ok(script)
    }
}

const HEADER: usize = 12;
const TYPE_A: [u8; 4] = [0, 1, 0, 1];

/// The answer to a query (RFC 1035); none to what is no query.
fn reply(query: &[u8], asked: &Asked, answer: &impl Fn(&str, u64) -> Vec<Ipv4Addr>) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let (name, kind) = (labels.join("."), query.get(at..at + 4)?);
    let addresses = if kind == TYPE_A {
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let count = asked.entry(name.clone()).or_default();
        *count += 1;
        answer(&name, *count - 1)
    } else {
        Vec::new()
    };
    let mut reply = query.get(..2)?.to_vec();
    reply.extend([0x81, 0x80, 0, 1, 0, u8::try_from(addresses.len()).ok()?, 0, 0, 0, 0]);
    reply.extend(query.get(HEADER..at + 4)?);
    for address in addresses {
        // The name above, an address of the Internet, to be kept for no time.
        reply.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        reply.extend(address.octets());
    }
    Some(reply)
}
