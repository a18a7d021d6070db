// The demo in a real browser: what a user, a reviewer and a screen reader meet, from `cargo run` to the verdict.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { assertAccessible, assertFits, finish, openPage, press } from "./pages.js";
import { launch, start } from "./system.js";

const WIDE = { width: 1280, height: 900 };
const MEDIUM = { width: 768, height: 1024 };
const NARROW = { width: 360, height: 640 };
const BLURRY = "Document image is blurry. Please resubmit a clear photo.";

/** The directory for pictures of the README, if any are to be taken. */
const PICTURES = process.env.PICTURES;

let system;
let browser;
let users = 0;

/** The file that notes the address which the desktop was asked to open. */
const opened = join(mkdtempSync(join(tmpdir(), "desktop-")), "opened");

before(async () => {
  const directory = dirname(opened);
  writeFileSync(join(directory, "xdg-open"), `#!/bin/sh\necho "$1" >"${opened}"\n`, { mode: 0o755 });
  process.env.PATH = `${directory}:${process.env.PATH}`;
  system = await start("--open", "--phone=127.0.0.1");
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

/** Whatever the test before has left behind, the provider is well. */
beforeEach(async () => {
  for (const name of ["api", "webhooks"]) {
    const answer = await fetch(`${system.provider}/simulator/${name}`, { method: "PUT", body: '{"mode":"normal"}' });
    assert.equal(answer.status, 200);
  }
  // A function that found it away does not ask it again for a few seconds.
  const session = { method: "POST", headers: { "content-type": "application/json" }, body: `{"user":"usr_between_${users}"}` };
  const { token } = await (await fetch(`${system.url}/demo/session`, session)).json();
  for (;;) {
    const answer = await fetch(`${system.url}/v0/kyc/access-token`, { method: "POST", headers: { "x-juno-jwt": token } });
    if (answer.ok) break;
    await new Promise((resolve) => setTimeout(resolve, 1000 * answer.headers.get("retry-after")));
  }
});

const open = (options) => openPage(browser, { url: system.url, viewport: WIDE, ...options });

async function signIn(page) {
  users += 1;
  const user = `usr_browser_${users}`;
  await page.getByLabel("User id").fill(user);
  await press(page, "Sign in");
  await status(page, "pending");
  return user;
}

/** Waits until the page shows a status. */
const status = (page, name) => page.locator(`#verdict[data-status="${name}"]`).waitFor();

/** Goes through the stand-in for the SDK. */
async function submit(page, button = "Start verification", type = "Passport") {
  await press(page, button);
  const sdk = page.getByRole("dialog", { name: "Verify your identity" });
  await sdk.getByLabel("Document", { exact: true }).selectOption(type);
  await sdk.getByLabel("Issued by").selectOption("United Kingdom");
  const photo = { name: "passport.jpg", mimeType: "image/jpeg", buffer: Buffer.from("not read") };
  await sdk.getByLabel("Photo of the document").setInputFiles(photo);
  await press(sdk, "Take a selfie");
  await press(sdk, "Submit");
  await sdk.waitFor({ state: "hidden" });
  await status(page, "in_progress");
}

/** Does what the desk has further down. */
async function manage(page, name) {
  if (!(await page.locator("#workflow").evaluate((more) => more.open))) await page.getByText("Workflow, level").click();
  await press(page, name);
}

/** Waits until the page says that the reviewer has done this. */
const done = (page, text) => page.locator("#done").getByText(text).waitFor();

/** The rows of the timeline that say this, the newest request first. */
const rows = (page, text) => page.locator("#timeline details:visible").filter({ hasText: text });

/** Goes on with the Tab key until it is there. */
async function tabTo(page, target) {
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press("Tab");
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  assert.fail(`not reached: ${target}`);
}

async function picture(page, name) {
  if (!PICTURES) return;
  await page.setViewportSize({ width: 440, height: 700 });
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: `${PICTURES}/${name}.png`, animations: "disabled", caret: "hide" });
  await page.setViewportSize(WIDE);
}

