//! Where the data of a run is kept.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::Error;

/// Where the data of a run is kept.
#[derive(Debug, Clone)]
pub enum Data {
    /// In a directory that survives the run.
    Directory(PathBuf),
    /// In memory: every run starts afresh.
    Memory,
}

impl Data {
    /// The path of a file of this name, if there are files.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::Directory(directory) => Some(directory.join(name)),
            Self::Memory => None,
        }
    }

    /// Makes sure that the directory exists. It holds secrets: nobody else may look in. No other run may use it for as long as the
    /// file that is given back is open, so that the claim ends with the program, however that ends.
    ///
    /// # Errors
    /// The directory cannot be made, or another run uses it.
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
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(directory.clone())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// Opens an empty file that only its owner can read.
pub(crate) fn create_private(path: &Path) -> Result<File, Error> {
    let open = || {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        // The mode above is that of a new file only.
        file.set_permissions(PermissionsExt::from_mode(0o600))?;
        Ok(file)
    };
    open().map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file that only its owner can read; a reader sees the old content or the new, never a part.
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

/// The content of a file, or nothing where there is none.
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
