//! The comparison of what is stored of a user with what happened at the provider: nothing lost, nothing doubled.

use serde_json::Value;

use super::provider::Truth;

/// The faults of a user.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Descriptions of effects that are missing, or that something older has undone.
    pub lost: Vec<String>,
    /// Descriptions of effects that occurred more than once.
    pub doubled: Vec<String>,
}

/// The items of one user, in the form of `DynamoDB`'s API.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The item of the table of users.
    pub user: Option<Value>,
    /// The items of the history, in the order of their numbers.
    pub history: Vec<Value>,
    /// The number of deliveries that are remembered.
    pub events: usize,
}

/// Compares the items of a user with what happened at the provider. A name may be missing unless the user was `polled` since.
pub fn check(truth: &Truth, stored: &Stored, polled: bool) -> Findings {
    let mut findings = Findings::default();
    let Some(user) = &stored.user else {
        findings.lost.push("there is no user".to_owned());
        return findings;
    };
    findings.user(&kept(truth, &stored.history), user, polled);
    findings.history(user, &stored.history);

    let told = format!(
        "{} events are remembered of {}",
        stored.events, truth.about_review
    );
    match stored.events.cmp(&truth.about_review) {
        std::cmp::Ordering::Less => findings.lost.push(told),
        std::cmp::Ordering::Equal => {}
        std::cmp::Ordering::Greater => findings.doubled.push(told),
    }
    findings
}

/// Returns what must be stored. Of an erased person that is what was stored when the erasure came: events that come later change nothing,
/// and the provider knows nothing any more.
fn kept(truth: &Truth, history: &[Value]) -> Truth {
    let erasure = history.iter().find(|item| is_erasure(item));
    match erasure {
        Some(erasure) if truth.erased => Truth {
            status: match text(erasure, "to") {
                "approved" => "approved",
                _ => "pending",
            },
            decided_at: text(erasure, "decided_at").parse().ok(),
            ..truth.clone()
        },
        Some(_) | None => truth.clone(),
    }
}

impl Findings {
    /// Checks that the state is the one of the newest event.
    fn user(&mut self, truth: &Truth, user: &Value, polled: bool) {
        let name = (truth.status == "approved" && !truth.erased).then_some(truth.name.as_str());
        let reason = truth.reason.as_deref().unwrap_or_default();
        let mut expected = vec![("reason", reason)];
        if polled || name.is_none() || user.get("first_name").is_some() {
            expected.push(("first_name", name.unwrap_or_default()));
        }
        if truth.erased {
            expected.push(("applicant_id", ""));
        }
        if status(user) != truth.status {
            self.lost.push(format!(
                "the user is {} instead of {}",
                status(user),
                truth.status
            ));
        }
        for (attribute, expected) in expected {
            let stored = text(user, attribute);
            if stored != expected {
                self.lost
                    .push(format!("{attribute} is {stored:?} instead of {expected:?}"));
            }
        }
        let (stored, expected) = (number(user, "decided_at"), truth.decided_at);
        if stored != expected {
            self.lost
                .push(format!("decided_at is {stored:?} instead of {expected:?}"));
        }
    }

    /// Checks that the history is one path from `pending` to the state, without gaps, and advances the onboarding exactly once if the
    /// user was ever seen approved.
    fn history(&mut self, user: &Value, history: &[Value]) {
        let mut status = "pending";
        for (item, number) in history.iter().zip(1..) {
            let [from, to] = ["from", "to"].map(|name| text(item, name));
            if from != status {
                self.doubled
                    .push(format!("{number}: from {from}, but it was {status}"));
            }
            if from == to && item.get("onboarding_advanced_to").is_none() && !is_erasure(item) {
                self.doubled.push(format!("{number}: {to} twice"));
            }
            if self::number(item, "sequence") != Some(number) {
                self.lost.push(format!("{number}: another number"));
            }
            status = to;
        }
        let stored = self::status(user);
        if stored != status {
            self.lost
                .push(format!("history ends in {status}, the user is {stored}"));
        }
        let length = number(user, "history_sequence").unwrap_or_default();
        if usize::try_from(length) != Ok(history.len()) {
            self.lost.push(format!(
                "{length} history items are counted of {}",
                history.len()
            ));
        }

        let advances = history
            .iter()
            .filter(|item| item.get("onboarding_advanced_to").is_some())
            .count();
        let approved = history.iter().any(|item| text(item, "to") == "approved");
        let moved_on = text(user, "onboarding_step") != "kyc_verification";
        if advances > 1 || (advances == 1 && !approved) {
            self.doubled.push(format!("{advances} advances"));
        }
        if approved && advances == 0 || moved_on != (advances > 0) {
            self.lost.push(format!(
                "approved: {approved}, moved on: {moved_on}, in history {advances} times"
            ));
        }
    }
}