test("a user is approved", async () => {
  const page = await open();
  await signIn(page);
  await submit(page);
  await page.getByText(/Next check in [1-3] s/).waitFor();
  await press(page, "Approve");
  await status(page, "approved");

  await page.getByText("open banking current").waitFor();
  await page.getByText("passport, GBR: verified").waitFor();
  await page.getByText("Jane Smith").waitFor();
  assert.equal(await page.locator("#countdown").isHidden(), true, "the polling has ended");
  assert.equal(await page.locator("#verify").isHidden(), true, "there is nothing to start");
  await rows(page, "API GET /v0/kyc/status?refresh=true 200").first().waitFor();
  await picture(page, "approved");
  await finish(page);
});

for (const [name, end] of Object.entries({ approved: "approved", retry: "approved", rejected: "rejected", outage: "approved", twice: "approved", revoked: "rejected" })) {
  test(`the scenario ${name}, begun with the keyboard, plays itself`, async () => {
    const viewport = { approved: WIDE, retry: MEDIUM }[name] ?? NARROW;
    const page = await open({ url: `${system.url}/?pace=0.3`, viewport });
    await tabTo(page, page.getByRole("link", { name, exact: true }));
    await page.keyboard.press("Enter");
    await page.locator("#caption:not(:empty)").waitFor();
    await status(page, end);
    // Nothing is left to be said, and nothing is left out of order.
    await page.locator("#caption:empty").waitFor({ state: "attached" });
    for (const radio of ["online", "once"]) assert.ok(await page.getByLabel(radio).isChecked(), radio);
    for (const size of [WIDE, MEDIUM, NARROW]) {
      await page.setViewportSize(size);
      await assertAccessible(page);
      await assertFits(page);
    }
    await finish(page);
  });
}

test("the demo opens in the browser of the desktop, and plays itself", () => {
  assert.equal(readFileSync(opened, "utf8").trim(), `${system.url}/?scenario=tour`);
});

test("all scenarios play one after the other, until somebody does something else", async () => {
  const page = await open({ url: `${system.url}/?scenario=tour&pace=0.2` });
  await page.locator("#caption").filter({ hasText: "rejected:" }).waitFor();
  await press(page, "Sign out");
  await page.locator("#account").waitFor({ state: "hidden" });
  await page.getByRole("link", { name: "twice" }).click();
  await page.locator("#caption").filter({ hasText: "twice:" }).waitFor();
  await finish(page);
});

test("a user is asked again, and then approved", async () => {
  const page = await open();
  await signIn(page);
  await submit(page);
  await press(page, "Ask again");
  await status(page, "retry");
  await page.locator("#reason").getByText(BLURRY).waitFor();
  await picture(page, "retry");
  await submit(page, "Try again", "Identity card");
  await press(page, "Approve");
  await status(page, "approved");
  await page.getByText("id card, GBR: verified").waitFor();
  assert.equal(await page.locator("#reason").isHidden(), true);
  await finish(page);
});

test("a user is rejected", async () => {
  const page = await open();
  await signIn(page);
  await submit(page);
  await page.getByLabel("What the user is told").fill("The document has been altered.");
  await press(page, "Reject");
  await status(page, "rejected");
  await page.locator("#reason").getByText("The document has been altered.").waitFor();
  await page.getByText("contact our support").waitFor();
  assert.equal(await page.locator("#verify").isHidden(), true, "it is final");
  await picture(page, "rejected");
  await finish(page);
});

test("a double click opens one verification", async () => {
  const page = await open();
  await signIn(page);
  let tokens = 0;
  await page.route("**/v0/kyc/access-token", async (route) => {
    tokens += 1;
    // As slow as a provider may be: until the page has said that something happens.
    await page.getByRole("button", { name: "Opening…" }).waitFor();
    await route.continue();
  });
  await page.getByRole("button", { name: "Start verification" }).dblclick();
  await page.getByRole("dialog", { name: "Verify your identity" }).waitFor();
  assert.equal(tokens, 1);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Start verification" }).waitFor();
  await finish(page);
});

