"""Who sends the requests: a user with a token, or the provider with its signature."""

import hashlib
import hmac
import os

import schemathesis
from requests.auth import AuthBase


class User(AuthBase):
    def __call__(self, request):
        request.headers["x-juno-jwt"] = os.environ["TOKEN"]
        return request


class Provider(AuthBase):
    def __call__(self, request):
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        wide = request.headers.get("x-payload-digest-alg") == "HMAC_SHA512_HEX"
        digest = hmac.new(os.environ["WEBHOOK_SECRET"].encode(), body, hashlib.sha512 if wide else hashlib.sha256)
        request.headers["x-payload-digest"] = digest.hexdigest()
        return request


schemathesis.auth.set_from_requests(User()).skip_for(operation_id="receiveEvent")
schemathesis.auth.set_from_requests(Provider()).apply_to(operation_id="receiveEvent")
