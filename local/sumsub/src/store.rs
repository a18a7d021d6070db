//! Where applicants are kept: in memory, and in a file if there is one.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::applicants::{Applicant, Change, Identity, Outcome, Refused};
use crate::clock::Moment;
use crate::lock;
use crate::transition::apply;

/// Every applicant, by the client's user id.
pub(crate) struct Store {
    state: Mutex<State>,
    file: Option<PathBuf>,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    /// Kept with the applicants, so that event times increase across a restart too.
    last_event: Moment,
    applicants: BTreeMap<String, Applicant>,
}

/// Why an applicant was not changed.
#[derive(Debug, Error)]
pub(crate) enum ChangeError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("The change could not be stored.")]
    Io(#[from] io::Error),
}

impl Store {
    /// Takes up what the file holds. A file that cannot be written shows here, not at the first change.
    pub(crate) fn open(file: Option<PathBuf>) -> io::Result<Self> {
        let mut state = State::default();
        if let Some(path) = &file {
            match fs::read(path) {
                Ok(bytes) => state = serde_json::from_slice(&bytes)?,
                Err(error) if error.kind() == ErrorKind::NotFound => write(path, &state)?,
                Err(error) => return Err(error),
            }
        }
        Ok(Self {
            state: Mutex::new(state),
            file,
        })
    }

    /// The user's applicant, unless deleted.
    pub(crate) fn by_user(&self, user: &str) -> Option<Applicant> {
        let state = lock(&self.state);
        state
            .applicants
            .get(user)
            .filter(|applicant| !applicant.deleted)
            .cloned()
    }

    /// The applicant of this id, unless deleted.
    pub(crate) fn by_id(&self, id: &str) -> Option<Applicant> {
        let state = lock(&self.state);
        state
            .applicants
            .values()
            .find(|applicant| applicant.id == id && !applicant.deleted)
            .cloned()
    }

    /// Every applicant, the deleted ones too.
    pub(crate) fn all(&self) -> Vec<Applicant> {
        lock(&self.state).applicants.values().cloned().collect()
    }

    /// Applies a change. It holds the lock while it writes the file, small as that is, so that the two never differ.
    pub(crate) fn change(
        &self,
        user: &str,
        change: Change,
        now: Moment,
        identity: &Identity,
    ) -> Result<Outcome, ChangeError> {
        let mut state = lock(&self.state);
        let now = now.max(state.last_event.after(1));
        let current = state
            .applicants
            .get(user)
            .filter(|applicant| !applicant.deleted)
            .cloned();
        let outcome = apply(current, user, change, now, identity)?;

        let last_event = state.last_event;
        if let Some(last) = outcome.events.last() {
            state.last_event = last.at;
        }
        let applicant = outcome.applicant.clone();
        let replaced = state.applicants.insert(user.to_owned(), applicant);
        let written = self.file.as_deref().map(|path| write(path, &state));
        if let Some(Err(error)) = written {
            // Back to what the file holds.
            state.last_event = last_event;
            match replaced {
                Some(applicant) => state.applicants.insert(user.to_owned(), applicant),
                None => state.applicants.remove(user),
            };
            return Err(error.into());
        }
        Ok(outcome)
    }
}

/// Replaces the file as a whole, so that nobody ever reads half of it.
fn write(path: &Path, state: &State) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);

    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&temporary)?
        .write_all(&serde_json::to_vec_pretty(state)?)?;
    fs::rename(&temporary, path)
}