test("a verdict ends the trouble that there was", async () => {
  const page = await open();
  await signIn(page);
  await submit(page);
  await page.getByLabel("offline").check();
  await page.getByText("Trying again.").waitFor();
  // The webhook comes all the same.
  await press(page, "Approve");
  await status(page, "approved");
  await page.locator("#trouble").filter({ hasText: /^$/ }).waitFor({ state: "hidden" });
  assert.equal(await page.locator("#trace").textContent(), "");
  await page.getByLabel("online").check();
  await finish(page);
});

test("the provider goes away and comes back", async () => {
  const page = await open();
  const user = await signIn(page);
  await submit(page);
  await page.getByLabel("offline").check();
  await page.getByText("The verification provider cannot be reached right now. Trying again.").waitFor();
  await picture(page, "outage");

  // The trace id that the user sees finds the request, the call of the provider in it, and the cause.
  const shown = await page.locator("#trace").textContent();
  const [, traceId] = shown.match(/^KYC-502-001, trace id ([0-9a-f-]{36})$/);
  const answered = await system.printed((line) => line.trace_id === traceId && line.message === "answered");
  assert.equal(answered.status, 502);
  assert.equal(answered.user, user);
  const call = await system.printed((line) => line.trace_id === traceId && line.ProviderCalls === 1);
  assert.notEqual(call.outcome, "answered");
  const failed = await system.printed((line) => line.span?.trace_id === traceId && line.message === "request failed");
  assert.match(failed.cause, /provider/);

  // Nothing can be started, and the polling goes on all the same.
  await press(page, "Open verification again");
  await page.getByText(/The verification cannot be opened right now. Please try again in \d+ s./).waitFor();
  await page.getByLabel("online").check();
  await page.locator("#trouble").filter({ hasText: /^$/ }).waitFor({ state: "hidden" });
  await press(page, "Approve");
  await status(page, "approved");
  await finish(page);
});

test("the user's card follows the reviewer", async () => {
  const page = await open();
  assert.equal(await page.getByRole("button", { name: "Approve" }).isDisabled(), true, "nobody is there");
  const user = await signIn(page);
  await submit(page);
  await press(page, "Approve");
  await status(page, "approved");
  await manage(page, "Reset");
  await status(page, "pending");
  // What is shown is of this user, until somebody asks for more.
  const whose = () => page.locator("#timeline > li:visible").evaluateAll((items) => items.map((item) => item.dataset.user));
  const shown = await whose();
  assert.ok(shown.length > 4 && shown.every((each) => each === user), shown.join("\n"));
  await page.getByLabel("User or trace id").fill("");
  assert.ok((await whose()).some((each) => each !== user));
  await page.getByLabel("User or trace id").fill(user);
  await manage(page, "Delete the person");
  await done(page, "Sign in as somebody else");
  await finish(page);
});

test("a reload and a link lead to the same user", async () => {
  const page = await open();
  const user = await signIn(page);
  await submit(page);
  await page.reload();
  await status(page, "in_progress");
  assert.equal(new URL(page.url()).searchParams.get("user"), user);
  await press(page, "Sign out");
  assert.equal(new URL(page.url()).search, "");
  await page.goto(`${system.url}/?user=${user}`);
  await page.getByText(`Signed in as ${user}`).waitFor();
  await finish(page);
});

test("a request is copied as a command that works, and its trace id", async () => {
  const page = await open();
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const user = await signIn(page);
  const copied = async (name) => {
    await press(page, name);
    await page.locator("#latest").getByText(`${name}: copied`).waitFor();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  await press(page, "Start verification");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await rows(page, "POST /v0/kyc/access-token").first().locator("summary").click();
  const command = await copied("Copy as curl");
  assert.equal(command, `curl -X POST -H "x-juno-jwt: $TOKEN" '${system.url}/v0/kyc/access-token'`);
  const session = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ user }) };
  const { token } = await (await fetch(`${system.url}/demo/session`, session)).json();
  const answer = execFileSync("sh", ["-c", `${command} -fsS`], { env: { ...process.env, TOKEN: token } });
  assert.match(JSON.parse(answer).access_token, /./);
  assert.match(await copied("Copy trace id"), /^[0-9a-f-]{36}$/);
  await assertAccessible(page);
  await finish(page);
});

