#!/bin/sh
# A function that ends before it asks for its first event.
echo "out of order" >&2
exit 3
