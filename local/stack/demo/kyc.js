// A client of the KYC API, and the loop that waits for a verdict. It needs nothing but fetch, and no build: copy it, and for
// TypeScript what stands beside it, `kyc.d.ts` and `kyc-api.d.ts`. docs/integration.md shows it in use.

/**
 * @import { components, paths } from "./kyc-api.js"
 * @typedef {components["schemas"]["Status"]} Status
 * @typedef {components["schemas"]["Details"]} Details
 * @typedef {components["schemas"]["Me"]} Me
 * @typedef {Extract<keyof components["schemas"], `${string}-${number}-${number}`>} ErrorCode
 *
 * @typedef {object} Exchange A request and its answer
 * @property {"GET" | "POST"} method
 * @property {string} path
 * @property {number} status 0 without an answer
 * @property {number} ms duration of the request
 * @property {string | null} traceId
 * @property {any} body
 */

/** Minimum wait before a poll, in seconds. The API asks for no less. */
export const INTERVAL = 3;

/** Seconds without news after which a poll asks the provider itself: a webhook may be late or lost. */
const REFRESH_AFTER = 30;

/** The one status to wait in: `approved` and `rejected` are final, in `retry` and `pending` it is the user's turn. */
const WAITING = "in_progress";

/** The API answers any request well within this time, in milliseconds. */
const TIMEOUT = 35_000;
/** So many failures in a row are more than a hiccup. */
const MAX_FAILURES = 20;

/** The reason of a failed call: an RFC 9457 problem, or no answer at all (then `status` is 0 and `code` is null). */
export class KycError extends Error {
  /**
   * @param {Partial<components["schemas"]["Problem"]>} problem
   * @param {number} status
   * @param {number | null} retryAfter
   * @param {string | null} traceId
   * @param {unknown} [cause]
   */
  constructor(problem, status, retryAfter, traceId, cause) {
    super(problem.detail ?? problem.title ?? "The API cannot be reached", { cause });
    this.name = "KycError";
    this.status = status;
    /** The code that tells errors apart. One that is newer than this client may come, too. */
    this.code = /** @type {ErrorCode | null} */ (problem.error_code ?? null);
    /** Seconds after which a retry may succeed, if the API says so. */
    this.retryAfter = retryAfter;
    /** The id by which support finds the request. */
    this.traceId = problem.trace_id ?? traceId;
  }

  /** True if the same call may succeed later: no answer, too many requests, or a failure behind the API. */
  get isTransient() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export class KycClient {
  #token;
  #baseUrl;
  #observe;

  /**
   * @param {object} options
   * @param {() => string | Promise<string>} options.token gives the user's `x-juno-jwt`
   * @param {string} [options.baseUrl] where the API is, without a slash at the end, if that is not the origin of the page
   * @param {(exchange: Exchange) => void} [options.observe] is told of each request and its answer
   */
  constructor({ token, baseUrl = "", observe = () => {} }) {
    this.#token = token;
    this.#baseUrl = baseUrl;
    this.#observe = observe;
  }

  /**
   * The status; with `refresh` as the provider has it right now.
   *
   * @param {{ refresh?: boolean | undefined, signal?: AbortSignal | undefined }} [options]
   * @returns {Promise<Status>}
   */
  async status({ refresh = false, signal } = {}) {
    return (await this.poll({ refresh, signal })).status;
  }

  /**
   * The status, and the seconds after which the API proposes to ask again.
   *
   * @param {{ refresh?: boolean | undefined, signal?: AbortSignal | undefined }} [options]
   * @returns {Promise<{ status: Status, retryAfter: number | null }>}
   */
  async poll({ refresh = false, signal } = {}) {
    const path = /** @type {const} */ (`/v0/kyc/status${refresh ? "?refresh=true" : ""}`);
    const { body, retryAfter } = await this.#exchange("GET", path, signal);
    return { status: body, retryAfter };
  }

  /**
   * The person, the documents, the rejection; with `refresh` without what the API keeps for five minutes.
   *
   * @param {{ refresh?: boolean | undefined, signal?: AbortSignal | undefined }} [options]
   * @returns {Promise<Details>}
   */
  details({ refresh = false, signal } = {}) {
    return this.#call("GET", `/v0/kyc/details${refresh ? "?refresh=true" : ""}`, signal);
  }

  /**
   * The user, and how far they are in the onboarding.
   *
   * @param {{ signal?: AbortSignal | undefined }} [options]
   * @returns {Promise<Me & Required<Pick<Me, "onboarding">>>}
   */
  user({ signal } = {}) {
    return this.#call("GET", "/v0/user/me?expand=onboarding", signal);
  }

  /**
   * A token for the provider's SDK, valid for ten minutes.
   *
   * @param {{ signal?: AbortSignal | undefined }} [options]
   * @returns {Promise<string>}
   */
  async accessToken({ signal } = {}) {
    /** @type {components["schemas"]["AccessToken"]} */
    const answer = await this.#call("POST", "/v0/kyc/access-token", signal);
    return answer.access_token;
  }

  /**
   * @param {"GET" | "POST"} method
   * @param {keyof paths | `${keyof paths}?${string}`} path
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>}
   */
  async #call(method, path, signal) {
    return (await this.#exchange(method, path, signal)).body;
  }

  /**
   * @param {"GET" | "POST"} method
   * @param {keyof paths | `${keyof paths}?${string}`} path
   * @param {AbortSignal} [signal]
   * @returns {Promise<{ body: any, retryAfter: number | null }>}
   */
  async #exchange(method, path, signal) {
    const token = await this.#token();
    const signals = [AbortSignal.timeout(TIMEOUT), ...(signal ? [signal] : [])];
    const started = performance.now();
    let status = 0;
    let traceId = null;
    let retryAfter = null;
    let body = {};
    let failure;
    try {
      const answer = await fetch(this.#baseUrl + path, {
        method,
        headers: { "x-juno-jwt": token },
        signal: AbortSignal.any(signals),
        cache: "no-store",
      });
      const text = await answer.text();
      status = answer.status;
      traceId = answer.headers.get("x-amzn-requestid");
      retryAfter = seconds(answer.headers.get("retry-after"));
      body = parsed(text);
    } catch (error) {
      // Given up by the caller: that is no failure of the API.
      signal?.throwIfAborted();
      failure = error;
    }
    const ms = Math.round(performance.now() - started);
    this.#observe({ method, path, status, ms, traceId, body });
    if (failure || status < 200 || status > 299) {
      throw new KycError(body, status, retryAfter, traceId, failure);
    }
    return { body, retryAfter };
  }
}

