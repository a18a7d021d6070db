//! `POST /v0/kyc/access-token`.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::{Link, View};
use crate::http::Route;
use crate::kyc::UserId;
use crate::provider::SESSION_SECONDS;

/// A token for the provider's SDK.
#[derive(Serialize)]
pub struct AccessTokenView<'a> {
    access_token: &'a str,
    expires_in: u32,
    user_id: &'a str,
    _links: Links,
}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    this: Link,
    status: Link,
}

impl View for AccessTokenView<'_> {}

impl<'a> AccessTokenView<'a> {
    /// Makes the view of a token that was created for a user.
    #[must_use]
    pub fn new(token: &'a SecretString, user: &'a UserId) -> Self {
        Self {
            access_token: token.expose_secret(),
            expires_in: SESSION_SECONDS,
            user_id: user.as_str(),
            _links: Links {
                this: Link::post(Route::AccessToken),
                status: Link::get(Route::Status),
            },
        }
    }
}
