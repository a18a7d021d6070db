// The page: on the left a frontend as the API's guide describes it, on the right the provider's reviewer, below what is said.

import { KycClient, KycError, untilVerdict } from "/demo/kyc.js";
import { SCENARIOS, play } from "/demo/scenarios.js";
import { verify } from "/demo/sdk.js";
import * as timeline from "/demo/timeline.js";

const $ = (selector) => document.querySelector(selector);

/** The words for users in each status: a heading, and its meaning for them. */
const STATUSES = {
  pending: ["Not verified yet", "Show a document and your face. It takes about two minutes."],
  in_progress: ["In review", "We are looking at your documents. Most checks take less than two minutes."],
  retry: ["Please try again", "Something was not quite right with what you sent."],
  approved: ["Verified", "Thank you. You can go on."],
  rejected: ["Rejected", "We could not verify you. Please contact our support."],
};

/** The label of the button that opens the SDK, in the statuses that link it. */
const INVITATIONS = { pending: "Start verification", in_progress: "Open verification again", retry: "Try again" };

/** The words for users for each error that they can meet. */
const ERRORS = {
  "USR-401-001": "Please sign in again.",
  "KYC-404-001": "You have not started a verification yet.",
  "KYC-409-001": "There is a verdict already.",
  "KYC-429-001": "You tried too often within a few minutes.",
  "KYC-500-002": "The verification cannot be opened right now.",
  "KYC-502-001": "The verification provider cannot be reached right now.",
};

const config = await (await fetch("/demo/config.json")).json();

// The user

/** The user who is signed in: their id, the API on their behalf, the status shown last, and what ends the polling. */
let session = null;

async function signIn(user) {
  const answer = await fetch("/demo/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user }),
  });
  const { token, detail } = await answer.json();
  if (!answer.ok) throw new Error(detail);
  remember(user);
  session = { user, kyc: new KycClient({ token: () => token, observe: (exchange) => observe(exchange, user) }), status: null, polling: null };
  $("#who").textContent = user;
  $("#sign-in").hidden = true;
  $("#account").hidden = false;
  occupy(true);
  timeline.showOnly(user);
  timeline.did("user", "signed in", user);
  show(await session.kyc.status());
  $("#verdict").focus();
  if (session.status.status === "in_progress") follow();
}

function signOut() {
  session.polling?.abort();
  session = null;
  remember(null);
  occupy(false);
  timeline.showOnly(null);
  tell(null);
  countDown(null);
  $("#account").hidden = true;
  $("#now").hidden = true;
  $("#sign-in").hidden = false;
  $("#user-id").focus();
}

/** Keeps who is signed in in the address, for a reload and for a link that is sent to a colleague. */
function remember(user) {
  if (!playing) history.replaceState(null, "", user ? `?user=${encodeURIComponent(user)}` : "/");
}

/** Lets the reviewer decide only while there is somebody to decide about. */
function occupy(occupied) {
  for (const fieldset of document.querySelectorAll("#desk fieldset.about-user")) fieldset.disabled = !occupied;
}

/** Opens the SDK, and waits for the verdict once something has been submitted. */
async function start() {
  const { user, kyc } = session;
  session.polling?.abort();
  $("#verify").disabled = true;
  $("#verify").textContent = "Opening…";
  let submitted = false;
  try {
    submitted = await verify({
      dialog: $("#sdk"),
      script: config.sdk,
      user,
      accessToken: () => kyc.accessToken(),
      simulate,
    });
    if (submitted) {
      timeline.did("user", "submitted", user);
      $("#verdict").focus();
      // The webhook may still be on its way: the provider itself knows that something was submitted.
      show(await kyc.status({ refresh: true }).catch(() => kyc.status()));
    }
  } finally {
    $("#verify").disabled = false;
    if (session?.status) show(session.status);
    // A verdict on an earlier submission may be under way even if the SDK could not be opened.
    if (submitted || session?.status.status === "in_progress") follow();
  }
}

