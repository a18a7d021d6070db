//! The documents name files, items and tests that exist.
//!
//! In the tables, a cell names a file in backticks and then items of that file, up to the next file or semicolon. Paths begin at
//! the root, at `shared/src` or at `tests/e2e`.

use std::fs;
use std::path::Path;

/// Folders at which paths begin.
const FOLDERS: [&str; 3] = [".", "shared/src", "tests/e2e"];

/// Ends of names that are taken for paths.
const EXTENSIONS: [&str; 6] = [".rs", ".js", ".json", ".md", ".py", ".yaml"];

const KEYWORDS: [&str; 6] = ["fn", "struct", "enum", "trait", "const", "type"];

/// An existing file that a cell names, with the items that it names after the file.
struct Reference<'a> {
    path: &'a str,
    text: String,
    items: Vec<&'a str>,
}

impl<'a> Reference<'a> {
    /// Reads the references of a cell. Adds to `faults` what does not exist.
    fn all(cell: &'a str, faults: &mut Vec<String>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for part in cell.split(';') {
            let mut has_file = false;
            for word in quoted(part) {
                if EXTENSIONS.iter().any(|end| word.ends_with(end)) {
                    let text = FOLDERS
                        .iter()
                        .find_map(|folder| read(&format!("{folder}/{word}")));
                    has_file = text.is_some();
                    match text {
                        Some(text) => all.push(Self {
                            path: word,
                            text,
                            items: Vec::new(),
                        }),
                        None => faults.push(format!("no file {word}")),
                    }
                } else if let Some(reference) = all.last_mut().filter(|_| has_file) {
                    reference.items.push(word);
                    if reference.source(word).is_none() {
                        faults.push(format!("no {word} in {}", reference.path));
                    }
                } else if word.matches('_').count() > 2 {
                    faults.push(format!("{word} without an existing file before it"));
                }
            }
        }
        all
    }

    /// Returns the source of an item: `name` anywhere in a Rust file, `Owner::name` in a block of its owner, or any text of
    /// another file.
    fn source(&self, item: &str) -> Option<String> {
        if !self.is_rust() {
            return self.text.contains(item).then(|| self.text.clone());
        }
        match item.split_once("::") {
            None => definition(&self.text, item).map(str::to_owned),
            Some((owner, name)) => blocks(&self.text, owner).find_map(|block| {
                definition(block, name)
                    .or_else(|| member(block, name))
                    .map(str::to_owned)
            }),
        }
    }

    fn is_rust(&self) -> bool {
        Path::new(self.path)
            .extension()
            .is_some_and(|extension| extension == "rs")
    }
}

/// Returns the text of a file, by its path from the root.
fn read(path: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).ok()
}

/// Returns the texts in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the rows of all tables, without their headings, as cells.
fn rows(document: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = document.lines().collect();
    let is_row = |line: &str| line.starts_with("| ");
    let mut rows = Vec::new();
    for (line, next) in lines.iter().zip(lines.iter().skip(1).chain([&""])) {
        if is_row(line) && !next.starts_with("|--") {
            let cells = line.trim_matches('|').split(" | ");
            rows.push(cells.map(str::trim).collect());
        }
    }
    rows
}

/// Returns the position of a word or words that are no part of longer ones.
fn position(text: &str, words: &str) -> Option<usize> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(words)
        .map(|(start, _)| start)
        .find(|start| {
            let (before, rest) = text.split_at(*start);
            let after = rest
                .strip_prefix(words)
                .and_then(|rest| rest.chars().next());
            !before.chars().next_back().is_some_and(is_part) && !after.is_some_and(is_part)
        })
}

/// Returns the source of an item that a keyword introduces, up to the bracket that ends it.
fn definition<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let start = KEYWORDS
        .iter()
        .find_map(|keyword| position(text, &format!("{keyword} {name}")))?;
    let (before, rest) = text.split_at(start);
    let line = before.lines().next_back().unwrap_or_default();
    let indent: String = line.chars().take_while(|c| *c == ' ').collect();
    rest.split(&format!("\n{indent}}}")).next()
}

/// Returns the line that declares a field or a variant.
fn member<'a>(block: &'a str, name: &str) -> Option<&'a str> {
    block.lines().find(|line| {
        let line = line.trim_start().trim_start_matches("pub ");
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([':', ',', '(']) || rest.starts_with(" {"))
    })
}

/// Returns the types, traits and implementations that bear a name.
fn blocks<'a>(text: &'a str, owner: &str) -> impl Iterator<Item = &'a str> {
    text.split("\n}").filter(move |block| {
        let mut lines = block.lines().rev();
        let head = lines.find(|line| {
            let line = line.trim_start_matches("pub ");
            ["impl", "struct ", "enum ", "trait "]
                .iter()
                .any(|keyword| line.starts_with(keyword))
        });
        head.is_some_and(|head| position(head, owner).is_some())
    })
}

fn is_code(word: &str) -> bool {
    word.len() == 11 && word.split('-').map(str::len).eq([3; 3])
}

#[test]
fn the_threat_model_names_tests_that_exist() {
    let document = read("SECURITY.md").unwrap();
    let mut faults = Vec::new();
    let mut found = 0;
    for row in rows(&document) {
        for cell in row {
            let references = Reference::all(cell, &mut faults);
            found += references.len()
                + references
                    .iter()
                    .map(|file| file.items.len())
                    .sum::<usize>();
        }
    }
    assert!(faults.is_empty(), "SECURITY.md: {faults:#?}");
    assert!(found > 20, "{found}");
}

/// Each sentence leads to one file with the rule, and to a test. Samples and error codes stand in that test.
#[test]
fn each_sentence_of_the_contract_has_a_rule_and_a_test() {
    let document = read("docs/contract.md").unwrap();
    let mut faults = Vec::new();
    let rows = rows(&document);
    for row in &rows {
        let [sentence, rule, test] = row[..] else {
            panic!("{row:?}")
        };
        let rules = Reference::all(rule, &mut faults);
        let tests = Reference::all(test, &mut faults);
        if rules.len() != 1 || tests.is_empty() {
            faults.push(format!("not one rule and a test: {sentence}"));
        }
        for reference in rules.iter().chain(&tests) {
            if reference.items.is_empty() {
                faults.push(format!(
                    "nothing of {} is named: {sentence}",
                    reference.path
                ));
            }
        }
        let shown: String = tests
            .iter()
            .flat_map(|test| test.items.iter().filter_map(|item| test.source(item)))
            .collect();
        for word in quoted(sentence).filter(|word| word.starts_with('"') || is_code(word)) {
            if !shown.contains(word) {
                faults.push(format!("{word} is not in {test}"));
            }
        }
    }
    assert!(faults.is_empty(), "docs/contract.md: {faults:#?}");
    assert!(rows.len() > 100, "{}", rows.len());
}

/// The contract's rows link to the sections of `docs/api.md` that settle what the contract leaves open.
#[test]
fn the_contract_links_to_sections_that_exist() {
    let (contract, api) = (
        read("docs/contract.md").unwrap(),
        read("docs/api.md").unwrap(),
    );
    let anchor = |heading: &str| heading.to_lowercase().replace(' ', "-");
    let sections: Vec<String> = api
        .lines()
        .filter_map(|line| Some(anchor(line.strip_prefix("## ")?)))
        .collect();
    for link in contract.split("(api.md#").skip(1) {
        let section = link.split(')').next().unwrap();
        assert!(
            sections.iter().any(|known| known == section),
            "docs/contract.md: no section {section} in docs/api.md"
        );
    }
}
