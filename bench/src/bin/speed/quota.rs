//! A control group with the share of a processor that Lambda gives with a memory size. Needs root.

use std::path::{Path, PathBuf};
use std::{fs, process};

/// Memory size, in MB, at which Lambda gives a whole processor. Below it, the share is proportional.
const WHOLE: u32 = 1769;
/// Length of a period in microseconds. A process that used up its share waits for the next period.
const PERIOD: u32 = 20_000;

/// A control group. Dropping it removes the group.
pub(super) struct Quota(PathBuf);

impl Quota {
    /// Creates a group with the share that belongs to `memory` MB.
    pub(super) fn of(memory: u32) -> Self {
        let share = PERIOD * memory.min(WHOLE) / WHOLE;
        let root = Path::new("/sys/fs/cgroup");
        let old = root.join("cpu");
        let name = format!("speed-{}", process::id());
        let (group, settings) = if old.is_dir() {
            let period = ("cpu.cfs_period_us", PERIOD.to_string());
            let quota = ("cpu.cfs_quota_us", share.to_string());
            (old.join(name), vec![period, quota])
        } else {
            (
                root.join(name),
                vec![("cpu.max", format!("{share} {PERIOD}"))],
            )
        };
        let made = fs::create_dir(&group);
        made.unwrap_or_else(|error| panic!("{}: {error}", group.display()));
        let quota = Self(group);
        for (file, value) in settings {
            fs::write(quota.0.join(file), value).unwrap();
        }
        quota
    }

    /// Returns the file that takes the ids of the group's processes.
    pub(super) fn processes(&self) -> PathBuf {
        self.0.join("cgroup.procs")
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}
