//! Account, region and credentials that the functions run with.

use std::{collections::BTreeMap, env};

/// The account that appears in ARNs and events.
pub(crate) const ACCOUNT_ID: &str = "123456789012";

/// Where the stand-ins are said to be.
const REGION: &str = "eu-west-1";

/// The region: that of the user's environment, if there is one.
pub(crate) fn region() -> String {
    let set = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .find_map(|name| env::var(name).ok());
    set.filter(|region| !region.is_empty())
        .unwrap_or_else(|| REGION.to_owned())
}

/// The environment variables that say who a function is: for stand-ins, which accept anyone, made-up credentials; for
/// real services those of the user's environment.
pub(crate) fn identity(real: bool) -> BTreeMap<String, String> {
    let region = region();
    let made_up = [
        ("AWS_REGION", region.as_str()),
        ("AWS_DEFAULT_REGION", region.as_str()),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ];
    let mut identity: BTreeMap<_, _> = made_up
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if real {
        let names = [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ];
        let own = names
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), env::var(name).ok()?)));
        identity.extend(own);
    }
    identity
}
