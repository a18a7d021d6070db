// verification.ts
import { explain } from "./errors.js";
import { untilVerdict, type KycClient, type KycError, type Status } from "./kyc.js";

/** What your page shows and does. */
export interface Page {
  show(text: string): void;
  /** A button that starts what is given; none any more without it. */
  offer(label: string, press: () => Promise<void>): void;
  signIn(): void;
  /** The onboarding goes on with this step. */
  proceed(step: string): void;
}

/** Shows the provider's SDK; settles once the user has submitted something. */
export type OpenSdk = (token: string, renew: () => Promise<string>) => Promise<void>;

const REVIEW = "We are looking at your documents. Most checks take less than two minutes.";
const OPENED_AGAIN = new Error("The user opened the SDK again, which ends the polling");

/** Call it when the page opens. Aborting the signal, for instance when the user leaves, ends the polling. */
export function verification(kyc: KycClient, openSdk: OpenSdk, page: Page, signal?: AbortSignal): Promise<void> {
  const look = async () => {
    const status = await kyc.status({ signal });
    return status.status === "in_progress" ? wait() : status;
  };
  const start = async () => {
    await openSdk(await kyc.accessToken({ signal }), () => kyc.accessToken({ signal }));
    return wait();
  };
  const wait = () => {
    const polling = new AbortController();
    const open = () => {
      polling.abort(OPENED_AGAIN);
      return run(start);
    };
    const onWait = (_: number, error: KycError | null) => {
      page.show(error ? explain(error).text : REVIEW);
      // The provider may wait for the user: for a photo that was forgotten, or for an answer.
      page.offer("Open verification again", open);
    };
    const signals = signal ? [signal, polling.signal] : [polling.signal];
    return untilVerdict(kyc, { signal: AbortSignal.any(signals), onWait });
  };

  const run = async (action: () => Promise<Status>): Promise<void> => {
    try {
      const { status, reject_reason, _links } = await action();
      if (status === "approved") return page.proceed((await kyc.user({ signal })).onboarding.current_step);
      if (status === "rejected") return page.show(`${reject_reason} Please contact our support.`);
      page.show(reject_reason ?? "Show a document and your face. It takes about two minutes.");
      if (_links["start-verification"]) page.offer(status === "retry" ? "Try again" : "Start", () => run(start));
    } catch (error) {
      if (signal?.aborted || error === OPENED_AGAIN) return;
      const { text, next, seconds } = explain(error);
      page.show(text);
      if (next === "sign in") page.signIn();
      if (next === "start") page.offer("Start", () => run(start));
      if (next === "look") await run(look);
      // Not before it is worth it.
      if (next === "again") setTimeout(() => page.offer("Try again", () => run(action)), seconds * 1000);
    }
  };
  return run(look);
}
