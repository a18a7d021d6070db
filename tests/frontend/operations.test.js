// The console of support and compliance in a real browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, finish, openPage, press } from "./pages.js";
import { launch, start } from "./system.js";

let system;
let browser;

before(async () => {
  system = await start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

const open = (options) => openPage(browser, { url: `${system.url}/operations`, viewport: { width: 1280, height: 900 }, ...options });

async function lookUp(page, role, user) {
  await page.getByLabel("Your role").selectOption(role);
  await page.getByLabel("User id").fill(user);
  await press(page, "Look up");
}

const heading = (page, user) => page.getByRole("heading", { name: user, exact: true }).waitFor();

/** Waits until a member of the user has a value. */
const member = (page, name, value) => page.locator(`dt:text-is("${name}") + dd`).filter({ hasText: value }).waitFor();

async function simulate(path, body) {
  const answer = await fetch(`${system.provider}/simulator/${path}`, { method: "POST", body: JSON.stringify(body) });
  assert.equal(answer.status, 200);
}

test("compliance blocks a user, moves them on and erases them", async () => {
  await simulate("applicants/usr_abc123/submit", { firstName: "Grimhilde", lastName: "Xanthippe" });
  await simulate("applicants/usr_abc123/review", { reviewAnswer: "GREEN" });
  const page = await open();
  await lookUp(page, "compliance", "usr_abc123");
  await heading(page, "usr_abc123");
  await member(page, "Status", "approved");
  await press(page, "Show the name");
  await page.getByText('"first_name": "Grimhilde"').waitFor();

  await page.getByLabel("Reason: the case, not the person").fill("Case 4711");
  await press(page, "Block");
  const history = page.locator("#history");
  await history.getByText("UserBlocked").waitFor();
  await history.getByText("assumed-role/compliance/local").first().waitFor();
  await history.getByText("Case 4711").waitFor();
  await press(page, "Lift the block");
  await member(page, "Blocked since", "–");
  await page.getByLabel("Onboarding step").fill("card_setup");
  await press(page, "Put on it");
  await member(page, "Onboarding step", "card_setup");
  await assertAccessible(page);

  await press(page, "Erase the person");
  await press(page, "Cancel");
  await member(page, "Has a name", "yes");
  await press(page, "Erase the person");
  await press(page.getByRole("dialog"), "Erase");
  await member(page, "Has a name", "no");
  await history.getByText("PersonErased").waitFor();
  await page.getByText("Erase these applicants there").waitFor();
  assert.ok(!(await page.content()).includes("Grimhilde"));
  await finish(page);
});

test("support sees no name, and is told why", async () => {
  const page = await open({ viewport: { width: 360, height: 640 }, colorScheme: "dark" });
  await lookUp(page, "support", "usr_unknown");
  await page.getByRole("alert").filter({ hasText: "KYC-404-002" }).waitFor();
  await lookUp(page, "support", "usr_abc123");
  await heading(page, "usr_abc123");
  await press(page, "Show the name");
  await page.getByRole("alert").filter({ hasText: "GEN-403-001" }).waitFor();
  await page.getByText("Trace id:").waitFor();
  await press(page, "Show");
  await page.getByText("decided: 0").waitFor();
  await assertAccessible(page);
  await finish(page);
});

test("a page of another origin cannot act", async () => {
  const answer = await fetch(`${system.url}/operations/api/users/usr_abc123/check`, { method: "POST" });
  assert.equal(answer.status, 403);
  const preflight = await fetch(`${system.url}/operations/api/users/usr_abc123/check`, {
    method: "OPTIONS",
    headers: { origin: "https://evil.example", "access-control-request-method": "POST", "access-control-request-headers": "x-role" },
  });
  assert.equal(preflight.headers.get("access-control-allow-origin"), null);
});
