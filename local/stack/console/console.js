// The console of support and compliance. It calls the operators' API (docs/operations.md) under `api/`, where whoever serves this page forwards
// its calls, signed with the role of who is signed in there. Nothing is kept, and nothing but the API's answers is shown.

const $ = (selector) => document.querySelector(selector);

/** The user who is shown, and the page of the history that comes next. */
let shown = null;
let nextPage = null;

/** An error of the API. */
class Refused extends Error {
  constructor(problem) {
    super(`${problem.detail ?? problem.title} (${problem.error_code ?? problem.status})`);
    this.trace = problem.trace_id;
  }
}

async function call(method, path, body) {
  // The header keeps pages of other origins from calling: it takes a permission that nothing grants.
  const headers = { "x-role": $("#role").value || "-" };
  if (body) headers["content-type"] = "application/json";
  const answer = await fetch(`/operations/api${path}`, { method, headers, body: body && JSON.stringify(body) });
  const content = await answer.json();
  if (!answer.ok) throw new Refused(content);
  return content;
}

/** Does something, and shows what went wrong with it. */
async function attempt(action) {
  $("#trouble").textContent = "";
  $("#trace").textContent = "";
  try {
    await action();
  } catch (error) {
    $("#trouble").textContent = error.message;
    $("#trace").textContent = error.trace ? `Trace id: ${error.trace}` : "";
  }
}

const path = (rest = "") => `/users/${encodeURIComponent(shown)}${rest}`;

/** Writes a moment as people of this browser do, and its milliseconds. */
const moment = (millis) => new Date(millis).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

/** The members of a user that people look for, in their words. Whatever else the API tells follows as it is. */
const WORDS = {
  status: "Status", decided_at: "Decided", onboarding_step: "Onboarding step", blocked_since: "Blocked since",
  awaiting: "Awaited", next_check: "Next check", has_name: "Has a name", applicant_id: "Applicant",
};

function value(name, member) {
  if (member === null) return "–";
  if (typeof member === "object") return `${moment(member.at)}, ${member.queue}`;
  if (name.endsWith("_at") || name.endsWith("_since")) return moment(member);
  if (typeof member === "boolean") return member ? "yes" : "no";
  return String(member);
}

function showUser(user) {
  $("#user-title").textContent = user.user_id;
  const names = [...Object.keys(WORDS), ...Object.keys(user).filter((name) => !(name in WORDS) && name !== "user_id")];
  const rows = names.flatMap((name) => [
    element("dt", WORDS[name] ?? name.replaceAll("_", " ")),
    element("dd", value(name, user[name])),
  ]);
  $("#state").replaceChildren(...rows);
  $("#step").value ||= user.onboarding_step;
  $("#user").hidden = false;
}

function entry(item) {
  const made = element("li", "");
  const change = item.from === item.to ? item.onboarding_step : `${item.from} → ${item.to}`;
  made.append(element("strong", item.event), ` ${change} `, element("code", item.cause));
  const who = item.caller ? `, by ${item.caller}` : "";
  made.value = item.sequence;
  made.append(element("p", `${moment(item.recorded_at)}${who}`));
  if (item.reason) made.append(element("q", item.reason));
  return made;
}

async function showHistory(page) {
  const history = await call("GET", path(`/history${page ? `?page=${encodeURIComponent(page)}` : ""}`));
  const entries = history.items.map(entry);
  if (page) $("#history").append(...entries);
  else $("#history").replaceChildren(...entries);
  nextPage = history.next_page;
  $("#more").hidden = nextPage === null;
}

function showAnswer(content) {
  $("#answer").textContent = JSON.stringify(content, null, 2);
  $("#answer").hidden = false;
}

async function lookUp(id) {
  shown = id;
  $("#user").hidden = true;
  $("#answer").hidden = true;
  $("#step").value = "";
  const user = await call("GET", path());
  showUser(user);
  await showHistory(null);
  $("#user-title").focus();
}

/** Waits for a click in the dialog. */
async function sure() {
  $("#sure").showModal();
  await new Promise((resolve) => $("#sure").addEventListener("close", resolve, { once: true }));
  return $("#sure").returnValue === "yes";
}

const reason = () => ({ reason: $("#reason").value });

const ACTIONS = {
  check: async () => showUser(await call("POST", path("/check"))),
  name: async () => showAnswer(await call("GET", path("/name"))),
  export: async () => showAnswer(await call("GET", path("/export"))),
  block: async () => showUser(await call("PUT", path("/block"), reason())),
  unblock: async () => showUser(await call("DELETE", path("/block"), reason())),
  step: async () => showUser(await call("PUT", path("/onboarding"), { step: $("#step").value })),
  force: async () => showUser(await call("PUT", path("/onboarding"), { step: $("#step").value, force: true, ...reason() })),
  erase: async () => {
    if (!(await sure())) return;
    const { user, ...rest } = await call("DELETE", path(), reason());
    showUser(user);
    showAnswer(rest);
  },
};

$("#find").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(() => lookUp($("#user-id").value));
});

$("#act").addEventListener("submit", (event) => event.preventDefault());

for (const button of document.querySelectorAll("[data-do]")) {
  button.addEventListener("click", () => attempt(async () => {
    await ACTIONS[button.dataset.do]();
    await showHistory(null);
  }));
}

$("#more").addEventListener("click", () => attempt(() => showHistory(nextPage)));

$("#overdue").addEventListener("click", () => attempt(async () => {
  const { queues } = await call("GET", "/overdue");
  const rows = queues.flatMap(({ queue, count, is_capped: isCapped, users }) => [
    element("li", `${queue}: ${count}${isCapped ? " or more" : ""}`),
    ...users.map((user) => element("li", `${user.user_id}, since ${moment(user.due_at)}`)),
  ]);
  $("#queues").replaceChildren(...rows);
}));

// Elsewhere, whoever serves the page knows who is signed in, and serves no roles.
const roles = await fetch("/operations/roles.json");
if (roles.ok) {
  $("#role").replaceChildren(...(await roles.json()).map((role) => element("option", role)));
  $("#roles").hidden = false;
}
