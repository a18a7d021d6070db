// The code of docs/integration.md, which is that of examples/vite: that it compiles, and what it does against the whole system.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify, stripVTControlCharacters } from "node:util";
import { launch, ROOT, start } from "./system.js";

const HERE = fileURLToPath(new URL(".", import.meta.url));
/** A reader's application: its sources, and the result of its build. */
const EXAMPLE = join(ROOT, "examples/vite");
const SRC = join(HERE, "build/src");
const OUT = join(HERE, "build/out");
const BLURRY = "Blurry.";

const run = promisify(execFile);
const doc = await readFile(join(ROOT, "docs/integration.md"), "utf8");
/** The blocks of the page. The first line of most says what they are called. */
const blocks = [...doc.matchAll(/^```(ts|html|sh)\n(.*?)^```$/gms)].map(([, , text]) => text);
const block = (beginning) => {
  const found = blocks.filter((text) => text.startsWith(beginning));
  assert.equal(found.length, 1, `one block begins with ${beginning}`);
  return found[0];
};

let site;
let system;
/** The same, where a user may do little before it is too much. */
let strict;
let browser;
let code;

/** A text of the page, with the addresses that are real here. */
const here = (text) => text
  .replaceAll("http://127.0.0.1:3000", system.url)
  .replaceAll("http://127.0.0.1:3001", system.provider)
  .replaceAll("http://localhost:5173", site.origin)
  .replaceAll("../your-app/src/", SRC);

before(async () => {
  site = await serve();
  assert.equal(block("cargo run").trim(), "cargo run");
  [system, strict, browser] = await Promise.all([
    start(),
    start("--set", "SessionLimit=1", "--set", "RefreshLimit=1"),
    launch(),
  ]);
  await build();
  const modules = ["kyc", "errors", "sdk", "verification"].map((name) => import(join(OUT, `${name}.js`)));
  code = Object.assign({}, ...(await Promise.all(modules)));
});

after(async () => {
  await browser?.close();
  await Promise.all([system?.stop(), strict?.stop()]);
  site?.close();
});

/** The example's own sources: the client is copied to them. */
async function sources() {
  const names = (await readdir(join(EXAMPLE, "src"))).filter((name) => !name.startsWith("kyc"));
  assert.deepEqual(names.sort(), ["errors.ts", "main.ts", "sdk.ts", "simulator.ts", "verification.ts"]);
  return names;
}

/** Does what the page says, and compiles it as the example does. */
async function build() {
  await rm(join(HERE, "build"), { recursive: true, force: true });
  await mkdir(SRC, { recursive: true });
  await run("sh", ["-euc", here(block("cp "))], { cwd: ROOT });
  for (const name of await sources()) {
    await writeFile(join(SRC, name), here(await readFile(join(EXAMPLE, "src", name), "utf8")));
  }
  const { compilerOptions } = JSON.parse(await readFile(join(EXAMPLE, "tsconfig.json"), "utf8"));
  const emitted = { ...compilerOptions, noEmit: false, outDir: OUT };
  await writeFile(join(SRC, "tsconfig.json"), JSON.stringify({ compilerOptions: emitted }));
  await run(join(HERE, "node_modules/.bin/tsc"), ["-p", SRC]).catch(({ stdout }) => assert.fail(stdout));
  await cp(join(SRC, "kyc.js"), join(OUT, "kyc.js"));
  // The types are those of the provider's SDK, but what runs is a stand-in: the SDK itself shows a page of the provider.
  const sdk = join(OUT, "node_modules/@sumsub/websdk");
  await mkdir(sdk, { recursive: true });
  await writeFile(join(sdk, "package.json"), '{ "type": "module", "exports": "./index.js" }');
  await writeFile(join(sdk, "index.js"), `export default {
    init: (token, renew) => ({
      token, renew,
      withConf() { return this; },
      on(event, done) { this[event] = done; return this; },
      build() { return this; },
      launch(container) { globalThis.launched(this, container); },
      destroy() { this.destroyed = true; },
    }),
  };`);
}

