//! The values of secrets, which `secrets.json` in the data directory holds.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Map, Value, json};

use crate::{
    Error,
    data::{Data, read, write_private},
    token::Signer,
};

/// The secret whose value nobody enters.
const GENERATED: &str = "ErasureSecret";

/// The values of a run's secrets, by logical id.
pub(crate) struct Secrets {
    /// The file whose values may be edited while the system runs.
    file: Option<PathBuf>,
    /// The values without a file.
    defaults: Map<String, Value>,
    /// The values that hold whatever the file says.
    overrides: BTreeMap<String, Value>,
}

impl Secrets {
    /// Uses the values in the data directory. Creates the file with the development secrets if there is none.
    pub(crate) fn load(
        data: &Data,
        signer: &Signer,
        overrides: BTreeMap<String, Value>,
    ) -> Result<Self, Error> {
        let file = data.path("secrets.json");
        let defaults = development(signer);
        if let Some(file) = &file
            && read(file)?.is_none()
        {
            let text = format!("{:#}\n", Value::from(defaults.clone()));
            write_private(file, text.as_bytes())?;
        }
        Ok(Self {
            file,
            defaults,
            overrides,
        })
    }

    /// Returns the current values.
    pub(crate) fn current(&self) -> Result<Map<String, Value>, Error> {
        let mut values = match &self.file {
            None => self.defaults.clone(),
            Some(path) => match read(path)? {
                None => Map::new(),
                Some(text) => serde_json::from_slice(&text).map_err(|error| Error::Content {
                    path: path.clone(),
                    reason: error.to_string(),
                })?,
            },
        };
        // CloudFormation makes it, so that a file of before it may lack it.
        if let (None, Some(key)) = (values.get(GENERATED), self.defaults.get(GENERATED)) {
            values.insert(GENERATED.to_owned(), key.clone());
        }
        values.extend(self.overrides.clone());
        Ok(values)
    }
}

/// Returns the public secrets, by logical id, that every laptop accepts and nothing else does.
#[must_use]
pub fn development(signer: &Signer) -> Map<String, Value> {
    let provider =
        json!({ "app_token": "sbx:local-development", "secret_key": "local-development-key" });
    let webhook = json!({ "secrets": ["local-development-webhook-secret"] });
    Map::from_iter([
        ("JwksSecret".to_owned(), json!({ "keys": [signer.jwk()] })),
        ("ProviderSecret".to_owned(), provider),
        ("WebhookSecret".to_owned(), webhook),
        (
            GENERATED.to_owned(),
            json!({ "key": "local-development-erasure-key" }),
        ),
    ])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_edit_counts_at_once_and_overrides_count_most() {
        let directory = tempfile::tempdir().unwrap();
        let data = Data::Directory(directory.path().to_owned());
        let overrides = BTreeMap::from([("JwksSecret".to_owned(), json!("other"))]);
        let secrets = Secrets::load(&data, &Signer::development().unwrap(), overrides).unwrap();
        assert!(secrets.current().unwrap()["ProviderSecret"]["app_token"].is_string());
        let file = directory.path().join("secrets.json");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        std::fs::write(&file, r#"{"ProviderSecret":1,"JwksSecret":2}"#).unwrap();

        let mut current = secrets.current().unwrap();
        assert!(current.remove(GENERATED).unwrap()["key"].is_string());
        assert_eq!(
            Value::from(current),
            json!({ "ProviderSecret": 1, "JwksSecret": "other" })
        );
    }
}