/**
 * Polls until there is a verdict, or nothing to wait for any more, and gives the last status.
 *
 * Waits between polls, for as long as `Retry-After` says, and while nobody sees the page. Asks the provider itself at first and
 * after 30 s without news; in between the webhooks keep the status up to date. What fails and may pass (the provider is away, there
 * were too many requests) is tried again; anything else is thrown, as is `signal`'s reason.
 *
 * @param {KycClient} kyc
 * @param {object} [options]
 * @param {AbortSignal} [options.signal] ends the polling
 * @param {(seconds: number, error: KycError | null) => void} [options.onWait] the next poll is so far away; the last one failed so
 * @param {(status: Status) => void} [options.onStatus] an answer
 * @returns {Promise<Status>}
 */
export async function untilVerdict(kyc, { signal, onWait = () => {}, onStatus = () => {} } = {}) {
  let failures = 0;
  /** @type {KycError | null} */
  let error = null;
  /** @type {number | null} */
  let retryAfter = null;
  let refreshedAt = -Infinity;
  for (;;) {
    // Doubles while calls fail, up to half a minute.
    const wait = Math.max(INTERVAL, retryAfter ?? Math.min(INTERVAL * 2 ** (failures - 1), 30));
    onWait(wait, error);
    await sleep(wait * 1000, signal);
    await seen(signal);
    const now = performance.now();
    const refresh = now - refreshedAt >= REFRESH_AFTER * 1000;
    try {
      const answer = await kyc.poll({ refresh, signal });
      const { status } = answer;
      if (refresh) refreshedAt = now;
      failures = 0;
      error = null;
      retryAfter = answer.retryAfter;
      onStatus(status);
      if (status.status !== WAITING) return status;
    } catch (thrown) {
      failures += 1;
      if (!(thrown instanceof KycError) || !thrown.isTransient || failures === MAX_FAILURES) throw thrown;
      error = thrown;
      retryAfter = thrown.retryAfter;
    }
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} [signal]
 */
function sleep(ms, signal) {
  return unlessAborted(signal, (resolve) => {
    const timer = setTimeout(resolve, ms);
    return () => clearTimeout(timer);
  });
}

/**
 * Settles as soon as somebody sees the page; outside a browser that is now.
 *
 * @param {AbortSignal} [signal]
 */
async function seen(signal) {
  while (globalThis.document?.hidden) {
    await unlessAborted(signal, (resolve) => {
      document.addEventListener("visibilitychange", resolve, { once: true });
      return () => document.removeEventListener("visibilitychange", resolve);
    });
  }
}

/**
 * Waits for what `begin` begins, or throws the signal's reason.
 *
 * @param {AbortSignal | undefined} signal
 * @param {(resolve: () => void) => () => void} begin gives what ends it
 * @returns {Promise<void>}
 */
function unlessAborted(signal, begin) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      end();
      reject(signal?.reason);
    };
    const end = begin(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** @param {string | null} header */
function seconds(header) {
  return /^\d+$/.test(header ?? "") ? Number(header) : null;
}

/**
 * An object in any case: what a proxy on the way answers need not be JSON.
 *
 * @param {string} text
 */
function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
