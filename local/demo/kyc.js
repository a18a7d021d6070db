// A client of the KYC API, and the loop that waits for a verdict. It needs nothing but fetch: copy it.

/** How long a poll waits at least, in seconds. The API asks for no less. */
export const INTERVAL = 3;

/** The one status to wait in: `approved` and `rejected` are final, in `retry` and `pending` it is the user's turn. */
const WAITING = "in_progress";

/** The API answers any request well within this time, in milliseconds. */
const TIMEOUT = 35_000;
/** So many failures in a row are more than a hiccup. */
const MAX_FAILURES = 20;

/** Why a call failed: an RFC 9457 problem, or no answer at all (then `status` is 0 and `code` is null). */
export class KycError extends Error {
  constructor(problem, status, retryAfter, traceId, cause) {
    super(problem.detail ?? problem.title ?? "The API cannot be reached", { cause });
    this.name = "KycError";
    this.status = status;
    this.code = problem.error_code ?? null;
    this.retryAfter = retryAfter;
    this.traceId = problem.trace_id ?? traceId;
  }

  /** Whether the same call may succeed later: no answer, too many requests, or a failure behind the API. */
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
   * @param {string} [options.baseUrl] the origin of the API, if it is not that of the page
   * @param {(exchange: object) => void} [options.observe] is told of each request and its answer
   */
  constructor({ token, baseUrl = "", observe = () => {} }) {
    this.#token = token;
    this.#baseUrl = baseUrl;
    this.#observe = observe;
  }

  /** The status; with `refresh` as the provider has it right now. */
  status({ refresh = false, signal } = {}) {
    return this.#call("GET", `/v0/kyc/status${refresh ? "?refresh=true" : ""}`, signal);
  }

  /** The person, the documents, the rejection; with `refresh` without what the API keeps for five minutes. */
  details({ refresh = false, signal } = {}) {
    return this.#call("GET", `/v0/kyc/details${refresh ? "?refresh=true" : ""}`, signal);
  }

  /** The user, and how far they are in the onboarding. */
  user({ signal } = {}) {
    return this.#call("GET", "/v0/user/me?expand=onboarding", signal);
  }

  /** A token for the provider's SDK, valid for `expires_in` seconds. */
  async accessToken({ signal } = {}) {
    return (await this.#call("POST", "/v0/kyc/access-token", signal)).access_token;
  }

  async #call(method, path, signal) {
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
    return body;
  }
}

/**
 * Polls until there is a verdict, or nothing to wait for any more, and gives the last status.
 *
 * Waits between polls, and for as long as `Retry-After` says. What fails and may pass (the provider is away, there were too
 * many requests) is tried again; anything else is thrown, as is `signal`'s reason.
 *
 * @param {KycClient} kyc
 * @param {object} [options]
 * @param {AbortSignal} [options.signal] ends the polling
 * @param {(seconds: number, error: KycError | null) => void} [options.onWait] the next poll is so far away; the last one failed so
 * @param {(status: object) => void} [options.onStatus] an answer
 */
export async function untilVerdict(kyc, { signal, onWait = () => {}, onStatus = () => {} } = {}) {
  let failures = 0;
  let error = null;
  for (;;) {
    // Doubles while calls fail, up to half a minute.
    const wait = Math.max(INTERVAL, error?.retryAfter ?? Math.min(INTERVAL * 2 ** (failures - 1), 30));
    onWait(wait, error);
    await sleep(wait * 1000, signal);
    try {
      const status = await kyc.status({ refresh: true, signal });
      failures = 0;
      error = null;
      onStatus(status);
      if (status.status !== WAITING) return status;
    } catch (thrown) {
      failures += 1;
      if (!(thrown instanceof KycError) || !thrown.isTransient || failures === MAX_FAILURES) throw thrown;
      error = thrown;
    }
  }
}

function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

function seconds(header) {
  return /^\d+$/.test(header ?? "") ? Number(header) : null;
}

/** An object in any case: what a proxy on the way answers need not be JSON. */
function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
