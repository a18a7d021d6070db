//! Tests of the whole system over HTTP, against the binaries that are deployed: see `e2e/`.