/** Polls in the background until there is a verdict. */
async function follow() {
  const polling = new AbortController();
  const { signal } = polling;
  session.polling?.abort();
  session.polling = polling;
  const onWait = (seconds, error) => {
    countDown(seconds);
    tell(error, "Trying again.");
  };
  // An answer ends whatever trouble there was.
  const onStatus = (status) => {
    tell(null);
    show(status);
  };
  try {
    await untilVerdict(session.kyc, { signal, onWait, onStatus });
  } catch (error) {
    if (!signal.aborted) tell(error);
  }
  if (session?.polling === polling) session.polling = null;
  if (!session?.polling) countDown(null);
}

async function check() {
  show(await session.kyc.status({ refresh: true }));
  if (session.status.status === "in_progress" && !session.polling) follow();
}

/** Shows a status, and fetches what else depends on it if it is another one than before. */
function show(status) {
  const before = session.status;
  session.status = status;
  const [name, text] = STATUSES[status.status];
  $("#verdict").dataset.status = $("#now").dataset.status = status.status;
  $("#now").textContent = name;
  change($("#status-name"), name);
  change($("#status"), status.status);
  change($("#status-text"), text);
  change($("#reason q"), status.reject_reason ?? "");
  $("#reason").hidden = !status.reject_reason;
  // The link says whether a verification can be started, not the status.
  $("#verify").hidden = !status._links["start-verification"];
  $("#verify").textContent = INVITATIONS[status.status] ?? "Verify again";
  $("#verify").classList.toggle("quiet", status.status === "in_progress");
  if (before?.status !== status.status) showRest(session).catch(tell);
}

async function showRest({ kyc, status }) {
  // The API keeps documents for five minutes, which is too long right after a change; yet old ones are better than none.
  const refresh = status.applicant_id !== null;
  const facts = kyc.details({ refresh }).catch((error) => (refresh ? kyc.details() : Promise.reject(error)));
  const [{ onboarding }, details] = await Promise.all([kyc.user(), facts]);
  // Another status may have come meanwhile, or another user.
  if (session?.kyc !== kyc || session.status.status !== status.status) return;
  $("#steps").replaceChildren(...onboarding.steps.map(step));
  $("#details").replaceChildren(...rows(status, details));
}

function step({ step, status }) {
  const item = element("li", `${words(step)} `);
  item.className = status;
  if (status === "current") item.setAttribute("aria-current", "step");
  item.append(element("small", status));
  return item;
}

function rows(status, { started_at, personal_info: person, documents, rejection }) {
  const when = (time) => time && new Date(time).toLocaleString();
  const name = [person?.first_name, person?.last_name].filter(Boolean).join(" ");
  const papers = documents.map((paper) =>
    `${[words(paper.document_type), paper.country].filter(Boolean).join(", ")}: ${paper.status}`);
  const facts = {
    Name: name,
    Born: person?.date_of_birth,
    Nationality: person?.nationality,
    Residence: person?.country_of_residence,
    Documents: papers.join("; "),
    Started: when(started_at),
    Verified: when(status.verified_at),
    Rejected: when(status.rejected_at),
    "May retry": rejection && (rejection.can_retry ? "yes" : "no"),
  };
  const known = Object.entries(facts).filter(([, value]) => value);
  if (known.length === 0) return [element("dt", "Nothing yet"), element("dd", "")];
  return known.flatMap(([label, value]) => [element("dt", label), element("dd", value)]);
}

/** Tells what went wrong, and what is done about it. */
function tell(error, consequence = "") {
  if (session && error?.code === "USR-401-001") signOut();
  const known = error instanceof KycError;
  const wait = known && !consequence && error.retryAfter ? `Please try again in ${error.retryAfter} s.` : "";
  const text = error ? [ERRORS[error.code] ?? error.message, consequence, wait].filter(Boolean).join(" ") : "";
  // Set anew only if it changes: screen readers say it again each time.
  change($("#trouble"), text);
  change($("#trace"), known ? [error.code, error.traceId && `trace id ${error.traceId}`].filter(Boolean).join(", ") : "");
}

