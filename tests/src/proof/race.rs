//! Many deliveries and polls for one user at the same time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::check::transitions_to;
use super::provider::{Move, now};
use super::{Counts, System};

/// How many requests a round has.
const REQUESTS: usize = 64;

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct RaceOptions {
    /// How many users there are, one after the other.
    pub rounds: usize,
    /// What the mixture of requests follows from.
    pub seed: u64,
    /// Whether the functions are built with optimisations.
    pub release: bool,
}

/// In each round a user was approved, and deliveries of all events, each many times, arrive together with polls. There must
/// be one transition to approved and one advance.
pub async fn race(options: RaceOptions) -> Counts {
    let mut rng = fastrand::Rng::with_seed(options.seed);
    let system = Arc::new(System::start(options.seed, options.release, REQUESTS).await);
    for round in 0..options.rounds {
        let user = format!("usr_race{round}");
        system.app.stack.seed(&user).await.unwrap();
        // Over before the first poll, which would otherwise be older than what it sees.
        let start = now() - 60_000;
        let events = [Move::Create, Move::Submit, Move::Hold, Move::Approve]
            .map(|next| system.provider.play_at(&user, next, start));

        let together = Arc::new(Barrier::new(REQUESTS));
        let mut requests = JoinSet::new();
        for number in 0..REQUESTS {
            // Each event at least once; a quarter of the requests are polls.
            let event = events.get(number).or_else(|| {
                let event = rng.choice(&events);
                event.filter(|_| rng.u8(..4) > 0)
            });
            let (system, together) = (Arc::clone(&system), Arc::clone(&together));
            let (user, event, mut rng) = (user.clone(), event.cloned(), rng.fork());
            requests.spawn(async move {
                together.wait().await;
                match event {
                    Some(event) => system.deliver(&event, &mut rng).await,
                    None => {
                        while !system.poll(&user).await {
                            tokio::time::sleep(Duration::from_millis(rng.u64(10..400))).await;
                        }
                    }
                }
            });
        }
        requests.join_all().await;
        system.check(&user).await;
        let approvals = transitions_to("approved", &system.items(&user).await);
        if approvals != 1 {
            system.doubled(&format!("{user}: {approvals} transitions to approved"));
        }
    }
    system.counts()
}
