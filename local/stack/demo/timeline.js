// The timeline: what people did, what the API answered, what it asked the provider, which webhooks came, what was stored of them and what
// backends were told. Whatever one request caused has its trace id, and stands together.

/** The number of requests that are shown, each with what it caused. */
const KEPT = 200;

/** The path of the webhooks. */
const WEBHOOKS = "/v0/webhooks/kyc/sumsub/events";

const $ = (selector) => document.querySelector(selector);

/** What stands together: the rows by name, and the user whom they are about. By trace id, the oldest first. */
const groups = new Map();

/** The numbers of the last entries that are known. */
const last = { entries: 0, deliveries: 0 };

let config;
let count = 0;
let refreshing = Promise.resolve();

/** Begins to show what happens. */
export function begin(configuration) {
  config = configuration;
  $("#filter").addEventListener("input", filter);
}

/** Shows one user only, or everybody. */
export function showOnly(user) {
  $("#filter").value = user ?? "";
  filter();
}

/** Shows what somebody did. */
export function did(who, what, user) {
  put(unique(who), "deed", { kind: who, name: what, user });
}

/** Shows a request of this page, with its answer. */
export function asked({ method, path, status, ms, traceId, body }, user) {
  // A token on a screen is a token in a screenshot.
  const shown = JSON.stringify(body, (key, value) => (key === "access_token" ? `${value.slice(0, 12)}…` : value), 2);
  const command = curl(method, path, WITH_TOKEN);
  put(traceId ?? unique(path), "request", { kind: "API", name: `${method} ${path}`, status, ms, user, body: shown, command });
  refresh();
}

/** Shows what is new. One after the other, so that no older answer comes last. */
export function refresh() {
  refreshing = refreshing.then(showNew).catch(() => {});
  return refreshing;
}

async function showNew() {
  const told = await (await fetch(`/demo/timeline?after=${last.entries}`)).json();
  last.entries = told.last;
  for (const { request, log, event } of told.entries) {
    if (request) showRequest(request);
    if (log) showLog(log);
    if (event) showEvent(event);
  }
  if (!config.simulator) return;
  const sent = await (await fetch(`/demo/simulator/deliveries?after=${last.deliveries}`)).json();
  last.deliveries = sent.last;
  sent.deliveries.forEach(showDelivery);
}

function showRequest({ method, path, status, ms, user, trace_id: trace, refused_origin: origin }) {
  const isWebhook = path === WEBHOOKS;
  const facts = {
    kind: isWebhook ? "webhook" : "API",
    name: `${method} ${path}`,
    status,
    ms,
    user,
    refused: origin && `kept from pages of ${origin}`,
    command: isWebhook || !path.startsWith("/v0/") ? undefined : curl(method, path, WITH_TOKEN),
  };
  // Whoever asked knows more, such as the query.
  put(trace, "request", { ...facts, ...groups.get(trace)?.rows.get("request")?.facts });
}

/** Shows a line of a function's log. */
function showLog(log) {
  const trace = log.trace_id ?? log.span?.trace_id ?? unique("log");
  if (log.ProviderCalls) {
    const { outcome, ProviderLatency: ms } = log;
    put(trace, unique("call"), { kind: "provider", name: outcome, ms, bad: outcome !== "answered", of: "applicant" });
  } else if (log.message === "verification changed") {
    const { user, sequence, from, to, advanced_to: step, blocked, cause } = log;
    const changes = [
      from !== to && `${from} → ${to}`,
      step && `step ${step}`,
      blocked !== undefined && (blocked ? "blocked" : "not blocked any more"),
    ];
    const note = `number ${sequence} of the history, by ${cause}`;
    put(trace, `change ${sequence}`, { kind: "table", name: changes.filter(Boolean).join(", "), note, user, of: "history" });
    adopt(trace, lone(user, sequence));
  } else if (log.message === "delivery") {
    put(trace, "request", { kind: "webhook", name: log.kind, outcome: log.outcome });
  } else if (log.message === "request" || log.message === "request failed") {
    put(trace, "request", { cause: log.cause });
  } else {
    const { level, message, user } = log;
    put(trace, unique("log"), { kind: "log", name: message, note: level, bad: level === "ERROR", user, body: pretty(log) });
  }
}

/** Shows the simulator's attempt to deliver a webhook. */
function showDelivery({ type, externalUserId: user, digest, attempt, body, status, error, responseBody, requestId }) {
  const headers = { "content-type": "application/json", "x-payload-digest": digest, "x-payload-digest-alg": "HMAC_SHA256_HEX" };
  put(requestId ?? unique(digest), "request", {
    kind: "webhook",
    name: type ?? "?",
    status: status ?? 0,
    note: `attempt ${attempt}`,
    user,
    body: [`X-Payload-Digest: ${digest}`, pretty(body), error, pretty(responseBody)].filter(Boolean).join("\n\n"),
    command: curl("POST", WEBHOOKS, headers, body),
  });
}