let ticking;

function countDown(seconds) {
  clearInterval(ticking);
  $("#countdown").hidden = seconds === null;
  if (seconds === null) return;
  const end = performance.now() + seconds * 1000;
  const tick = () => change($("#seconds"), String(Math.max(0, Math.ceil((end - performance.now()) / 1000))));
  tick();
  ticking = setInterval(tick, 200);
}

let busy = false;

/** Does what the user asks for, one thing at a time, and tells if it fails. */
async function attempt(action) {
  if (busy) return;
  busy = true;
  const asking = session;
  tell(null);
  try {
    await action();
  } catch (error) {
    // It does not concern whoever has signed out meanwhile.
    if (asking === session || !asking) tell(error);
  }
  busy = false;
}

$("#sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(() => signIn($("#user-id").value));
});
$("#sign-out").addEventListener("click", signOut);
$("#verify").addEventListener("click", () => attempt(start));
$("#check").addEventListener("click", () => attempt(check));

// The reviewer

async function simulate(method, call, body) {
  const answer = await fetch(`/demo/simulator/${call}`, { method, body: body && JSON.stringify(body) });
  const content = await answer.json();
  look();
  if (!answer.ok) throw new Error(content.error);
  return content;
}

/** The actions of the buttons. Each returns the words that are shown once it is done. */
const DEEDS = {
  approve: () => review({ reviewAnswer: "GREEN" }, "Approved."),
  retry: () => review(red("RETRY"), "Asked again."),
  reject: () => review(red("FINAL"), "Rejected."),
  status: () => simulate("POST", `${applicant()}/status/${$("#review-status").value}`).then(() => `The review is ${$("#review-status").value}.`),
  level: () => simulate("POST", `${applicant()}/level`, { levelName: $("#level").value }).then(() => `Moved to ${$("#level").value}.`),
  reset: () => simulate("POST", `${applicant()}/reset`).then(() => "Reset: the user starts anew."),
  deactivate: () => simulate("POST", `${applicant()}/deactivate`).then(() => "Deactivated: who was rejected starts over, an approval stays."),
  activate: () => simulate("POST", `${applicant()}/activate`).then(() => "Active again."),
  delete: () => simulate("DELETE", applicant()).then(() => "Deleted. Sign in as somebody else to start from the beginning."),
  release: () => simulate("POST", "webhooks/release").then(({ deliveries }) => `Sent ${deliveries.length}.`),
};

const review = (verdict, done) => simulate("POST", `${applicant()}/review`, verdict).then(() => done);
const red = (reviewRejectType) => ({
  reviewAnswer: "RED",
  reviewRejectType,
  rejectLabels: [$("#reject-label").value],
  moderationComment: $("#comment").value,
});

function applicant() {
  if (!session) throw new Error("Nobody is signed in.");
  return `applicants/${encodeURIComponent(session.user)}`;
}

async function report(deed) {
  try {
    const done = await deed();
    $("#done").textContent = done;
    timeline.did("reviewer", done, session?.user);
    await lookAgain();
  } catch (error) {
    $("#done").textContent = error.message;
  }
}

/** Shows what a deed of the reviewer made of the user, as far as the webhooks have told. */
async function lookAgain() {
  const asked = session;
  const status = await asked?.kyc.status();
  if (!status || session !== asked) return;
  tell(null);
  show(status);
  if (status.status !== "in_progress") {
    session.polling?.abort();
    countDown(null);
  } else if (!session.polling) {
    follow();
  }
}

$("#desk").addEventListener("submit", (event) => event.preventDefault());
$("#desk").addEventListener("click", ({ target }) => {
  const deed = DEEDS[target.closest("button")?.dataset.do];
  if (deed) report(async () => deed());
});
$("#desk").addEventListener("change", ({ target }) => {
  if (target.type !== "radio") return;
  report(async () => {
    await simulate("PUT", target.name, { mode: target.value });
    return `From now on: ${target.parentElement.textContent.trim()}.`;
  });
});

