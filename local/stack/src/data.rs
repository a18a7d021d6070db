//! The place of a run's data.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use crate::Error;

/// The place of a run's data.
#[derive(Debug, Clone)]
pub enum Data {
    /// In a directory, which survives the run.
    Directory(PathBuf),
    /// In memory, until the run ends.
    Memory,
}

impl Data {
    /// Returns the path of a file, or `None` in memory.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::Directory(directory) => Some(directory.join(name)),
            Self::Memory => None,
        }
    }

    /// Creates the directory, readable only for its owner because it holds secrets, and claims it. The claim lasts as long as the
    /// returned file is open, so it ends with the program, even after a crash.
    ///
    /// # Errors
    /// Fails if the directory cannot be created or another run uses it.
    pub(crate) fn claim(&self) -> Result<Option<File>, Error> {
        let Self::Directory(directory) = self else {
            return Ok(None);
        };
        let failed = |source| Error::File {
            path: directory.clone(),
            source,
        };
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory);
        made.map_err(failed)?;
        let file = create_private(&directory.join("lock"))?;
        // A process that this program is starting holds the files of before for a moment.
        let mut patience = 50;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) if patience > 0 => {
                    patience -= 1;
                    sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(Error::InUse(directory.clone())),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
    }
}

/// Creates or empties a file that only its owner can read.
pub(crate) fn create_private(path: &Path) -> Result<File, Error> {
    let open = || {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        // The mode above applies only to a new file.
        file.set_permissions(PermissionsExt::from_mode(0o600))?;
        Ok(file)
    };
    open().map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}

/// Replaces a file that only its owner can read. A reader sees either the old content or the new one.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    let unfinished = path.with_added_extension("new");
    let mut file = create_private(&unfinished)?;
    let written = file
        .write_all(content)
        .and_then(|()| std::fs::rename(&unfinished, path));
    written.map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}

/// Reads a file. Returns `None` if it does not exist.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match std::fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(source) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File {
            path: path.to_owned(),
            source,
        }),
    }
}