fn is_erasure(item: &Value) -> bool {
    text(item, "event") == "PersonErased"
}

/// Returns the status of a user's item, which leaves `pending` out.
fn status(user: &Value) -> &str {
    match text(user, "status") {
        "" => "pending",
        status => status,
    }
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap_or_default()
}

fn number(item: &Value, name: &str) -> Option<i64> {
    item[name]["N"]
        .as_str()
        .map(|digits| digits.parse().unwrap())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn truth() -> Truth {
        Truth {
            status: "approved",
            decided_at: Some(2000),
            reason: None,
            name: "Jane".to_owned(),
            erased: false,
            events: 1,
            about_review: 1,
        }
    }

    fn stored() -> Stored {
        let attribute = |text: &str| json!({ "S": text });
        let history = vec![
            json!({ "sequence": { "N": "1" }, "from": attribute("pending"), "to": attribute("in_progress") }),
            json!({ "sequence": { "N": "2" }, "from": attribute("in_progress"), "to": attribute("approved"),
                "onboarding_advanced_to": attribute("open_banking") }),
        ];
        let user = json!({ "status": attribute("approved"), "decided_at": { "N": "2000" }, "history_sequence": { "N": "2" },
            "first_name": attribute("Jane"), "onboarding_step": attribute("open_banking") });
        Stored {
            user: Some(user),
            history,
            events: 1,
        }
    }

    fn change(item: &mut Value, attribute: &str, value: &Value) {
        if value.is_null() {
            item.as_object_mut().unwrap().remove(attribute);
        } else {
            item[attribute] = value.clone();
        }
    }

    #[test]
    fn a_faultless_history_has_no_findings() {
        assert_eq!(check(&truth(), &stored(), true), Findings::default());
    }

    #[test]
    fn what_comes_after_an_erasure_changes_nothing() {
        let erased = Truth {
            erased: true,
            ..truth()
        };
        let text = |text: &str| json!({ "S": text });
        let mut overtaken = stored();
        overtaken.history[1] = json!({ "sequence": { "N": "2" }, "from": text("in_progress"), "to": text("pending"),
            "event": text("PersonErased"), "decided_at": text("") });
        overtaken.user = Some(
            json!({ "history_sequence": { "N": "2" }, "onboarding_step": text("kyc_verification") }),
        );
        assert_eq!(check(&erased, &overtaken, true), Findings::default());
        change(
            overtaken.user.as_mut().unwrap(),
            "status",
            &text("approved"),
        );
        assert!(!check(&erased, &overtaken, true).lost.is_empty());
    }

    #[test]
    fn lost_effects_are_found() {
        let text = |text: &str| json!({ "S": text });
        let of_the_user = [
            ("status", text("in_progress")),
            ("decided_at", Value::Null),
            ("first_name", text("Joan")),
            ("first_name", Value::Null),
            ("reason", text("Blurry.")),
            ("onboarding_step", text("kyc_verification")),
            ("history_sequence", json!({ "N": "1" })),
        ];
        let mut worlds = vec![
            Stored {
                user: None,
                ..stored()
            },
            Stored {
                events: 0,
                ..stored()
            },
        ];
        for (attribute, value) in of_the_user {
            let mut stored = stored();
            change(stored.user.as_mut().unwrap(), attribute, &value);
            worlds.push(stored);
        }
        for (attribute, value) in [
            ("onboarding_advanced_to", Value::Null),
            ("sequence", json!({ "N": "3" })),
        ] {
            let mut stored = stored();
            change(&mut stored.history[1], attribute, &value);
            worlds.push(stored);
        }
        for stored in worlds {
            let findings = check(&truth(), &stored, true);
            assert!(!findings.lost.is_empty(), "{stored:?}");
            assert_eq!(findings.doubled, [""; 0], "{stored:?}");
        }
    }

    #[test]
    fn doubled_effects_are_found() {
        let text = |text: &str| json!({ "S": text });
        let mut worlds = vec![Stored {
            events: 2,
            ..stored()
        }];
        for (item, attribute, value) in [
            (0, "onboarding_advanced_to", text("open_banking")),
            (1, "from", text("pending")),
        ] {
            let mut stored = stored();
            change(&mut stored.history[item], attribute, &value);
            worlds.push(stored);
        }
        for stored in worlds {
            let findings = check(&truth(), &stored, true);
            assert!(!findings.doubled.is_empty(), "{stored:?}");
            assert_eq!(findings.lost, [""; 0], "{stored:?}");
        }
    }
}
