//! Short versions of `cargo prove`.

use proof::{Combination, Mutation, World, explore, find, play};

#[test]
fn the_stored_state_is_the_providers_in_every_world() {
    for world in World::ALL {
        let report = play(world, 1, 60, 1, None);
        assert!(report.work.histories >= 60 && report.work.deliveries > 0);
        assert!(
            report.findings.is_empty(),
            "{}: {:?}",
            world.name,
            report.findings
        );
    }
}

#[test]
fn no_order_of_two_use_cases_goes_wrong() {
    let mut interleavings = 0;
    for combination in Combination::all(2) {
        let explored = explore(&combination);
        assert!(
            explored.failed.is_none(),
            "{combination}: {:?}",
            explored.failed
        );
        interleavings += explored.interleavings;
    }
    assert!(interleavings > 1_000, "{interleavings}");
}

#[test]
fn a_planted_bug_is_found() {
    assert!(
        Mutation::ALL
            .into_iter()
            .any(|mutation| find(mutation, 1, 300).is_some())
    );
}
