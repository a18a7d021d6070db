// Users who wait for their verdicts: waiting.mjs PATTERN URL. A line of the input is a user who begins to wait, with their token; a line of the output is
// one who knows the verdict. `client` is the client to copy, `contract` the loop of the API's description.

import { createInterface } from "node:readline";
import { KycClient, untilVerdict } from "../../../../local/stack/demo/kyc.js";

const [pattern, baseUrl] = process.argv.slice(2);

/** Asks the provider every 3 seconds. */
async function everyThreeSeconds(kyc) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const { status } = await kyc.status({ refresh: true });
    if (status !== "in_progress") return;
  }
}

const wait = { client: untilVerdict, contract: everyThreeSeconds }[pattern];

for await (const line of createInterface({ input: process.stdin })) {
  const [user, token] = line.split(" ");
  wait(new KycClient({ baseUrl, token: () => token })).then(() => console.log(user));
}