test("what a webhook caused stands below it, and each row is a command", async () => {
  const page = await open();
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const user = await signIn(page);
  await submit(page);
  await press(page, "Approve");
  await status(page, "approved");
  const webhook = page.locator("#timeline > li:visible").filter({ hasText: /webhook applicantReviewed 200 .*applied/ });
  await webhook.getByText("event KycStatusChanged").waitFor();
  const kinds = await webhook.locator(".kind").allTextContents();
  assert.equal(kinds[0], "webhook");
  assert.deepEqual(kinds.slice(1).sort(), ["event", "provider", "table"]);
  await webhook.getByText("in_progress → approved, step open_banking").waitFor();
  for (const deed of ["user signed in", "user submitted", "reviewer Approved."]) await rows(page, deed).waitFor();

  // Only the request itself is shown to whoever has its trace id.
  await webhook.locator("summary").first().click();
  const [, traceId] = (await webhook.locator("pre").first().textContent()).match(/trace id ([0-9a-f-]{36})/);
  await page.getByLabel("User or trace id").fill(traceId);
  assert.equal(await page.locator("#timeline > li:visible").count(), 1);

  const answers = {};
  for (const kind of kinds) {
    const row = webhook.locator("details").filter({ has: page.locator(`.kind[data-kind="${kind}"]`) });
    if (kind !== "webhook") await row.locator("summary").click();
    await row.getByRole("button", { name: "Copy as curl" }).click();
    await row.getByRole("button", { name: "Copied" }).waitFor();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    answers[kind] = JSON.parse(execFileSync("sh", ["-c", `${command} -fsS`]));
  }
  assert.deepEqual(answers.webhook, { outcome: "duplicate" });
  assert.equal(answers.provider.applicant.externalUserId, user);
  assert.deepEqual(answers.event, answers.table);
  assert.equal(answers.table.items.at(-1).to, "approved");
  await assertAccessible(page);
  await finish(page);
});

test("a rejected user starts over once the applicant is deactivated, and never reads a label", async () => {
  const page = await open();
  const user = await signIn(page);
  await submit(page);
  await page.getByLabel("Reject label").selectOption("FORGERY");
  await press(page, "Reject");
  await status(page, "rejected");
  assert.doesNotMatch(await page.locator("#user").innerText(), /FORGERY/);
  const applicant = await (await fetch(`${system.provider}/simulator/applicants/${user}`)).text();
  assert.match(applicant, /FORGERY/);
  await manage(page, "Deactivate");
  await done(page, "who was rejected starts over");
  await status(page, "pending");
  await press(page, "Start verification");
  await page.getByRole("dialog", { name: "Verify your identity" }).waitFor();
  await finish(page);
});

test("a review goes its way at the desk, and an approval of another level does not count", async () => {
  const page = await open();
  await signIn(page);
  await submit(page);
  await page.getByText("Workflow, level").click();
  for (const [name, event] of [["onHold", "applicantOnHold"], ["awaitingUser", "applicantAwaitingUser"]]) {
    await page.getByLabel("Status", { exact: true }).selectOption(name);
    await press(page, "Set");
    await done(page, `The review is ${name}.`);
    await rows(page, `webhook ${event} 200`).waitFor();
    await status(page, "in_progress");
  }
  await page.getByLabel("Level").selectOption("enhanced-kyc-level");
  await press(page, "Move");
  await done(page, "Moved to enhanced-kyc-level.");
  await rows(page, "webhook applicantLevelChanged 200").waitFor();
  await press(page, "Approve");
  await done(page, "Approved.");
  await rows(page, /webhook applicantReviewed 200/).waitFor();
  const [answer] = await Promise.all([page.waitForResponse("**/v0/kyc/status?refresh=true"), press(page, "Check now")]);
  assert.equal((await answer.json()).status, "in_progress");
  await manage(page, "Deactivate");
  await done(page, "Deactivated");
  await manage(page, "Activate");
  await done(page, "Active again.");
  await assertAccessible(page);
  await finish(page);
});

