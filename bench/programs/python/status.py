"""`GET /v0/kyc/status` with boto3."""

import json
import os

import boto3
import jwt

dynamodb = boto3.client("dynamodb")


def _fetch_keys():
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["JWKS_SECRET"])
    return jwt.PyJWKSet.from_json(secret["SecretString"])


keys = _fetch_keys()


def handler(event):
    answer = _answer(event)
    print(json.dumps({"level": "INFO", "message": "request", "status": answer["statusCode"]}), flush=True)
    return answer


def _answer(event):
    try:
        token = event["headers"]["x-juno-jwt"]
        key = keys[jwt.get_unverified_header(token)["kid"]]
        user = jwt.decode(token, key, algorithms=["RS256", "ES256", "EdDSA"])["sub"]
    except (jwt.InvalidTokenError, KeyError):
        return {"statusCode": 401}
    found = dynamodb.get_item(
        TableName=os.environ["USERS_TABLE"],
        Key={"user_id": {"S": user}},
        ConsistentRead=True,
    )
    item = {name: next(iter(value.values())) for name, value in found.get("Item", {}).items()}
    status = item.get("status", "pending")
    decided_at = int(item["decided_at"]) if "decided_at" in item else None
    links = {
        "self": {"href": "/v0/kyc/status"},
        "user": {"href": "/v0/user/me"},
        "refresh": {"href": "/v0/kyc/status?refresh=true"},
    }
    if status in ("pending", "retry"):
        links["start-verification"] = {"href": "/v0/kyc/access-token", "method": "POST"}
    body = {
        "status": status,
        "applicant_id": item.get("applicant_id"),
        "verified_at": decided_at if status == "approved" else None,
        "rejected_at": decided_at if status == "rejected" else None,
        "reject_reason": item.get("reason"),
        "_links": links,
    }
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(body, separators=(",", ":"), ensure_ascii=False),
    }
