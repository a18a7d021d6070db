//! The tokens that were accepted a moment ago. A client that polls sends the same one each time, and its signature is most of a check.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{LEEWAY, Unauthenticated};
use crate::kyc::UserId;

/// Maximum number of tokens that are remembered: an instance handles one request at a time, of few users.
const KEPT: usize = 32;

/// The time within which a token is valid (RFC 7519, 4.1.4 and 4.1.5), in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Validity {
    expiry: f64,
    beginning: Option<f64>,
}

impl Validity {
    /// Reads `exp` and `nbf`.
    pub(super) fn of(claims: &Value) -> Result<Self, Unauthenticated> {
        let time = |name| {
            let claim = claims.get(name);
            claim.map(|time| time.as_f64().ok_or(Unauthenticated::Claim))
        };
        Ok(Self {
            expiry: time("exp").ok_or(Unauthenticated::Claim)??,
            beginning: time("nbf").transpose()?,
        })
    }

    /// Checks that it holds at `now`, a minute more or less.
    pub(super) fn check(self, now: Duration) -> Result<(), Unauthenticated> {
        if self.expiry < now.saturating_sub(LEEWAY).as_secs_f64() {
            Err(Unauthenticated::Expired)
        } else if self
            .beginning
            .is_some_and(|beginning| beginning > (now + LEEWAY).as_secs_f64())
        {
            Err(Unauthenticated::Early)
        } else {
            Ok(())
        }
    }

    /// Returns whether the token need not be looked at again: nothing is left to the leeway at its end.
    fn is_certain(self, now: Duration) -> bool {
        now.as_secs_f64() < self.expiry && self.check(now).is_ok()
    }
}

/// The digest by which a token is known, so that no token is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// The tokens that one set of keys verified, the one used last at the end. They are part of the set: with a key that its issuer withdrew
/// go the tokens that it signed.
#[derive(Debug, Default)]
pub(super) struct AcceptedTokens(Mutex<Vec<(TokenDigest, Validity, UserId)>>);

impl AcceptedTokens {
    /// Returns the user of a token that was accepted before, and is valid at `now` without any leeway at its end.
    pub(super) fn user(&self, token: TokenDigest, now: Duration) -> Option<UserId> {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = tokens.iter().position(|(known, ..)| *known == token)?;
        let accepted = tokens.remove(place);
        let (_, validity, user) = &accepted;
        let user = validity.is_certain(now).then(|| user.clone())?;
        tokens.push(accepted);
        Some(user)
    }

    /// Remembers a token that was just accepted, in place of the one that was not used for the longest time.
    pub(super) fn remember(&self, token: TokenDigest, validity: Validity, user: UserId) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() == KEPT {
            tokens.remove(0);
        }
        tokens.push((token, validity, user));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_700_000_000);

    fn seconds(after_now: f64) -> f64 {
        NOW.as_secs_f64() + after_now
    }

    fn until(expiry: f64) -> Validity {
        Validity {
            expiry: seconds(expiry),
            beginning: None,
        }
    }

    fn user(number: usize) -> UserId {
        UserId::parse(format!("usr_{number}")).unwrap()
    }

    #[test]
    fn a_token_is_known_until_its_expiry_and_not_within_the_leeway() {
        let tokens = AcceptedTokens::default();
        let token = TokenDigest::of("token");
        assert_eq!(tokens.user(token, NOW), None);
        tokens.remember(token, until(60.0), user(1));
        assert_eq!(tokens.user(token, NOW), Some(user(1)));
        let last = NOW + Duration::from_secs(59);
        assert_eq!(tokens.user(token, last), Some(user(1)));
        let expired = NOW + Duration::from_mins(1);
        assert_eq!(tokens.user(token, expired), None);
        assert_eq!(tokens.user(token, NOW), None, "it is forgotten for good");
    }

    #[test]
    fn a_token_is_not_known_before_its_beginning_when_a_clock_is_set_back() {
        let tokens = AcceptedTokens::default();
        let token = TokenDigest::of("token");
        let validity = Validity {
            beginning: Some(seconds(61.0)),
            ..until(600.0)
        };
        tokens.remember(token, validity, user(1));
        let later = NOW + Duration::from_secs(2);
        assert_eq!(tokens.user(token, later), Some(user(1)));
        assert_eq!(tokens.user(token, NOW), None);
    }

    #[test]
    fn another_token_is_nobodys_not_even_by_one_character() {
        let tokens = AcceptedTokens::default();
        tokens.remember(TokenDigest::of("a.b.c"), until(60.0), user(1));
        for other in ["a.b.d", "a.b.c ", "A.b.c", "a.b", ""] {
            assert_eq!(tokens.user(TokenDigest::of(other), NOW), None, "{other}");
        }
    }

    #[test]
    fn the_tokens_that_were_used_last_stay() {
        let tokens = AcceptedTokens::default();
        let token = |number: usize| TokenDigest::of(&number.to_string());
        for number in 0..KEPT {
            tokens.remember(token(number), until(60.0), user(number));
        }
        assert_eq!(tokens.user(token(0), NOW), Some(user(0)));
        tokens.remember(token(KEPT), until(60.0), user(KEPT));
        assert_eq!(tokens.user(token(1), NOW), None, "not used for the longest");
        for number in [0, 2, KEPT] {
            assert_eq!(tokens.user(token(number), NOW), Some(user(number)));
        }
    }
}
