//! Short versions of `cargo prove`.

use proof::{
    Combination, Mutation, Provider, Report, World, explore, find, import, play, play_on_engine,
};

fn assert_clean(world: World, histories: u64, report: &Report) {
    assert!(report.work.histories >= histories && report.work.deliveries > 0);
    let findings = &report.findings;
    assert!(findings.is_empty(), "{}: {findings:?}", world.name);
}

#[test]
fn the_stored_state_is_the_providers_in_every_world() {
    for world in World::ALL {
        assert_clean(world, 60, &play(world, 1, 60, 1, None));
    }
}

#[test]
fn the_stored_state_is_the_providers_on_a_real_engine() {
    let unkindest = World::ALL.into_iter().find(|world| world.name == "storm");
    for world in [World::KIND, unkindest.unwrap()] {
        assert_clean(world, 3, &play_on_engine(world, 1, 3, 1));
    }
}

#[test]
fn no_order_of_two_use_cases_goes_wrong_with_an_exact_provider() {
    let mut interleavings = 0;
    let all = Combination::all(2).into_iter();
    for combination in all.filter(|combination| combination.provider == Provider::Exact) {
        let explored = explore(&combination, None);
        let failed = explored.failed;
        assert!(failed.is_none(), "{combination}: {failed:?}");
        interleavings += explored.interleavings;
    }
    assert!(interleavings > 2_000, "{interleavings}");
}

#[test]
fn an_import_ends_in_the_state_of_the_provider_and_keeps_the_rate() {
    let imported = import(2_000, 1);
    assert!(imported.diverged.is_empty(), "{:?}", imported.diverged);
    assert!(imported.stopped > 0 && imported.webhooks > 0, "{imported}");
    // 20 in a second, and the first at once.
    assert!(imported.most_reads <= 101, "{imported}");
}

#[test]
fn each_planted_bug_is_found() {
    for mutation in Mutation::ALL {
        assert!(find(mutation, 1, 30).is_some(), "{mutation:?}");
    }
}