test("whoever decides on a phone sees what becomes of the user", async () => {
  const page = await open({ viewport: NARROW });
  await signIn(page);
  await submit(page);
  const now = page.locator("#now");
  assert.ok(await now.isHidden(), "the card says it");
  await press(page, "Approve");
  await now.getByText("Verified").waitFor();
  const { y, height } = await now.boundingBox();
  assert.ok(y >= 0 && y + height <= NARROW.height, `${y}, ${height} high`);
  await assertAccessible(page);
  await press(page, "Sign out");
  await now.waitFor({ state: "hidden" });
  await finish(page);
});

test("a phone is given the flow, and no operator", async () => {
  const page = await open({ url: system.phone, viewport: NARROW });
  await signIn(page);
  await submit(page);
  await press(page, "Approve");
  await status(page, "approved");
  await rows(page, "KycStatusChanged").first().waitFor();
  assert.ok(await page.getByRole("link", { name: "API reference" }).isVisible());
  assert.ok(await page.getByText("operations").isHidden());
  await assertAccessible(page);
  await assertFits(page);
  await finish(page);
});

test("long words stay in their cards", async () => {
  const page = await open({ viewport: NARROW });
  await page.getByLabel("User id").fill("x".repeat(128));
  await press(page, "Sign in");
  await status(page, "pending");
  await submit(page);
  await page.getByLabel("What the user is told").fill(`${"long".repeat(60)}\n\nTwo lines below.`);
  await press(page, "Ask again");
  await status(page, "retry");
  const [wide, tall] = await page.evaluate(() => [
    document.documentElement.scrollWidth - window.innerWidth,
    document.querySelector("#reason q").getClientRects().length,
  ]);
  assert.ok(wide <= 0, `${wide} px too wide`);
  assert.ok(tall > 2, "line ends are line ends");
  await finish(page);
});

test("webhooks that come late or twice change nothing", async () => {
  const page = await open();
  await signIn(page);
  await page.getByLabel("late").check();
  await submit(page);
  await press(page, "Approve");
  await press(page, "Check now");
  await status(page, "approved");
  await page.getByText("Send what is held (3)").click();
  await done(page, "Sent 3.");
  await page.getByLabel("twice").check();
  await manage(page, "Reset");
  await done(page, "Reset: the user starts anew.");
  await press(page, "Check now");
  await status(page, "pending");
  await page.getByRole("button", { name: "Start verification" }).waitFor();
  const resets = rows(page, /webhook applicantReset/);
  await resets.nth(1).waitFor();
  await resets.filter({ hasText: "applied" }).waitFor();
  await resets.filter({ hasText: "duplicate" }).waitFor();
  await page.getByLabel("once").check();
  await manage(page, "Delete the person");
  await done(page, "Deleted.");
  await finish(page);
});

test("a token that is not accepted leads back to the door", async () => {
  const page = await open();
  const session = { json: { user: "usr_1", token: "a.b.c" } };
  await page.route("**/demo/session", (route) => route.fulfill(session));
  await press(page, "Sign in");
  await page.getByText("Please sign in again.").waitFor();
  await page.getByText(/^USR-401-001, trace id /).waitFor();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.unroute("**/demo/session");
  await signIn(page);
  await finish(page);
});

