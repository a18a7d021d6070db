//! Account, region and credentials that the functions run with.

use std::{collections::BTreeMap, env};

/// The account that appears in ARNs and events.
pub(crate) const ACCOUNT_ID: &str = "123456789012";

/// Where the stand-ins are said to be.
const REGION: &str = "eu-west-1";

/// The access key id of who owns the account.
const OWNER: &str = "local";

/// The region: that of the user's environment, if there is one.
pub(crate) fn region() -> String {
    let set = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .find_map(|name| env::var(name).ok());
    set.filter(|region| !region.is_empty())
        .unwrap_or_else(|| REGION.to_owned())
}

/// The ARN of a table.
pub(crate) fn table_arn(name: &str) -> String {
    format!("arn:aws:dynamodb:{}:{ACCOUNT_ID}:table/{name}", region())
}

/// The environment variables that say who uses the services: for stand-ins the owner of the account, with made-up
/// credentials; for real services whoever the user's environment names.
pub(crate) fn identity(real: bool) -> BTreeMap<String, String> {
    let region = region();
    let made_up = [
        ("AWS_REGION", region.as_str()),
        ("AWS_DEFAULT_REGION", region.as_str()),
        ("AWS_ACCESS_KEY_ID", OWNER),
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

/// The same for a function. Stand-ins know a function by its access key id, which is the name of its binary.
pub(crate) fn function_identity(real: bool, binary: &str) -> BTreeMap<String, String> {
    let mut identity = identity(real);
    if !real {
        identity.insert("AWS_ACCESS_KEY_ID".to_owned(), binary.to_owned());
    }
    identity
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_told_apart_by_stand_ins_only() {
        assert_eq!(
            function_identity(false, "gate")["AWS_ACCESS_KEY_ID"],
            "gate"
        );
        assert_eq!(function_identity(true, "gate"), identity(true));
    }
}
