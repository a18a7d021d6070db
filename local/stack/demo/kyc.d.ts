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
export function untilVerdict(kyc: KycClient, { signal, onWait, onStatus }?: {
    signal?: AbortSignal | undefined;
    onWait?: ((seconds: number, error: KycError | null) => void) | undefined;
    onStatus?: ((status: Status) => void) | undefined;
}): Promise<Status>;
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
export const INTERVAL: 3;
/** The reason of a failed call: an RFC 9457 problem, or no answer at all (then `status` is 0 and `code` is null). */
export class KycError extends Error {
    /**
     * @param {Partial<components["schemas"]["Problem"]>} problem
     * @param {number} status
     * @param {number | null} retryAfter
     * @param {string | null} traceId
     * @param {unknown} [cause]
     */
    constructor(problem: Partial<components["schemas"]["Problem"]>, status: number, retryAfter: number | null, traceId: string | null, cause?: unknown);
    status: number;
    /** The code that tells errors apart. One that is newer than this client may come, too. */
    code: ErrorCode | null;
    /** Seconds after which a retry may succeed, if the API says so. */
    retryAfter: number | null;
    /** The id by which support finds the request. */
    traceId: string | null;
    /** True if the same call may succeed later: no answer, too many requests, or a failure behind the API. */
    get isTransient(): boolean;
}
export class KycClient {
    /**
     * @param {object} options
     * @param {() => string | Promise<string>} options.token gives the user's `x-juno-jwt`
     * @param {string} [options.baseUrl] where the API is, without a slash at the end, if that is not the origin of the page
     * @param {(exchange: Exchange) => void} [options.observe] is told of each request and its answer
     */
    constructor({ token, baseUrl, observe }: {
        token: () => string | Promise<string>;
        baseUrl?: string | undefined;
        observe?: ((exchange: Exchange) => void) | undefined;
    });
    /**
     * The status; with `refresh` as the provider has it right now.
     *
     * @param {{ refresh?: boolean | undefined, signal?: AbortSignal | undefined }} [options]
     * @returns {Promise<Status>}
     */
    status({ refresh, signal }?: {
        refresh?: boolean | undefined;
        signal?: AbortSignal | undefined;
    }): Promise<Status>;
    /**
     * The status, and the seconds after which the API proposes to ask again.
     *
     * @param {{ refresh?: boolean | undefined, signal?: AbortSignal | undefined }} [options]
     * @returns {Promise<{ status: Status, retryAfter: number | null }>}
     */
    poll({ refresh, signal }?: {
        refresh?: boolean | undefined;
        signal?: AbortSignal | undefined;
    }): Promise<{
        status: Status;
        retryAfter: number | null;
    }>;
    /**
     * The person, the documents, the rejection; with `refresh` without what the API keeps for five minutes.
     *
     * @param {{ refresh?: boolean | undefined, signal?: AbortSignal | undefined }} [options]
     * @returns {Promise<Details>}
     */
    details({ refresh, signal }?: {
        refresh?: boolean | undefined;
        signal?: AbortSignal | undefined;
    }): Promise<Details>;
    /**
     * The user, and how far they are in the onboarding.
     *
     * @param {{ signal?: AbortSignal | undefined }} [options]
     * @returns {Promise<Me & Required<Pick<Me, "onboarding">>>}
     */
    user({ signal }?: {
        signal?: AbortSignal | undefined;
    }): Promise<Me & Required<Pick<Me, "onboarding">>>;
    /**
     * A token for the provider's SDK, valid for ten minutes.
     *
     * @param {{ signal?: AbortSignal | undefined }} [options]
     * @returns {Promise<string>}
     */
    accessToken({ signal }?: {
        signal?: AbortSignal | undefined;
    }): Promise<string>;
    #private;
}
export type Status = components["schemas"]["Status"];
export type Details = components["schemas"]["Details"];
export type Me = components["schemas"]["Me"];
export type ErrorCode = Extract<keyof components["schemas"], `${string}-${number}-${number}`>;
/**
 * A request and its answer
 */
export type Exchange = {
    method: "GET" | "POST";
    path: string;
    /**
     * 0 without an answer
     */
    status: number;
    /**
     * duration of the request
     */
    ms: number;
    traceId: string | null;
    body: any;
};
import type { components } from "./kyc-api.js";
