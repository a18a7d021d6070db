//! Feeds [`fuzz::delivery`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::delivery::run(data));
