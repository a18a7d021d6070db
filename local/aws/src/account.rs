//! The AWS account that the emulated services belong to: its id, region and credentials.

use std::{collections::BTreeMap, env};

/// The account id in ARNs and events.
pub const ACCOUNT_ID: &str = "123456789012";

/// The region unless the user's environment names one.
const REGION: &str = "eu-west-1";

/// The access key id of the account's owner.
const OWNER: &str = "local";

/// Returns the region of the user's environment, or else `eu-west-1`.
#[must_use]
pub fn region() -> String {
    let set = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .find_map(|name| env::var(name).ok());
    set.filter(|region| !region.is_empty())
        .unwrap_or_else(|| REGION.to_owned())
}

/// Returns the ARN of a table.
pub(crate) fn table_arn(name: &str) -> String {
    format!("arn:aws:dynamodb:{}:{ACCOUNT_ID}:table/{name}", region())
}

/// Returns the ARN of a function, by its binary.
#[must_use]
pub fn function_arn(binary: &str) -> String {
    format!("arn:aws:lambda:{}:{ACCOUNT_ID}:function:{binary}", region())
}

/// Returns the environment variables that tell the AWS SDK who calls. For the emulated services that is the account's owner,
/// with made-up credentials. For `real` services it is whoever the user's environment names.
#[must_use]
pub fn identity(real: bool) -> BTreeMap<String, String> {
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

/// Returns the same for a function. The emulated services know a function by its access key id: the name of its binary.
#[must_use]
pub fn function_identity(real: bool, binary: &str) -> BTreeMap<String, String> {
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
    fn only_emulated_services_tell_functions_apart() {
        assert_eq!(
            function_identity(false, "reader")["AWS_ACCESS_KEY_ID"],
            "reader"
        );
        assert_eq!(function_identity(true, "reader"), identity(true));
    }
}
