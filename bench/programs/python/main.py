"""The loop that Lambda's own Python runtime runs around a handler, at its smallest."""

import http.client
import json
import os

import status

PATH = "/2018-06-01/runtime/invocation/"


def main():
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def call(method, path, body=None):
        connection.request(method, PATH + path, body)
        response = connection.getresponse()
        return response.headers, response.read()

    while True:
        headers, event = call("GET", "next")
        answer = status.handler(json.loads(event))
        call("POST", headers["lambda-runtime-aws-request-id"] + "/response", json.dumps(answer))


main()
