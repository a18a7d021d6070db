//! Imports between the floors of this crate go one way: down.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// The floors from the top down, each with those that it may import.
const FLOORS: [(&str, &[&str]); 7] = [
    (
        "startup",
        &[
            "http",
            "service",
            "repository",
            "provider",
            "platform",
            "kyc",
        ],
    ),
    (
        "http",
        &["service", "repository", "provider", "platform", "kyc"],
    ),
    ("service", &["repository", "provider", "platform", "kyc"]),
    ("repository", &["platform", "kyc"]),
    ("provider", &["platform", "kyc"]),
    ("platform", &["kyc"]),
    ("kyc", &[]),
];

/// Returns the words and signs of Rust code, without comments, strings, characters and lifetimes.
fn tokens(code: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let len = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '"' {
            // A raw string that holds quotes looks like several strings, which does no harm here.
            string_len(rest)
        } else if first == '\'' {
            character_len(rest)
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(len);
        if is_word(first) || matches!(token, "::" | "{" | "}" | "," | ";") {
            tokens.push(token);
        }
        rest = after;
    }
    tokens
}

fn string_len(code: &str) -> usize {
    let mut escaped = false;
    for (at, c) in code.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// A lifetime is as long as its quote: the word after it is no path.
fn character_len(code: &str) -> usize {
    let mut chars = code.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some(_)) => code[3..].find('\'').map_or(code.len(), |at| at + 4),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

/// Returns the floors that the code of a module names, with `module` as its path from the root of the crate.
fn named_floors(module: &[&str], code: &str) -> Vec<String> {
    let tokens = tokens(code);
    let mut named = Vec::new();
    // The brace depth at which each of the modules begins that are written within this one.
    let mut inner: Vec<usize> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match *token {
            "{" => {
                if at >= 2 && tokens[at - 2] == "mod" {
                    inner.push(depth);
                }
                depth += 1;
            }
            "}" => {
                depth -= 1;
                if inner.last() == Some(&depth) {
                    inner.pop();
                }
            }
            "crate" => named.extend(first_members(&tokens[at + 1..])),
            "super" => {
                let mut levels = 1;
                while tokens.get(at + 1..at + 3) == Some(&["::", "super"]) {
                    levels += 1;
                    at += 2;
                }
                if levels == module.len() + inner.len() {
                    named.extend(first_members(&tokens[at + 1..]));
                }
            }
            _ => {}
        }
        at += 1;
    }
    named
}

/// Returns the first name of each path after `crate`: `::one::…` or `::{one::…, two::…}`.
fn first_members(path: &[&str]) -> Vec<String> {
    match path {
        ["::", "{", list @ ..] => {
            let mut depth = 1;
            let mut names = Vec::new();
            let mut is_first = true;
            for token in list {
                match *token {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    "," if depth == 1 => is_first = true,
                    name if depth == 1 && is_first => {
                        names.push(name.to_owned());
                        is_first = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            names
        }
        ["::", name, ..] => vec![(*name).to_owned()],
        _ => Vec::new(),
    }
}

/// Returns the imports of a module that the plan does not allow.
fn wrong_arrows(module: &[&str], code: &str) -> Vec<String> {
    let floor = module[0];
    let (_, allowed) = FLOORS
        .into_iter()
        .find(|(name, _)| *name == floor)
        .unwrap_or_else(|| panic!("{floor} is no floor"));
    named_floors(module, code)
        .into_iter()
        .filter(|named| named != floor && !allowed.contains(&named.as_str()))
        .map(|named| format!("{} imports {named}", module.join("::")))
        .collect()
}

fn source_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn every_import_goes_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&root, &mut files);
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for file in files {
        let code = fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix(&root).unwrap().with_extension("");
        let mut module: Vec<&str> = path.iter().map(|name| name.to_str().unwrap()).collect();
        if module.last() == Some(&"mod") {
            module.pop();
        }
        if module == ["lib"] {
            assert_eq!(
                named_floors(&[], &code),
                [""; 0],
                "lib.rs declares modules only"
            );
            continue;
        }
        wrong.extend(wrong_arrows(&module, &code));
        seen.extend(named_floors(&module, &code));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A test that sees no import would never fail.
    for floor in [
        "kyc",
        "platform",
        "provider",
        "repository",
        "service",
        "http",
    ] {
        assert!(seen.iter().any(|named| named == floor), "{floor}");
    }
}

#[test]
fn an_import_of_a_higher_floor_is_found_however_it_is_written() {
    for (module, code) in [
        (&["kyc", "user"][..], "use crate::platform::Clock;"),
        (
            &["kyc"],
            "fn now() -> i64 { crate::platform::system_clock() }",
        ),
        (&["kyc", "user"], "use super::super::platform::Clock;"),
        (&["kyc"], "use super::platform;"),
        (&["kyc"], "mod tests { use super::super::platform; }"),
        (
            &["platform"],
            "use crate::{kyc::{User, Step}, repository::Users};",
        ),
        (&["platform"], "pub(in crate::http) fn f<'a>() {}"),
        (&["provider"], "use crate::repository::Users;"),
        (
            &["repository"],
            "#[doc = \"//\"] use crate::provider::Event;",
        ),
        (&["service", "store"], "use crate::http::Problem;"),
        (
            &["http", "views", "user"],
            "use super::super::super::startup::Startup;",
        ),
    ] {
        assert_eq!(wrong_arrows(module, code).len(), 1, "{code}");
    }
}

#[test]
fn an_import_of_a_lower_floor_passes() {
    for (module, code) in [
        (&["kyc", "user"][..], "use super::Step;"),
        (
            &["kyc", "transition", "tests"],
            "use super::super::platform; mod inner { use super::super::super::platform; }",
        ),
        (
            &["kyc"],
            "mod one { use super::platform; } // use crate::platform;",
        ),
        (&["kyc"], "const TEXT: &str = \"a \\\" crate::platform\";"),
        (
            &["kyc"],
            "const QUOTE: char = '\"'; fn f<'a>(text: &'a str) { text.contains('\\'') }",
        ),
        (&["kyc"], "/// See [`crate::platform`].\nstruct A;"),
        (&["platform"], "use crate::kyc::Timestamp;"),
        (&["http"], "use crate::{service::{A, http}, platform};"),
        (&["startup"], "use crate::http::serve;"),
    ] {
        assert_eq!(wrong_arrows(module, code), [""; 0], "{code}");
    }
}