test("with another provider than the simulator, its own SDK is opened", async () => {
  // The simulator again, but nobody has told the second system that it is one.
  const second = await start("--provider-url", system.provider);
  const page = await open({ url: second.url });
  const [user] = await Promise.all([signIn(page), page.getByText("The provider is a real one").waitFor()]);
  // The SDK shows a frame, asks for a new token when its own expires, and tells when the user is done.
  const sdk = `window.snsWebSdk = { init: (token, renew) => ({
    withConf() { return this; },
    on(event, done) { this[event] = done; return this; },
    build() { return this; },
    launch(container) {
      container.textContent = "The provider's own SDK";
      renew().then((newer) => {
        if (newer !== token) window.submitted = this["idCheck.onApplicantSubmitted"];
      });
    },
    destroy() {},
  }) };`;
  const script = "https://static.sumsub.com/idensic/static/sns-websdk-builder.js";
  await page.route(script, (route) => route.fulfill({ body: sdk, contentType: "text/javascript" }));
  await press(page, "Start verification");
  await page.getByText("The provider's own SDK").waitFor();
  await page.waitForFunction(() => window.submitted);
  const submission = await fetch(`${system.provider}/simulator/applicants/${user}/submit`, { method: "POST" });
  assert.equal(submission.status, 200);
  await page.evaluate(() => window.submitted());
  await status(page, "in_progress");
  assert.deepEqual(page.troubles.splice(0), [`request to ${script}`], "and nothing else is loaded");
  await finish(page);
  await second.stop();
});

test("the keyboard is enough", async () => {
  const page = await open();
  // Long before it is needed: the browser would show a dialog of its own until it knows that somebody else answers.
  const photo = { name: "license.png", mimeType: "image/png", buffer: Buffer.from("not read") };
  page.on("filechooser", (chooser) => chooser.setFiles(photo));
  const button = (name) => page.getByRole("button", { name, exact: true });
  users += 1;
  await tabTo(page, page.getByLabel("User id"));
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(`usr_browser_${users}`);
  await page.keyboard.press("Enter");
  await status(page, "pending");
  await tabTo(page, button("Start verification"));
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByLabel("Document", { exact: true }));
  await page.keyboard.type("Dri");
  await tabTo(page, page.getByLabel("Photo of the document"));
  await page.keyboard.press("Space");
  await page.waitForFunction(() => document.querySelector("#file").files.length === 1);
  await tabTo(page, button("Take a selfie"));
  await tabTo(page, button("Submit"));
  await page.keyboard.press("Enter");
  await page.getByText("Take a selfie first.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "selfie");
  await page.keyboard.press("Space");
  await page.getByText("Selfie taken.").waitFor();
  await tabTo(page, button("Submit"));
  await page.keyboard.press("Enter");
  await status(page, "in_progress");
  assert.equal(await page.evaluate(() => document.activeElement.id), "verdict", "focus is where the news is");
  await tabTo(page, button("Approve"));
  await page.keyboard.press("Enter");
  await status(page, "approved");
  await page.getByText("drivers license, GBR: verified").waitFor();
  const entry = rows(page, "API GET /v0/user/me").first();
  await tabTo(page, entry.locator("summary"));
  await page.keyboard.press("Enter");
  await entry.locator("pre").waitFor();

  await tabTo(page, button("Sign out"));
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "user-id");
  await finish(page);
});

for (const look of [
  { colorScheme: "light", viewport: WIDE },
  { colorScheme: "dark", viewport: MEDIUM },
  { colorScheme: "dark", viewport: NARROW },
]) {
  test(`nothing is in the way of anybody, ${look.colorScheme}, ${look.viewport.width} wide`, async () => {
    const page = await open(look);
    await assertAccessible(page);
    await signIn(page);
    await assertAccessible(page);
    await press(page, "Start verification");
    await page.getByRole("dialog").waitFor();
    await assertAccessible(page);
    await page.keyboard.press("Escape");
    await submit(page);
    await page.getByLabel("offline").check();
    await page.getByText("Trying again.").waitFor();
    await assertAccessible(page);
    await page.getByLabel("online").check();
    for (const [verdict, expected] of [["Ask again", "retry"], ["Reject", "rejected"], ["Approve", "approved"]]) {
      await press(page, verdict);
      await page.locator("#done").filter({ hasText: /\.$/ }).waitFor();
      await page.locator("#check").click();
      await status(page, expected);
      await page.locator("#timeline details:visible").first().click();
      await assertAccessible(page);
    }
    await assertFits(page);
    await finish(page);
  });
}
