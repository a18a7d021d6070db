// Pages in a browser, as the tests of the demo and of the console look at them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A page in a browser that reaches nothing but this machine. */
export async function openPage(browser, { url, viewport, colorScheme = "light" }) {
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce", locale: "en-GB" });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.troubles = [];
  page.on("pageerror", (error) => page.troubles.push(String(error)));
  page.on("console", (message) => {
    // Errors of the API are part of the play; the browser reports them, too.
    const expected = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !expected) page.troubles.push(message.text());
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) page.troubles.push(`request to ${request.url()}`);
  });
  await page.goto(url);
  return page;
}

export const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

export async function finish(page) {
  assert.deepEqual(page.troubles, []);
  await page.context().close();
}

export async function assertAccessible(page) {
  // Not as a script of the page, whose policy would refuse it.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(told, []);
}

/** Asserts that nothing sticks out at the side. */
export async function assertFits(page) {
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= page.viewportSize().width, `${width} wide`);
}
