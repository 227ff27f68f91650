//! Puts documents from row streams: rows are pulled on the caller's task, encoded and written on tokio's
//! blocking pool. It does not know manifests.
//!
//! Dropping a future of this module is safe: the blocking side notices that its rows ended early, removes
//! its temporary file and ends.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use futures::TryStreamExt;
use kollect_sink_core::{Batches, Row, SourceError};
use tokio::sync::mpsc;
use tokio::task;

use crate::error::{Error, Result};
use crate::format::{Encoding, Header, Writer, Written};

/// Writes a document to `path`: folders are made, an older file is replaced, and readers see the old file or
/// the whole new one. Needs a tokio runtime.
///
/// # Errors
/// Where the rows end with an error, or writing fails; the old file stays then.
pub async fn file(
    path: &Path,
    encoding: impl Into<Encoding>,
    header: Header,
    rows: Batches<'_, Row>,
) -> Result<Written> {
    let (path, encoding) = (path.to_owned(), encoding.into());
    pump(rows, move |mut feed| write_file(&path, encoding, &header, &mut feed)).await
}

/// Writes a document to `out`, such as standard output, from its first byte to its last. Needs a tokio
/// runtime.
///
/// # Errors
/// Where the rows end with an error, or writing fails; `out` holds a part of a document then.
pub async fn stream(
    out: impl Write + Send + 'static,
    encoding: impl Into<Encoding>,
    header: Header,
    rows: Batches<'_, Row>,
) -> Result<Written> {
    let encoding = encoding.into();
    pump(rows, move |mut feed| {
        let mut writer = Writer::new(encoding, &header, out, tempfile::tempfile)?;
        feed.drain_into(&mut writer)?;
        writer.finish()
    })
    .await
}

/// Batches that wait for the blocking side; two suffice to keep both sides busy.
const QUEUE: usize = 2;

enum Message<T> {
    Batch(Vec<T>),
    End,
}

/// Tells blocking work whether somebody still waits for it: a dropped future's work must not commit after the
/// next call began.
#[derive(Clone)]
pub(crate) struct Caller(Weak<()>);

impl Caller {
    /// The caller waits for as long as the first value lives.
    pub(crate) fn new() -> (Arc<()>, Self) {
        let waiting = Arc::new(());
        let caller = Self(Arc::downgrade(&waiting));
        (waiting, caller)
    }

    /// Called under the lock that the next call will wait for, right before a commit.
    ///
    /// # Errors
    /// [`Error::Abandoned`] where nobody waits.
    pub(crate) fn still_waits(&self) -> Result<()> {
        if self.0.strong_count() == 0 { Err(Error::Abandoned) } else { Ok(()) }
    }
}

/// The blocking side's end of a stream of rows or changes.
pub(crate) struct Feed<T> {
    receiver: mpsc::Receiver<Message<T>>,
    pub(crate) caller: Caller,
}

impl<T> Feed<T> {
    /// The next batch; `None` after the last one.
    ///
    /// # Errors
    /// [`Error::Abandoned`] where the stream ended without its end: then nothing may be committed.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<T>>> {
        match self.receiver.blocking_recv() {
            Some(Message::Batch(batch)) => Ok(Some(batch)),
            Some(Message::End) => Ok(None),
            None => Err(Error::Abandoned),
        }
    }
}

impl Feed<Row> {
    /// Writes all rows to `writer`.
    ///
    /// # Errors
    /// As [`Feed::next`], and those of writing.
    pub(crate) fn drain_into(&mut self, writer: &mut Writer<'_>) -> Result<()> {
        while let Some(rows) = self.next()? {
            rows.iter().try_for_each(|row| writer.push(row))?;
        }
        Ok(())
    }
}

