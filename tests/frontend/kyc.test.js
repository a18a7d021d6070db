// The client that the demo offers to be copied, without a browser: when it asks, when it waits, when it gives up.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const CLIENT = join(HERE, "../../local/stack/demo");
const source = await readFile(join(CLIENT, "kyc.js"), "utf8");
const { KycClient, KycError, untilVerdict } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

const AWAY = [502, { error_code: "KYC-502-001", detail: "Verification provider unavailable", trace_id: "t" }];

/** A client whose API gives these answers, and nobody waits in fact: `waits` holds for how many seconds they would have. */
function scripted(t, ...answers) {
  const waits = [];
  const asked = [];
  t.mock.method(globalThis, "setTimeout", (done, ms) => {
    waits.push(ms / 1000);
    queueMicrotask(done);
  });
  t.mock.method(performance, "now", () => waits.reduce((sum, wait) => sum + wait * 1000, 0));
  t.mock.method(globalThis, "fetch", async (address, { method, headers, signal }) => {
    signal.throwIfAborted();
    asked.push(`${method} ${address} ${headers["x-juno-jwt"]}`);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    const [status, body, retryAfter] = typeof answer === "string" ? [200, { status: answer }] : answer;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return new Response(text, { status, headers: retryAfter ? { "retry-after": retryAfter } : {} });
  });
  return { kyc: new KycClient({ baseUrl: "https://api.example", token: async () => "jwt" }), waits, asked };
}

for (const verdict of ["approved", "rejected", "retry", "pending"]) {
  test(`polls every three seconds until ${verdict}`, async (t) => {
    const { kyc, waits, asked } = scripted(t, "in_progress", "in_progress", verdict);
    const seen = [];
    const last = await untilVerdict(kyc, { onStatus: ({ status }) => seen.push(status) });
    assert.equal(last.status, verdict);
    assert.deepEqual(seen, ["in_progress", "in_progress", verdict]);
    assert.deepEqual(waits, [3, 3, 3]);
    const [first, ...others] = asked;
    assert.equal(first, "GET https://api.example/v0/kyc/status?refresh=true jwt");
    assert.deepEqual(others, Array(2).fill("GET https://api.example/v0/kyc/status jwt"));
  });
}

test("waits as the API proposes, and asks the provider itself after half a minute without news", async (t) => {
  const waiting = [200, { status: "in_progress" }, "10"];
  const { kyc, waits, asked } = scripted(t, ...Array(5).fill(waiting), "approved");
  await untilVerdict(kyc);
  assert.deepEqual(waits, [3, 10, 10, 10, 10, 10]);
  assert.deepEqual(asked.map((request) => request.includes("refresh")), [true, false, false, true, false, false]);
});

test("waits for as long as the API says, and no less than three seconds", async (t) => {
  const { kyc, waits } = scripted(t, [...AWAY, "7"], [429, { error_code: "KYC-429-001" }, "1"], "approved");
  const told = [];
  await untilVerdict(kyc, { onWait: (seconds, error) => told.push([seconds, error?.code]) });
  assert.deepEqual(waits, [3, 7, 3]);
  assert.deepEqual(told, [[3, undefined], [7, "KYC-502-001"], [3, "KYC-429-001"]]);
});

test("waits longer from failure to failure if nobody says how long", async (t) => {
  const broken = new TypeError("Failed to fetch");
  const { kyc, waits } = scripted(t, broken, AWAY, [504, "<html>"], broken, [503, ""], broken, "in_progress", "approved");
  await untilVerdict(kyc);
  assert.deepEqual(waits, [3, 3, 6, 12, 24, 30, 30, 3]);
});

test("gives up after twenty failures in a row", async (t) => {
  const { kyc, waits } = scripted(t, new TypeError("Failed to fetch"));
  await assert.rejects(untilVerdict(kyc), (error) => error instanceof KycError && error.status === 0);
  assert.equal(waits.length, 20);
});

for (const [status, code] of [[401, "USR-401-001"], [403, "GEN-403-001"], [404, "KYC-404-001"]]) {
  test(`does not repeat what does not pass: ${status}`, async (t) => {
    const { kyc, asked } = scripted(t, [status, { error_code: code, detail: "Why", trace_id: "t" }]);
    await assert.rejects(untilVerdict(kyc), { name: "KycError", status, code, message: "Why", traceId: "t" });
    assert.equal(asked.length, 1);
  });
}

test("ends when it is told to, before a request and while it waits", async (t) => {
  const { kyc, asked } = scripted(t, "in_progress");
  const ended = new Error("signed out");
  await assert.rejects(untilVerdict(kyc, { signal: AbortSignal.abort(ended) }), ended);
  assert.equal(asked.length, 0);
  const leaving = new AbortController();
  const polling = untilVerdict(kyc, { signal: leaving.signal, onStatus: () => leaving.abort(ended) });
  await assert.rejects(polling, ended);
  assert.equal(asked.length, 1);
});

test("asks nothing while nobody sees the page", async (t) => {
  const { kyc, asked } = scripted(t, "approved");
  const page = Object.assign(new EventTarget(), { hidden: true });
  globalThis.document = page;
  t.after(() => delete globalThis.document);
  const leaving = new AbortController();
  const left = assert.rejects(untilVerdict(kyc, { signal: leaving.signal }), { name: "AbortError" });
  const polling = untilVerdict(kyc);
  await new Promise(setImmediate);
  leaving.abort();
  await left;
  page.dispatchEvent(new Event("visibilitychange"));
  await new Promise(setImmediate);
  assert.equal(asked.length, 0, "it is still hidden");
  page.hidden = false;
  page.dispatchEvent(new Event("visibilitychange"));
  assert.equal((await polling).status, "approved");
});

test("tells of each request and its answer", async (t) => {
  scripted(t, [200, { access_token: "sdk" }], AWAY);
  const told = [];
  const kyc = new KycClient({ token: () => "jwt", observe: (exchange) => told.push(exchange) });
  assert.equal(await kyc.accessToken(), "sdk");
  await assert.rejects(kyc.details());
  assert.deepEqual(told.map(({ method, path, status }) => [method, path, status]), [
    ["POST", "/v0/kyc/access-token", 200],
    ["GET", "/v0/kyc/details", 502],
  ]);
});

test("its types are those that openapi.yaml and its comments say", async (t) => {
  const fresh = await mkdtemp(join(tmpdir(), "types-"));
  t.after(() => rm(fresh, { recursive: true }));
  const run = (tool, ...args) => promisify(execFile)(join(HERE, "node_modules/.bin", tool), args, { cwd: HERE });
  await run("openapi-typescript", "../../openapi.yaml", "-o", join(fresh, "kyc-api.d.ts"));
  await run("tsc", "--outDir", fresh);
  for (const name of ["kyc-api.d.ts", "kyc.d.ts"]) {
    const [kept, made] = await Promise.all([CLIENT, fresh].map((folder) => readFile(join(folder, name), "utf8")));
    assert.equal(kept, made, `${name}: npm run types makes it`);
  }
});
