#!/bin/sh
# A function whose part of the Runtime API is played by the test, which finds the address in the log.
echo "$AWS_LAMBDA_RUNTIME_API"
exec sleep 600