function showEvent(event) {
  const { "detail-type": name, detail } = event;
  const { user_id: user, sequence, from, to, onboarding_step: step } = detail;
  const isOf = ([, group]) => group.user === user && group.rows.has(`change ${sequence}`);
  const trace = [...groups].find(isOf)?.[0] ?? lone(user, sequence);
  const note = `${from} → ${to}, ${step}, number ${sequence}`;
  put(trace, unique("event"), { kind: "event", name, note, user, body: pretty(event), of: "history" });
}

/** The name of the group of an event as long as its change has not been logged. */
const lone = (user, sequence) => `event ${user} ${sequence}`;

/** Takes in the event that was told before its change was logged. */
function adopt(trace, alone) {
  for (const [name, row] of groups.get(alone)?.rows ?? []) {
    groups.get(trace).rows.set(name, row);
    groups.get(trace).element.append(row.element);
  }
  remove(alone);
}

/** Adds facts to a row, which is made if there is none. */
function put(trace, name, facts) {
  const group = groups.get(trace) ?? begun(trace);
  if (!group.rows.has(name)) {
    const element = $("#entry").content.cloneNode(true).firstElementChild;
    group.rows.set(name, { element, facts: {} });
    if (name === "request") group.element.prepend(element);
    else group.element.append(element);
  }
  const known = Object.entries(facts).filter(([, fact]) => fact !== undefined && fact !== null);
  Object.assign(group.rows.get(name).facts, Object.fromEntries(known));
  if (!group.user && facts.user) about(group, facts.user);
  for (const row of group.rows.values()) draw(row, trace, group.user);
  group.element.hidden = !isWanted(trace, group);
}

function begun(trace) {
  const group = { element: document.createElement("li"), rows: new Map(), user: undefined };
  groups.set(trace, group);
  $("#timeline").prepend(group.element);
  if (groups.size > KEPT) remove(groups.keys().next().value);
  return group;
}

/** Says whom a group is about, and offers them to the filter. */
function about(group, user) {
  group.user = user;
  group.element.dataset.user = user;
  const offered = [...$("#users").children].map(({ value }) => value);
  if (!offered.includes(user)) $("#users").append(new Option(user, user));
}

function remove(trace) {
  groups.get(trace)?.element.remove();
  groups.delete(trace);
}

function filter() {
  for (const [trace, group] of groups) group.element.hidden = !isWanted(trace, group);
}

function isWanted(trace, { user }) {
  const wanted = $("#filter").value.trim();
  return !wanted || user === wanted || trace.startsWith(wanted);
}

function draw({ element, facts }, trace, user) {
  const { kind, name, status, ms, outcome, note, cause, refused, bad, body, command, of } = facts;
  const traceId = /^[\da-f-]{36}$/.test(trace) ? trace : undefined;
  const part = (name) => element.querySelector(`.${name}`);
  part("kind").textContent = kind;
  part("kind").dataset.kind = kind;
  part("name").textContent = name ?? "";
  part("name").classList.toggle("bad", Boolean(bad));
  part("code").textContent = status === 0 ? "no answer" : status ?? "";
  part("code").classList.toggle("bad", !(status >= 200 && status < 300));
  part("note").textContent = [ms !== undefined && `${ms} ms`, outcome, note, cause, refused].filter(Boolean).join(", ");
  element.querySelector("pre").textContent = [user, traceId && `trace id ${traceId}`, body].filter(Boolean).join("\n\n");
  const copies = { "Copy as curl": command ?? (user && lookup(of, user)), "Copy trace id": traceId };
  // A phone's page is not secure enough for browsers to let it copy.
  const buttons = Object.entries(copies).filter(([, text]) => text && navigator.clipboard);
  // Whoever is about to press one keeps it.
  if (buttons.length !== part("copies").children.length) part("copies").replaceChildren(...buttons.map((copy) => copyButton(...copy)));
}

function copyButton(label, text) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = label;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    $("#latest").textContent = `${label}: copied`;
  });
  button.addEventListener("blur", () => (button.textContent = label));
  return button;
}

// Commands

/** The header for a token that the shell knows. */
const WITH_TOKEN = { "x-juno-jwt": "$TOKEN" };

/** The command that makes a request again. */
function curl(method, path, headers = {}, body = null) {
  const words = ["curl"];
  if (method !== "GET") words.push("-X", method);
  for (const [name, value] of Object.entries(headers)) words.push("-H", `"${name}: ${value}"`);
  words.push(quoted(location.origin + path));
  if (body !== null) words.push("--data-raw", quoted(body));
  return words.join(" ");
}

/** The command that looks up what is known of a user: their applicant at the provider, or their history at the operators' API. */
function lookup(of, user) {
  const id = encodeURIComponent(user);
  if (of === "applicant" && config.simulator) return curl("GET", `/demo/simulator/applicants/${id}`);
  if (of !== "history" || !config.operations) return null;
  return `curl --aws-sigv4 aws:amz:${config.region}:execute-api --user support:local ${quoted(`${config.operations}/users/${id}/history`)}`;
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// Small things

/** A name that nothing else has. */
const unique = (name) => `${name} ${(count += 1)}`;

function pretty(content) {
  if (typeof content !== "string") return JSON.stringify(content, null, 2);
  try {
    return JSON.stringify(JSON.parse(content), null, 2);
  } catch {
    return content;
  }
}
