//! The table of docs/issuers.md, with a token as each issuer documents it, signed with a key of our own.

use super::*;

/// Returns the claims that are particular to an issuer, beside `iss`, `exp` and the user id.
fn documented(issuer: &str) -> Value {
    match issuer {
        "Amazon Cognito" => {
            json!({ "token_use": "access", "client_id": "CLIENT", "scope": "openid", "username": "jane" })
        }
        "Auth0" => {
            json!({ "aud": ["API", "https://TENANT.auth0.com/userinfo"], "azp": "CLIENT", "scope": "openid" })
        }
        "Clerk" => {
            json!({ "aud": "kyc", "azp": "https://app.example.com", "sid": "sess_1", "v": 2 })
        }
        "Supabase" => {
            json!({ "aud": "authenticated", "role": "authenticated", "aal": "aal1", "is_anonymous": false })
        }
        "Firebase" => {
            json!({ "aud": "PROJECT", "auth_time": 1_704_067_200, "firebase": { "sign_in_provider": "password" } })
        }
        "Keycloak" => {
            json!({ "aud": ["kyc", "account"], "azp": "frontend", "typ": "Bearer", "realm_access": { "roles": [] } })
        }
        "Microsoft Entra ID" => {
            json!({ "aud": "APPLICATION", "ver": "2.0", "tid": "TENANT", "sub": "of this application only" })
        }
        "Privy" => json!({ "aud": "APP", "sid": "session" }),
        other => panic!("{other}: no documented token"),
    }
}

#[test]
fn tokens_of_each_documented_issuer_are_accepted_by_its_parameters() {
    let page = include_str!("../../../../../docs/issuers.md");
    let rows = page.lines().filter(|line| line.contains("| `https://"));
    let mut issuers = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let cells: Vec<&str> = cells
            .iter()
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        let [name, jwks_url, issuer, audience, algorithms, claim] = cells[..] else {
            panic!("{row}")
        };
        assert!(key_source(jwks_url).is_ok(), "{name}");
        let policy = TokenPolicy::from_environment(&Variables::from([
            ("JWT_ALGORITHMS", algorithms),
            ("JWT_USER_ID_CLAIM", claim),
            ("JWT_ISSUER", issuer),
            ("JWT_AUDIENCE", audience),
        ]))
        .unwrap();
        let signer = match algorithms {
            "RS256" => rsa(),
            _ => p256(),
        };
        let mut claims = documented(name);
        claims["iss"] = json!(issuer);
        claims["iat"] = json!(seconds_from_now(-5));
        claims["exp"] = json!(seconds_from_now(600));
        claims[claim] = json!("auth0|user:1");
        // Other keys of such a set: one of another kind, and one for encryption.
        let encryption = json!({ "kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "kid": "enc", "n": signer.jwk["n"], "e": "AQAB" });
        let keys = [encryption, json!({ "kty": "AKP" }), signer.jwk.clone()];
        let keys = Keys::of(
            serde_json::from_value(json!({ "keys": keys })).unwrap(),
            false,
        );
        let accepts = |claims: &Value| policy.user(&signer.token(claims), &keys).is_ok();
        assert!(accepts(&claims), "{name}: {claims}");
        for (member, value) in [("iss", "https://evil.example"), ("aud", "somebody-else")] {
            let mut other = claims.clone();
            other[member] = json!(value);
            assert!(!accepts(&other), "{name}: another {member}");
        }
        issuers += 1;
    }
    assert_eq!(issuers, 8);
}
