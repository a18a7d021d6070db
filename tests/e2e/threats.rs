//! The threat model names tests that exist.

use std::fs;
use std::path::Path;

/// The text of all Rust files below a folder, and their names.
fn sources(folder: &Path, names: &mut Vec<String>, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, names, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.push(path.to_string_lossy().into_owned());
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let model = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let (mut names, mut text) = (Vec::new(), String::new());
    for folder in ["tests/e2e", "local/stack/tests", "shared/src"] {
        sources(&root.join(folder), &mut names, &mut text);
    }
    let rows: Vec<&str> = model
        .lines()
        .filter(|line| line.starts_with("| "))
        .collect();
    let mut found = 0;
    for quoted in rows
        .iter()
        .flat_map(|row| row.split('`').skip(1).step_by(2))
    {
        if quoted.strip_suffix(".rs").is_some() {
            assert!(names.iter().any(|name| name.ends_with(quoted)), "{quoted}");
            found += 1;
        } else if quoted.matches('_').count() > 2 {
            assert!(text.contains(&format!("fn {quoted}()")), "{quoted}");
            found += 1;
        }
    }
    assert!(found > 20, "{found}");
}
