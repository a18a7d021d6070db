"""For the smoke test of a deployment (docs/deploy.md). Uses smoke.pem and tester.json of the current folder.

jwks                 the JWK Set of smoke.pem
token USER           an x-juno-jwt for a user, for an hour
approve USER LEVEL   approves a user in the provider's sandbox
"""

import hashlib
import hmac
import json
import os
import sys
import time
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def private_key():
    with open("smoke.pem", "rb") as file:
        return load_pem_private_key(file.read(), None)


def jwks():
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(private_key().public_key(), as_dict=True)
    return json.dumps({"keys": [jwk | {"kid": "smoke", "alg": "ES256", "use": "sig"}]})


def token(user):
    # `iss` and `aud` are needed too where JwtIssuer and JwtAudience are set.
    claims = {"sub": user, "exp": int(time.time()) + 3600}
    return jwt.encode(claims, private_key(), "ES256", headers={"kid": "smoke"})


def provider(method, path, body=None):
    with open("tester.json", encoding="utf-8") as file:
        credentials = json.load(file)
    ts, body = str(int(time.time())), json.dumps(body) if body else ""
    signed = (ts + method + path + body).encode()
    headers = {
        "X-App-Token": credentials["app_token"],
        "X-App-Access-Ts": ts,
        "X-App-Access-Sig": hmac.new(credentials["secret_key"].encode(), signed, hashlib.sha256).hexdigest(),
        "Content-Type": "application/json",
    }
    url = os.environ.get("PROVIDER_URL", "https://api.sumsub.com") + path
    with urlopen(Request(url, body.encode() or None, headers, method=method), timeout=10) as answer:
        return json.load(answer)


def approve(user, level):
    try:
        applicant = provider("GET", f"/resources/applicants/-;externalUserId={quote(user, safe='')}/one")
    except HTTPError as error:
        if error.code != 404:
            raise
        applicant = provider("POST", f"/resources/applicants?levelName={quote(level, safe='')}", {"externalUserId": user})
    verdict = {"reviewAnswer": "GREEN", "rejectLabels": []}
    return provider("POST", f"/resources/applicants/{applicant['id']}/status/testCompleted", verdict)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["jwks"]:
            print(jwks())
        case ["token", user]:
            print(token(user))
        case ["approve", user, level]:
            print(approve(user, level))
        case _:
            sys.exit(__doc__)
