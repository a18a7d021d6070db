//! Random histories, against a store in memory and against a real engine.

use local::{Options, Stack};
use tests::proof::model::{Memory, play};
use tests::proof::seed;

#[test]
fn every_history_in_memory_ends_as_the_provider_says() {
    play(2_000, seed(), true, Memory::default);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_history_on_a_real_engine_ends_as_the_provider_says() {
    let stack = Stack::start(Options::default()).await.unwrap();
    let users = stack.users();
    let played =
        tokio::task::spawn_blocking(move || play(15, seed(), false, || users.clone())).await;
    assert!(played.unwrap().histories >= 15);
}
