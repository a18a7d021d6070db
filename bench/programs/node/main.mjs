// The loop that Lambda's own Node runtime runs around a handler, at its smallest.

import http from "node:http";

import { handler, ready } from "./status.mjs";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const options = { agent, host, port, method, path: `/2018-06-01/runtime/invocation/${path}` };
    const request = http.request(options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function run() {
  await ready;
  for (;;) {
    const event = await call("GET", "next");
    const answer = await handler(JSON.parse(event.body));
    const id = event.headers["lambda-runtime-aws-request-id"];
    await call("POST", `${id}/response`, JSON.stringify(answer));
  }
}

run().catch((error) => {
  console.error(error);
  process.exit(1);
});