/** Serves the page from an origin of its own, its scripts where Vite would; and as Vite does, at any other path as well. */
async function serve() {
  const server = createServer(async ({ url }, answer) => {
    const script = url.match(/^\/src\/(\w+)\.[jt]s$/)?.[1];
    const content = script ? await readFile(join(OUT, `${script}.js`)) : await readFile(join(EXAMPLE, "index.html"));
    answer.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" }).end(content);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

let users = 0;

/** Somebody new, whose next step is the verification, and the code of the page on their behalf. */
async function somebody(at = system) {
  users += 1;
  const user = `usr_integration_${users}`;
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${at.url}/demo/session`, { method: "POST", headers, body: JSON.stringify({ user }) });
  let { token } = await answer.json();
  const kyc = new code.KycClient({ baseUrl: at.url, token: () => token });
  const simulate = async (call, body = {}) => {
    const url = `${at.provider}/simulator/applicants/${user}/${call}`;
    assert.equal((await fetch(url, { method: "POST", body: JSON.stringify(body) })).status, 200);
  };
  const review = (reviewAnswer, reviewRejectType, moderationComment) =>
    simulate("review", { reviewAnswer, reviewRejectType, moderationComment });
  const submit = () => simulate("submit");
  const expire = () => {
    token = "a.b.c";
  };
  return { kyc, submit, review, expire };
}

/** Sets how the provider's API answers. */
async function provider(at, mode) {
  const answer = await fetch(`${at.provider}/simulator/api`, { method: "PUT", body: JSON.stringify({ mode }) });
  assert.equal(answer.status, 200);
}

/** A page on which everything is remembered. */
function page() {
  const seen = [];
  const noted = new EventTarget();
  const note = (...event) => {
    seen.push(event);
    noted.dispatchEvent(new Event("noted"));
  };
  /** The next event of a kind that fits, as soon as it is there. What came before is forgotten. */
  const next = async (kind, fits = /./) => {
    for (;;) {
      const found = seen.findIndex(([name, value]) => name === kind && fits.test(value));
      if (found >= 0) return seen.splice(0, found + 1).at(-1).slice(1);
      await once(noted, "noted");
    }
  };
  /** Presses the next button of this name. */
  const press = async (name) => {
    const [label, action] = await next("offer");
    assert.equal(label, name);
    return action();
  };
  const show = (text) => note("show", text);
  const offer = (label, action) => note("offer", label, action);
  const signIn = () => note("sign in", "now");
  const proceed = (step) => note("proceed", step);
  return { show, offer, signIn, proceed, next, press };
}

/** Each test polls as often as the page does, every three seconds: most of the time they wait, so they do it together. */
const options = { concurrency: true, timeout: 120_000 };

describe("the flow", options, () => {
  test("is asked again, and approved", async () => {
    const { kyc, submit, review } = await somebody();
    const shown = page();
    await code.verification(kyc, submit, shown);
    await shown.next("show", /^Show a document/);
    const first = shown.press("Start");
    await shown.next("show", /^We are looking/);
    await review("RED", "RETRY", BLURRY);
    await shown.next("show", /^Blurry\.$/);
    const second = shown.press("Try again");
    await shown.next("show", /^We are looking/);
    await review("GREEN");
    assert.deepEqual(await shown.next("proceed"), ["open_banking"]);
    await Promise.all([first, second]);
  });

  test("is rejected, for a user who came back meanwhile", async () => {
    const { kyc, submit, review } = await somebody();
    await kyc.accessToken();
    await submit();
    const shown = page();
    const done = code.verification(kyc, assert.fail, shown);
    await shown.next("show", /^We are looking/);
    await review("RED", "FINAL", BLURRY);
    await shown.next("show", /^Blurry\. Please contact our support\.$/);
    await done;
    await code.verification(kyc, assert.fail, shown);
    await shown.next("show", /^Blurry\. Please contact our support\.$/);
  });

  test("is rejected without an explanation", async () => {
    const { kyc, submit, review } = await somebody();
    await submit();
    await review("RED", "FINAL");
    const shown = page();
    await code.verification(kyc, assert.fail, shown);
    await shown.next("show", /^Your identity could not be verified\. Please contact our support\.$/);
  });

  test("offers a way back into the SDK while it is in review", async () => {
    const { kyc, submit, review } = await somebody();
    await submit();
    const shown = page();
    let opened = 0;
    const first = code.verification(kyc, async () => void (opened += 1), shown);
    await shown.next("show", /^We are looking/);
    const again = shown.press("Open verification again");
    await first;
    await shown.next("show", /^We are looking/);
    assert.equal(opened, 1);
    await review("GREEN");
    assert.deepEqual(await shown.next("proceed"), ["open_banking"]);
    await again;
  });

  test("ends when the user leaves", async () => {
    const { kyc, submit } = await somebody();
    const leaving = new AbortController();
    const shown = page();
    await code.verification(kyc, submit, shown, leaving.signal);
    const started = shown.press("Start");
    await shown.next("show", /^We are looking/);
    leaving.abort();
    await started;
  });
});

describe("errors", options, () => {
  test("401: signs in again", async () => {
    const { kyc, expire } = await somebody();
    expire();
    const shown = page();
    await code.verification(kyc, assert.fail, shown);
    await shown.next("show", /^Please sign in again\.$/);
    await shown.next("sign in");
  });

  test("404: offers to start, when the SDK was closed before it began", async () => {
    const { kyc } = await somebody();
    const shown = page();
    await code.verification(kyc, async () => {}, shown);
    await shown.press("Start");
    await shown.next("show", /^You have not started/);
    await shown.next("offer", /^Start$/);
  });

  test("409: shows the verdict that came meanwhile", async () => {
    const { kyc, submit, review } = await somebody();
    const shown = page();
    await code.verification(kyc, assert.fail, shown);
    await submit();
    await review("GREEN");
    await shown.press("Start");
    await shown.next("show", /^There is a verdict already\.$/);
    await shown.next("proceed", /^open_banking$/);
  });

  test("429: says how long to wait for another token", async () => {
    const { kyc } = await somebody(strict);
    await kyc.accessToken();
    const shown = page();
    await code.verification(kyc, assert.fail, shown);
    await shown.press("Start");
    await shown.next("show", /^You tried too often within a few minutes\. Possible again in [1-9]\d* seconds\.$/);
  });

  test("429: polls after as many seconds as the API says", async () => {
    const { kyc, submit } = await somebody(strict);
    await submit();
    const leaving = new AbortController();
    const told = [];
    const onWait = (seconds, error) => {
      if (!error) return;
      told.push([error.code, seconds === Math.max(3, error.retryAfter)]);
      leaving.abort();
    };
    await assert.rejects(code.untilVerdict(kyc, { signal: leaving.signal, onWait }), { name: "AbortError" });
    assert.deepEqual(told, [["KYC-429-001", true]]);
  });

  test("500 and 502: waits until the provider is there again", async (t) => {
    const at = await start();
    t.after(at.stop);
    const { kyc, submit, review } = await somebody(at);
    const shown = page();
    await code.verification(kyc, submit, shown);
    await provider(at, "unavailable");
    await shown.press("Start");
    await shown.next("show", /^The verification cannot be opened right now\./);
    await provider(at, "normal");
    const again = shown.press("Try again");
    await shown.next("show", /^We are looking/);
    await provider(at, "unavailable");
    await shown.next("show", /^The verification provider cannot be reached right now\./);
    await provider(at, "normal");
    await shown.next("show", /^We are looking/);
    await review("GREEN");
    await shown.next("proceed");
    await again;
  });

  test("no answer: may pass; no error of the API: is thrown", async () => {
    const kyc = new code.KycClient({ baseUrl: "http://127.0.0.1:1", token: () => "" });
    const shown = page();
    await code.verification(kyc, assert.fail, shown);
    await shown.next("show", /^We cannot be reached\.$/);
    await shown.next("offer", /^Try again$/);
    const defect = new TypeError("a defect");
    assert.throws(() => code.explain(defect), defect);
  });

  test("are those of openapi.yaml, in the table and in the code", async () => {
    const openapi = await readFile(join(ROOT, "openapi.yaml"), "utf8");
    const codes = [...openapi.matchAll(/^    ([A-Z]{3}-(\d{3})-\d{3}):$/gm)].map(([, name]) => name);
    assert.ok(codes.length > 10);
    const rows = [...doc.matchAll(/^\| ([\d, ]+) \| (`.+`) \|.*\| (.+) \|$/gm)];
    const told = rows.flatMap(([, statuses, names, retry]) =>
      names.replaceAll("`", "").split(", ").map((name) => [name, statuses.split(", "), retry]));
    assert.deepEqual(told.map(([name]) => name).sort(), codes.sort());
    for (const [name, statuses, retry] of told) {
      const status = name.split("-")[1];
      assert.ok(statuses.includes(status), name);
      const error = new code.KycError({ error_code: name }, Number(status), null, null);
      assert.equal(error.isTransient, retry === "yes", name);
      assert.equal(code.explain(error).next === "again", retry === "yes", name);
    }
  });
});

