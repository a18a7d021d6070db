//! Figures that are counted instead of timed: the same in every run, whatever else the machine does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::float;
use crate::instance::{Instance, Launch};
use crate::limits::Figures;

/// Numbers of calls of two processes. The difference between their counts, divided by that of the calls, is one call.
const FEW: usize = 20;
const MANY: usize = 120;

/// Placeholder for the number of calls in an argument.
const CALLS: &str = "{calls}";

/// Crates with a second TLS stack or a second cryptography library.
const OTHER_TLS: [&str; 6] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "boring-sys",
    "native-tls",
    "openssl",
    "openssl-sys",
];

/// Texts in a binary with one of these crates, also after stripping.
const TRACES: [&str; 3] = ["aws-lc", "jent_", "OpenSSL "];

/// Counts instructions, allocations and system calls of `launch`. Prints which tools are missing.
pub(super) fn count(
    name: &str,
    launch: &Launch,
    directory: &Path,
    profile: Option<&Path>,
) -> Figures {
    let mut figures = Figures::new();
    let mut note = |figure: &str, value: f64| {
        figures.insert(format!("{name}.{figure}"), value);
    };
    let profile = match profile {
        Some(folder) => folder.join(format!("{name}.{CALLS}.callgrind")),
        None => "/dev/null".into(),
    };
    let profile = format!("--callgrind-out-file={}", profile.display());
    let profiled = ["--tool=callgrind", &profile];
    let counter = |tool, arguments, output, read| Counter {
        launch,
        directory,
        tool,
        arguments,
        output,
        read,
    };
    if is_here("valgrind") {
        let read = |log: &str| number_after(log, "Collected :");
        let instructions = counter("valgrind", &profiled, "--log-file=", read);
        note("start_minstructions", instructions.run(0) / 1e6);
        note("call_minstructions", instructions.per_call() / 1e6);
        let arguments = &["--tool=memcheck", "--undef-value-errors=no"];
        let read = |log: &str| number_after(log, "total heap usage:");
        let allocations = counter("valgrind", arguments, "--log-file=", read);
        note("call_allocations", allocations.per_call());
    } else {
        println!("instructions and allocations are not counted: there is no valgrind");
    }
    if is_here("strace") {
        // A call that another thread interrupts has a second line, with "resumed>".
        let read = |log: &str| {
            let lines = log.lines().filter(|line| line.contains('('));
            float(lines.filter(|line| !line.contains("resumed>")).count())
        };
        let system_calls = counter("strace", &["-f", "-qq", "-I1"], "--output=", read);
        note("call_system_calls", system_calls.per_call());
    } else {
        println!("system calls are not counted: there is no strace");
    }
    figures
}

/// Counts the crates that are linked into a package, and the traces of a second TLS stack. Features are those of the whole
/// workspace, as in the build.
pub(super) fn crates(package: &str, binary: &Path) -> Figures {
    let mut tree = Command::new("cargo");
    tree.args(["tree", "--workspace", "--edges", "normal,no-proc-macro"]);
    tree.args(["--prefix", "depth", "--format", " {p}"]);
    let tree = tree.current_dir(local::project()).output().unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    let crates = linked(package, &tree);
    let name = |line: &&&str| {
        let name = line.split(' ').next();
        name.is_some_and(|name| OTHER_TLS.contains(&name))
    };
    let binary = fs::read(binary).unwrap();
    let is_there = |text: &&&str| {
        let mut windows = binary.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    };
    let others = crates.iter().filter(name).count() + TRACES.iter().filter(is_there).count();
    [
        (format!("{package}.crates"), float(crates.len())),
        (format!("{package}.other_tls"), float(others)),
    ]
    .into()
}

/// Returns the crates of a package from the output of `cargo tree`, which lists the dependencies of a crate only once.
fn linked<'a>(package: &str, tree: &'a str) -> BTreeSet<&'a str> {
    let mut dependencies: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut above: Vec<&str> = Vec::new();
    for (depth, name) in tree.lines().filter_map(|line| line.split_once(' ')) {
        let name = name.trim_end_matches(" (*)");
        above.truncate(depth.parse().unwrap());
        if let Some(parent) = above.last() {
            dependencies.entry(parent).or_default().push(name);
        }
        above.push(name);
    }
    let roots = dependencies.keys().copied();
    let mut open: Vec<&str> = roots
        .filter(|name| name.split(' ').next() == Some(package))
        .collect();
    let mut linked = BTreeSet::new();
    while let Some(name) = open.pop() {
        if linked.insert(name) {
            open.extend(dependencies.get(name).into_iter().flatten());
        }
    }
    linked
}

/// A tool that counts, with its arguments.
struct Counter<'a> {
    launch: &'a Launch,
    directory: &'a Path,
    tool: &'static str,
    arguments: &'a [&'a str],
    /// The option for the output file, up to the file's name.
    output: &'static str,
    /// Reads the count from the output file.
    read: fn(&str) -> f64,
}

impl Counter<'_> {
    /// Returns the count of a process with this many calls.
    fn run(&self, calls: usize) -> f64 {
        let file = self.directory.join("counted");
        let output = format!("{}{}", self.output, file.display());
        let mut command = vec![self.tool.to_owned()];
        let arguments = self.arguments.iter();
        command.extend(arguments.map(|argument| argument.replace(CALLS, &calls.to_string())));
        command.push(output);
        let mut instance = Instance::start(&self.launch.under(&command), self.directory, calls);
        instance.collect();
        instance.terminate();
        (self.read)(&fs::read_to_string(file).unwrap())
    }

    /// Returns the count of one call.
    fn per_call(&self) -> f64 {
        (self.run(MANY) - self.run(FEW)) / float(MANY - FEW)
    }
}

fn is_here(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// Returns the number after the last occurrence of a word. The number may have commas.
fn number_after(text: &str, word: &str) -> f64 {
    let (_, rest) = text.rsplit_once(word).unwrap_or_else(|| panic!("{text}"));
    let number = rest.split_whitespace().next().unwrap_or_default();
    number.replace(',', "").parse().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_found_where_the_tree_lists_their_dependencies() {
        let tree =
            "0 gate v1\n1 a v1\n2 b v2\n\n0 status v1\n1 a v1 (*)\n1 c v3\n\n0 tests v1\n1 d v1\n";
        let crates: Vec<_> = linked("status", tree).into_iter().collect();
        assert_eq!(crates, ["a v1", "b v2", "c v3", "status v1"]);
    }

    #[test]
    fn the_number_after_a_word_is_read() {
        let log = "==7== total heap usage: 1,234 allocs, 1,200 frees\n==7== Collected : 17942013\n";
        assert!((number_after(log, "total heap usage:") - 1234.0).abs() < f64::EPSILON);
        assert!((number_after(log, "Collected :") - 17_942_013.0).abs() < f64::EPSILON);
    }
}