/// Runs `job` on the blocking pool and feeds it `rows`; returns when the job has ended.
pub(crate) async fn pump<I, T, E, J>(rows: Batches<'_, I>, job: J) -> Result<T, E>
where
    I: Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    J: FnOnce(Feed<I>) -> Result<T, E> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(QUEUE);
    let (_waiting, caller) = Caller::new();
    let job = task::spawn_blocking(move || job(Feed { receiver, caller }));
    if let Err(error) = send_all(rows, &sender).await {
        // Its rows end without their end. The job must have cleaned up before the caller goes on.
        drop(sender);
        let _ = job.await;
        return Err(Error::Source(error).into());
    }
    job.await.unwrap_or_else(|error| Err(Error::codec("finish the document")(error).into()))
}

/// Ends early, without an error, where the job no longer listens: it knows why.
async fn send_all<T>(mut rows: Batches<'_, T>, sender: &mpsc::Sender<Message<T>>) -> Result<(), SourceError> {
    while let Some(batch) = rows.try_next().await? {
        if sender.send(Message::Batch(batch)).await.is_err() {
            return Ok(());
        }
    }
    let _ = sender.send(Message::End).await;
    Ok(())
}

fn write_file(path: &Path, encoding: Encoding, header: &Header, feed: &mut Feed<Row>) -> Result<Written> {
    let shown = path.display().to_string();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(Error::io(format!("make the folder of {shown}")))?;
    let (guard, file) = Temporary::beside(path, folder).map_err(Error::io(format!("write {shown}")))?;
    let mut writer = Writer::new(encoding, header, &file, || tempfile::tempfile_in(folder))?;
    feed.drain_into(&mut writer)?;
    let written = writer.finish()?;
    file.sync_all().map_err(Error::io(format!("write {shown}")))?;
    feed.caller.still_waits()?;
    guard.rename_to(path).map_err(Error::io(format!("put {shown} into place")))?;
    Ok(written)
}

/// A file that vanishes unless it is renamed.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// A new file in `folder`; its name starts with a dot, so that readers of the folder pass over it.
    fn beside(path: &Path, folder: &Path) -> io::Result<(Self, File)> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
        loop {
            let mut hidden = std::ffi::OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".{}-{}.tmp", process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
            let path = folder.join(hidden);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                // Left by a process that had our number: the next count is free.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                opened => return opened.map(|file| (Self { path }, file)),
            }
        }
    }

    fn rename_to(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        // Renamed: there is nothing to remove.
        std::mem::forget(self);
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use futures::stream::{self, StreamExt};
    use kollect_sink_core::{Identity, Origin, Row, Scope, SourceError, Target, Unknown};

    use super::file;
    use crate::format::{Format, Header};

    fn header() -> Header {
        Header {
            scope: Scope::new("prod", "team-a", "apps"),
            generation: 1,
            exported_at: "2026-01-31T10:00:00Z".parse().unwrap(),
            unknown: Unknown::none(),
            schema: Arc::default(),
            hot_attributes: Vec::new(),
        }
    }

    fn row() -> Row {
        let origin = Arc::new(Origin {
            target: Target::new("team-a", "pods"),
            group: "".into(),
            version: "v1".into(),
            kind: "Pod".into(),
        });
        Row::new(Identity::new(origin, "shop".into(), "web", "a1").unwrap(), "{}")
    }

    #[tokio::test]
    async fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prod/team-a/apps.ndjson");
        let rows = || stream::iter([Ok(vec![row()])]).boxed();
        let written = file(&path, Format::Ndjson, header(), rows()).await.unwrap();
        let contents = fs::read(&path).unwrap();
        assert_eq!((written.rows, written.bytes), (1, contents.len() as u64));

        for format in [Format::Ndjson, Format::Json] {
            let failing = stream::iter([Ok(vec![row()]), Err(SourceError("gone".into()))]).boxed();
            file(&path, format, header(), failing).await.unwrap_err();
        }
        assert_eq!(fs::read(&path).unwrap(), contents);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file stays");
    }

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_document_goes_to_anything_that_takes_bytes() {
        let out = Shared::default();
        let rows = stream::iter([Ok(vec![row()])]).boxed();
        let written = super::stream(out.clone(), Format::Json, header(), rows).await.unwrap();
        let bytes = out.0.lock().unwrap();
        assert_eq!(written.bytes, bytes.len() as u64);
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(document["items"][0]["name"], "web");
    }
}