// Scenarios

/** The name in the link that plays all scenarios. */
const TOUR = "tour";

/** The scenario that plays. */
let playing = null;

const ACTS = {
  submit: () => simulate("POST", `${applicant()}/submit`, PERSON).then(lookAgain),
  decide: (verdict) => review(verdict).then(lookAgain),
  provider: (mode) => set("api", mode),
  webhooks: (mode) => set("webhooks", mode),
  check: () => check().catch(tell),
};

const PERSON = { firstName: "Jane", lastName: "Smith", dob: "1990-05-15", nationality: "GBR", country: "GBR",
  documents: [{ idDocType: "PASSPORT", country: "GBR" }] };

/** Sets how provider or webhooks behave, and shows it at the reviewer's desk. */
async function set(name, mode) {
  await simulate("PUT", name, { mode });
  $(`input[name="${name}"][value="${mode}"]`).checked = true;
}

/** Plays the scenario of a link, or all of them. */
async function playLinked(name, pace) {
  const names = name === TOUR ? Object.keys(SCENARIOS) : [name].filter((each) => each in SCENARIOS);
  playing = name;
  try {
    const isOver = (user) => session?.user !== user;
    const begin = (user) => {
      if (session) signOut();
      return signIn(user);
    };
    await play(names, { pace, signIn: begin, isOver, acts: ACTS, say: (text) => change($("#caption"), text) });
  } finally {
    playing = null;
  }
}

function linkScenarios(current) {
  const links = [TOUR, ...Object.keys(SCENARIOS)].map((name) => {
    const link = element("a", name === TOUR ? "Play all" : name);
    const search = new URLSearchParams(location.search);
    search.delete("user");
    search.set("scenario", name);
    link.href = `?${search}`;
    if (name === current) link.setAttribute("aria-current", "true");
    return link;
  });
  $("#scenarios").replaceChildren(element("span", "Watch:"), ...links);
  $("#scenarios").hidden = false;
}

// What happened

function observe(exchange, user) {
  timeline.asked(exchange, user);
  const { method, path, status } = exchange;
  change($("#latest"), `${method} ${path}: ${status || "no answer"}`);
}

// On a phone, whoever decides does not see the card above.
new IntersectionObserver(([{ isIntersecting }]) => ($("#now").hidden = isIntersecting || !session)).observe($("#verdict"));

/** Shows what is new, and how many webhooks are held. */
function look() {
  return timeline.refresh().then(showHeld).catch(() => {});
}

async function showHeld() {
  if (!config.simulator) return;
  const { held } = await (await fetch("/demo/simulator/webhooks")).json();
  change($("#held"), String(held));
}

// Small things

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

/** Live regions speak when they are written to, so nothing is written twice. */
function change(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

const words = (name) => name.toLowerCase().replaceAll("_", " ");

if (config.simulator) {
  for (const name of ["api", "webhooks"]) {
    const { mode } = await (await fetch(`/demo/simulator/${name}`)).json();
    const radio = $(`input[name="${name}"][value="${mode}"]`);
    if (radio) radio.checked = true;
  }
} else {
  $("#no-reviewer").hidden = false;
  $("#desk").hidden = true;
}
// A phone has no operators.
$("#operations").hidden = !config.operations;
timeline.begin(config);
await look();
// Much happens without anybody's doing on this page.
setInterval(() => document.hidden || look(), 2000);

const link = new URLSearchParams(location.search);
const linked = link.get("user");
if (linked) {
  $("#user-id").value = linked;
  await attempt(() => signIn(linked));
}
if (config.simulator) {
  const scenario = link.get("scenario");
  linkScenarios(scenario);
  if (scenario) await attempt(() => playLinked(scenario, Number(link.get("pace") ?? 2.5)));
}
