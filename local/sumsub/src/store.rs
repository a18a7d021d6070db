//! Keeps the account: in memory, and in a file if there is one.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use thiserror::Error;

use crate::lock;
use crate::model::{Account, Action, ActionError, Applicant, ApplicantIds, Change, Moment, Target};

/// The account with its file.
pub(crate) struct Store {
    account: Mutex<Account>,
    file: Option<PathBuf>,
}

/// An error that keeps an applicant unchanged.
#[derive(Debug, Error)]
pub(crate) enum ChangeError {
    #[error(transparent)]
    Action(#[from] ActionError),
    #[error("The change could not be stored.")]
    Io(#[from] io::Error),
}

impl Store {
    /// Reads the file. Creates it if there is none, so that a file that cannot be written is an error at start-up.
    pub(crate) fn open(file: Option<PathBuf>, levels: Vec<String>) -> io::Result<Self> {
        let mut account = Account::new(levels.clone());
        if let Some(path) = &file {
            match fs::read(path) {
                Ok(bytes) => account = serde_json::from_slice(&bytes)?,
                Err(error) if error.kind() == ErrorKind::NotFound => write(path, &account)?,
                Err(error) => return Err(error),
            }
            account.levels = levels;
        }
        Ok(Self {
            account: Mutex::new(account),
            file,
        })
    }

    /// Returns whether the account has a level.
    pub(crate) fn has_level(&self, level: &str) -> bool {
        let account = lock(&self.account);
        account.levels.iter().any(|existing| existing == level)
    }

    /// Returns the active applicant of an external user id.
    pub(crate) fn active(&self, user: &str) -> Option<Applicant> {
        lock(&self.account).active(user).cloned()
    }

    /// Returns the applicant with an id of the provider, unless the person was erased.
    pub(crate) fn by_id(&self, id: &str) -> Option<Applicant> {
        lock(&self.account).by_id(id).cloned()
    }

    /// Returns all applicants, also of erased persons.
    pub(crate) fn all(&self) -> Vec<Applicant> {
        lock(&self.account).all().cloned().collect()
    }

    /// Does something to an applicant. Holds the lock while it writes the file, so that the two never differ.
    pub(crate) fn apply(
        &self,
        target: Target<'_>,
        action: Action,
        now: Moment,
        ids: &ApplicantIds,
    ) -> Result<Change, ChangeError> {
        let mut account = lock(&self.account);
        let Some(path) = &self.file else {
            return Ok(account.apply(target, action, now, ids)?);
        };
        let mut changed = account.clone();
        let change = changed.apply(target, action, now, ids)?;
        write(path, &changed)?;
        *account = changed;
        Ok(change)
    }
}

/// Replaces the file as a whole, so that nobody reads half of it.
fn write(path: &Path, account: &Account) -> io::Result<()> {
    let temporary = path.with_added_extension("tmp");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&temporary)?
        .write_all(&serde_json::to_vec_pretty(account)?)?;
    fs::rename(&temporary, path)
}
