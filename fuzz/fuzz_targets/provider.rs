//! Feeds [`fuzz::provider`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::provider::run(data));
