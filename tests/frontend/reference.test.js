// The API reference in a real browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { launch, ROOT, start } from "./system.js";

const resolve = createRequire(import.meta.url).resolve;
const AXE = await readFile(resolve("axe-core/axe.min.js"), "utf8");

let system;
let browser;

before(async () => {
  [system, browser] = await Promise.all([start(), launch()]);
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

async function open(colorScheme) {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1280, height: 900 } });
  page.troubles = [];
  page.on("pageerror", (error) => page.troubles.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.troubles.push(message.text()));
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== "data:" && origin !== system.url) page.troubles.push(`request to ${request.url()}`);
  });
  await page.goto(`${system.url}/docs`);
  await page.getByText("Generate SDK access token").waitFor();
  return page;
}

test("shows all operations, and loads nothing from elsewhere", async () => {
  const page = await open("light");
  const openapi = await readFile(join(ROOT, "openapi.yaml"), "utf8");
  const described = [...openapi.matchAll(/^      operationId: (\w+)$/gm)].map(([, id]) => id);
  const shown = await page.locator(".opblock").evaluateAll((all) => all.map(({ id }) => id.split("-").at(-1)));
  assert.deepEqual(shown.sort(), described.sort());
  for (const operation of await page.locator(".opblock-summary-control").all()) await operation.click();
  await page.locator(".opblock.is-open .responses-table").nth(described.length - 1).waitFor();
  assert.deepEqual(page.troubles, []);
  await page.close();
});

test("sends requests of the user who signs in", async () => {
  const page = await open("light");
  await page.getByLabel("Try it as").fill("usr_reference");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Requests are sent as usr_reference.").waitFor();
  const operation = page.locator("#operations-kyc-createAccessToken");
  await operation.locator(".opblock-summary-control").click();
  await operation.getByRole("button", { name: "Try it out" }).click();
  await operation.getByRole("button", { name: "Execute" }).click();
  const answer = operation.locator(".live-responses-table");
  await answer.getByText('"user_id": "usr_reference"').waitFor();
  assert.deepEqual(page.troubles, []);
  await page.close();
});

for (const look of ["light", "dark"]) {
  test(`can be read, ${look}`, async () => {
    const page = await open(look);
    await page.evaluate(AXE);
    // The renderer may nest its elements as it likes.
    const rules = ["heading-order", "nested-interactive", "region"].map((rule) => [rule, { enabled: false }]);
    const { violations } = await page.evaluate((rules) => window.axe.run(document, { rules }), Object.fromEntries(rules));
    const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
    assert.deepEqual(told, []);
    assert.deepEqual(page.troubles, []);
    await page.close();
  });
}

test("its renderer is the package's", async () => {
  for (const name of ["swagger-ui-bundle.js", "swagger-ui.css"]) {
    const vendored = gunzipSync(await readFile(join(ROOT, "local/stack/vendor/swagger-ui", `${name}.gz`)));
    assert.ok(vendored.equals(await readFile(resolve(`swagger-ui-dist/${name}`))), name);
  }
});
