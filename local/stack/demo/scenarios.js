// Scenarios that the demo plays by itself. Each has a link, `?scenario=…`, that can be sent to somebody; `&pace=…` are the seconds between two
// steps. The acts are those of people: `submit`, `decide`, `provider`, `webhooks` and `check`.

const GREEN = { reviewAnswer: "GREEN" };
const BLURRY = { reviewAnswer: "RED", reviewRejectType: "RETRY", moderationComment: "The photo is blurry. Please take another one." };
const FORGED = { reviewAnswer: "RED", reviewRejectType: "FINAL", moderationComment: "The document is not accepted." };

/** The steps of each scenario: an act, what it is done with, and what is said about it. */
export const SCENARIOS = {
  approved: [
    ["submit", null, "The user submits a passport and a selfie."],
    ["decide", GREEN, "The reviewer approves. A signed webhook tells the API, and the onboarding moves on."],
  ],
  retry: [
    ["submit", null, "The user submits a photo that is blurry."],
    ["decide", BLURRY, "The reviewer asks again, and the user reads why."],
    ["submit", null, "The user submits a better one."],
    ["decide", GREEN, "Approved."],
  ],
  rejected: [
    ["submit", null, "The user submits a forged passport."],
    ["decide", FORGED, "The reviewer rejects it for good. There is no way to try again."],
  ],
  outage: [
    ["submit", null, "The user submits."],
    ["provider", "unavailable", "The provider goes away."],
    ["check", null, "The user asks, and is told when to try again. What is stored is still there."],
    ["provider", "normal", "The provider is back."],
    ["decide", GREEN, "Its verdict arrives as if nothing had been."],
  ],
  twice: [
    ["webhooks", "duplicated", "From now on each webhook comes twice."],
    ["submit", null, "The user submits."],
    ["decide", GREEN, "Approved. The second delivery is recognised, and changes nothing: there is one event."],
  ],
  revoked: [
    ["submit", null, "The user submits."],
    ["decide", GREEN, "Approved."],
    ["decide", FORGED, "The provider takes the approval back. The gate closes at once."],
  ],
};

/** Plays scenarios one after the other, each with a new user. Stops when `isOver(user)` says that somebody does something else. */
export async function play(names, { pace, signIn, isOver, acts, say }) {
  const wait = () => new Promise((resolve) => setTimeout(resolve, pace * 1000));
  for (const name of names) {
    const user = `usr_demo_${name}_${Date.now().toString(36)}`;
    await signIn(user);
    try {
      for (const [act, what, words] of SCENARIOS[name]) {
        say(`${name}: ${words}`);
        await wait();
        if (isOver(user)) return;
        await acts[act](what);
      }
      await wait();
      if (isOver(user)) return;
    } finally {
      await acts.provider("normal");
      await acts.webhooks("normal");
    }
  }
  say("");
}
