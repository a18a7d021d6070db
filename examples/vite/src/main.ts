// main.ts
import { KycClient } from "./kyc.js";
import { openSdk } from "./simulator.js"; // Later ./sdk.js.
import { verification } from "./verification.js";

const text = document.querySelector<HTMLElement>("#text")!;
const button = document.querySelector<HTMLButtonElement>("#button")!;
const kyc = new KycClient({
  baseUrl: "http://127.0.0.1:3000",
  // Asked before each request, so that it can renew the token. Here it stands behind the # of the address.
  token: () => location.hash.slice(1),
});

// Another token behind the # is another user.
addEventListener("hashchange", () => location.reload());

void verification(kyc, openSdk, {
  show(told) {
    // Screen readers say it each time that it is written.
    if (text.textContent !== told) text.textContent = told;
    button.hidden = true;
  },
  offer(label, press) {
    button.textContent = label;
    button.disabled = false;
    button.hidden = false;
    // Once: a second press would open a second verification.
    button.onclick = () => {
      button.disabled = true;
      button.textContent = "Opening…";
      return press();
    };
  },
  // Here your application takes over. Vite answers other paths with this page, too: to go to one would begin again, for ever.
  signIn: () => {},
  proceed: (step) => (text.textContent = `You are verified. The next step is ${step}.`),
});