describe("the SDK", options, () => {
  test("renews its token, and tells when the user is done", async () => {
    const { kyc, submit, review } = await somebody();
    const tokens = [];
    let sdk;
    globalThis.launched = async (launched, container) => {
      sdk = launched;
      assert.equal(container, "#sdk");
      tokens.push(sdk.token, await sdk.renew());
      await submit();
      sdk["idCheck.onApplicantSubmitted"]();
    };
    const shown = page();
    await code.verification(kyc, code.openSdk, shown);
    const started = shown.press("Start");
    await shown.next("show", /^We are looking/);
    assert.equal(sdk.destroyed, true);
    assert.equal(new Set(tokens).size, 2, "two tokens, not one twice");
    await review("GREEN");
    await shown.next("proceed");
    await started;

    // And when there is no new token, because the user is signed in no more.
    const other = await somebody();
    globalThis.launched = (launched) => {
      sdk = launched;
      other.expire();
      sdk.renew().catch(() => {});
    };
    await code.verification(other.kyc, code.openSdk, shown);
    await shown.press("Start");
    await shown.next("sign in");
    assert.equal(sdk.destroyed, true);
  });
});

describe("the example", options, () => {
  test("is what the page shows", async () => {
    assert.equal(block("// verification.ts"), await readFile(join(EXAMPLE, "src/verification.ts"), "utf8"));
  });

  test("is built and opened as its README says", async (t) => {
    const copy = join(HERE, "build/examples/vite");
    await cp(EXAMPLE, copy, { recursive: true, filter: (path) => !/node_modules|dist$|kyc[^/]*$/.test(path) });
    await cp(join(ROOT, "local/stack/demo"), join(HERE, "build/local/stack/demo"), { recursive: true });
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    await run("npm", ["ci", ...quiet], { cwd: copy });
    await run("npm", ["run", "build"], { cwd: copy });
    assert.match(await readFile(join(copy, "dist/index.html"), "utf8"), /<script type="module"/);

    // At Vite's own address, which is another origin than the API's.
    for (const name of ["main", "simulator"]) {
      const file = join(copy, `src/${name}.ts`);
      await writeFile(file, here(await readFile(file, "utf8")));
    }
    const vite = spawn("npm", ["run", "dev"], { cwd: copy, detached: true, stdio: ["ignore", "pipe", "inherit"] });
    // The group: npm does not end what it has started.
    t.after(() => process.kill(-vite.pid));
    const address = new Promise((found, failed) => {
      let told = "";
      vite.stdout.on("data", (text) => {
        told += stripVTControlCharacters(String(text));
        const [url] = told.match(/http:\/\/localhost:\d+\//) ?? [];
        if (url) found(url);
      });
      vite.once("exit", () => failed(new Error(told)));
    });
    assert.equal(await address, "http://localhost:5173/");
    const session = { method: "POST", headers: { "content-type": "application/json" }, body: '{"user":"usr_vite"}' };
    const { token } = await (await fetch(`${system.url}/demo/session`, session)).json();
    const tab = await browser.newPage();
    await tab.goto(`http://localhost:5173/#${token}`);
    await tab.getByRole("button", { name: "Start" }).click();
    await tab.getByText("We are looking at your documents.").waitFor();
    await run("sh", ["-euc", here(block("curl -X POST")).replaceAll("usr_abc123", "usr_vite")]);
    await tab.getByText("You are verified. The next step is open_banking.").waitFor();
  });
});

describe("the commands", options, () => {
  test("the loop in a shell ends with the verdict", async () => {
    const script = here(`${block("# start.sh")}cd ${JSON.stringify(OUT)}\n${block("# poll.sh")}`);
    // Another user than the page in the browser.
    const shell = run("sh", ["-c", script.replaceAll("usr_abc123", "usr_shell")], { cwd: ROOT });
    // It has polled at least once.
    const polled = ({ path, user }) => path === "/v0/kyc/status" && user === "usr_shell";
    await Promise.race([system.printed(polled, 60), shell.then(({ stdout }) => assert.fail(stdout))]);
    const review = here(block("curl -X POST")).replaceAll("usr_abc123", "usr_shell");
    await run("sh", ["-euc", review]);
    const { stdout, stderr } = await shell;
    assert.equal(stderr, "");
    assert.match(stdout, /"access_token":/);
    assert.match(stdout, /"status":"approved"[^\n]*$/);
  });

  test("the loop in a shell ends with an error that does not pass", async () => {
    const script = here(`API=http://127.0.0.1:3000\nTOKEN=a.b.c\ncd ${JSON.stringify(HERE)}build\n${block("# poll.sh")}`);
    const { stdout } = await run("sh", ["-c", script]);
    assert.match(stdout, /USR-401-001/);
  });

  test("the page in a browser, from an origin of its own", async () => {
    const [token] = (await run("cargo", ["run", "-q", "--", "token", "usr_abc123"], { cwd: ROOT })).stdout.split("\n");
    const tab = await browser.newPage();
    const troubles = [];
    tab.on("pageerror", (error) => troubles.push(String(error)));
    tab.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
    await tab.goto(`${site.origin}/#${token}`);
    let tokens = 0;
    tab.on("request", (request) => {
      if (request.method() === "POST" && request.url().endsWith("/v0/kyc/access-token")) tokens += 1;
    });
    await tab.getByRole("button", { name: "Start" }).dblclick();
    await tab.getByText("We are looking at your documents.").waitFor();
    await run("sh", ["-euc", here(block("curl -X POST"))]);
    await tab.getByText("You are verified. The next step is open_banking.").waitFor();
    assert.equal(tokens, 1, "a double click starts once");
    assert.deepEqual(troubles, []);
    await tab.evaluate(() => (location.hash = "#a.b.c"));
    await tab.getByText("Please sign in again.").waitFor();
  });

  test("the page in a browser, with a token that has expired, asks once", async () => {
    const tab = await browser.newPage();
    const asked = [];
    tab.on("response", (response) => response.url().startsWith(system.url) && asked.push(response.status()));
    await tab.goto(`${site.origin}/#a.b.c`);
    await tab.getByText("Please sign in again.").waitFor();
    await tab.waitForLoadState("networkidle");
    assert.deepEqual(asked.filter((status) => status === 401), [401]);
  });
});
