// The whole system, and a browser, for the tests.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});

/** Starts the system of `cargo run`, in memory and on free ports. */
export async function start(...options) {
  const child = spawn("cargo", ["run", "--quiet", "--", "--port", "0", "--memory", "--json", ...options], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  // A test that fails may leave without stopping it.
  process.on("exit", () => child.kill("SIGINT"));
  const lines = [];
  const output = createInterface(child.stdout);
  output.on("line", (line) => lines.push(JSON.parse(line)));
  /** The line that fits, as soon as it is printed. */
  const printed = async (fits, seconds = 20) => {
    const late = AbortSignal.timeout(seconds * 1000);
    for (;;) {
      const line = lines.find(fits);
      if (line) return line;
      assert.equal(child.exitCode, null, "the system runs");
      const waiting = new AbortController();
      const signal = AbortSignal.any([late, waiting.signal]);
      await Promise.race([once(output, "line", { signal }), once(output, "close", { signal })]);
      waiting.abort();
    }
  };
  const stop = async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGINT");
    await once(child, "exit");
  };
  // It may have to be built.
  const started = await printed((line) => line.message === "started", 1800);
  const { api_url: url, provider_url: provider, phone_url: phone } = started;
  return { url, provider, phone, printed, stop };
}
