//! Replays the corpora: the inputs that the fuzzer starts from, and those that it once found.

use std::fs;
use std::path::Path;

use fuzz::{delivery, event, provider, token};

fn replay(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut inputs = 0;
    for input in fs::read_dir(corpus.join(target)).expect("a corpus") {
        let input = input.expect("a file").path();
        let data = fs::read(&input).expect("an input");
        // Names the input if it fails.
        println!("{}", input.display());
        run(&data);
        inputs += 1;
    }
    assert!(inputs > 0, "the corpus is empty");
}

#[test]
fn events() {
    replay("event", event::run);
}

#[test]
fn answers_of_the_provider() {
    replay("provider", provider::run);
}

#[test]
fn tokens() {
    replay("token", token::run);
}

#[test]
fn deliveries_of_the_webhook() {
    replay("delivery", delivery::run);
}
