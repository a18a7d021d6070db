// `GET /v0/kyc/status` with the AWS SDK for JavaScript v3.

import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { createLocalJWKSet, jwtVerify } from "jose";

const dynamodb = new DynamoDBClient({});

async function fetchKeys() {
  const command = new GetSecretValueCommand({ SecretId: process.env.JWKS_SECRET });
  const secret = await new SecretsManagerClient({}).send(command);
  return createLocalJWKSet(JSON.parse(secret.SecretString));
}

export const ready = fetchKeys();

export async function handler(event) {
  const answer = await answerTo(event);
  console.log(JSON.stringify({ level: "INFO", message: "request", status: answer.statusCode }));
  return answer;
}

async function answerTo(event) {
  let user;
  try {
    const { payload } = await jwtVerify(event.headers["x-juno-jwt"], await ready);
    user = payload.sub;
  } catch {
    return { statusCode: 401 };
  }
  const command = new GetItemCommand({
    TableName: process.env.USERS_TABLE,
    Key: { user_id: { S: user } },
    ConsistentRead: true,
  });
  const { Item: item = {} } = await dynamodb.send(command);
  const status = item.status?.S ?? "pending";
  const decidedAt = item.decided_at ? Number(item.decided_at.N) : null;
  const mayStart = status === "pending" || status === "retry";
  const body = {
    status,
    applicant_id: item.applicant_id?.S ?? null,
    verified_at: status === "approved" ? decidedAt : null,
    rejected_at: status === "rejected" ? decidedAt : null,
    reject_reason: item.reason?.S ?? null,
    _links: {
      self: { href: "/v0/kyc/status" },
      user: { href: "/v0/user/me" },
      refresh: { href: "/v0/kyc/status?refresh=true" },
      ...(mayStart && { "start-verification": { href: "/v0/kyc/access-token", method: "POST" } }),
    },
  };
  return {
    statusCode: 200,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: JSON.stringify(body),
  };
}
