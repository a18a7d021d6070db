//! Whether what is stored of a user is what must be: nothing lost, nothing doubled.

use serde_json::Value;

use super::provider::Truth;

/// What is wrong with a user.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What should have had an effect and has none, or one that something older has taken away.
    pub lost: Vec<String>,
    /// What had its effect more than once.
    pub doubled: Vec<String>,
}

/// Compares the items of one user, in the form of `DynamoDB`'s API and in the order of their keys, with what happened at the
/// provider. A name may be missing unless the user was `polled` since.
pub fn check(truth: &Truth, items: &[Value], polled: bool) -> Findings {
    let mut findings = Findings::default();
    let of_kind = |kind: &'static str| {
        items
            .iter()
            .filter(move |item| text(item, "sk").starts_with(kind))
    };
    let Some(user) = of_kind("USER").next() else {
        findings.lost.push("there is no user".to_owned());
        return findings;
    };
    findings.user(truth, user, polled);
    findings.history(user, &of_kind("HISTORY#").collect::<Vec<_>>());

    let remembered = of_kind("EVENT#").count();
    let told = format!("{remembered} events are remembered of {}", truth.events);
    match remembered.cmp(&truth.events) {
        std::cmp::Ordering::Less => findings.lost.push(told),
        std::cmp::Ordering::Equal => {}
        std::cmp::Ordering::Greater => findings.doubled.push(told),
    }
    findings
}

impl Findings {
    /// The state is what the newest event says.
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

    /// The history is one path from `pending` to the state, never back in time, and advances the onboarding exactly once if
    /// the user was ever seen approved.
    fn history(&mut self, user: &Value, history: &[&Value]) {
        let (mut status, mut version, mut observed_at) = ("pending", 0, None);
        for item in history {
            let [sk, from, to] = ["sk", "from", "to"].map(|name| text(item, name));
            if from != status {
                self.doubled
                    .push(format!("{sk}: from {from}, but it was {status}"));
            }
            if from == to && item.get("onboarding_advanced_to").is_none() {
                self.doubled.push(format!("{sk}: {to} twice"));
            }
            let its_version: i64 = sk["HISTORY#".len()..].parse().unwrap();
            if its_version <= version {
                self.doubled.push(format!("{sk}: after version {version}"));
            }
            let its_observation = number(item, "observed_at");
            if its_observation < observed_at {
                self.lost.push(format!(
                    "{sk}: {to} is older than the {status} that it replaces"
                ));
            }
            (status, version, observed_at) = (to, its_version, its_observation);
        }
        let stored = self::status(user);
        if stored != status {
            self.lost
                .push(format!("history ends in {status}, the user is {stored}"));
        }
        if number(user, "version") < Some(version) {
            self.lost
                .push(format!("the user is older than version {version}"));
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

/// How often the history of these items reaches a status.
pub fn transitions_to(status: &str, items: &[Value]) -> usize {
    let of_history = |item: &&Value| text(item, "sk").starts_with("HISTORY#");
    items
        .iter()
        .filter(of_history)
        .filter(|item| text(item, "to") == status)
        .count()
}

/// A text attribute; empty if there is none.
/// The status of a user's item, which leaves `pending` out.
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
        }
    }

    fn items() -> Vec<Value> {
        let attribute = |text: &str| json!({ "S": text });
        let advance = attribute("open_banking");
        vec![
            json!({ "sk": attribute("EVENT#1") }),
            json!({ "sk": attribute("HISTORY#0000000002"), "from": attribute("pending"), "to": attribute("in_progress"),
                "observed_at": { "N": "1500" } }),
            json!({ "sk": attribute("HISTORY#0000000003"), "from": attribute("in_progress"), "to": attribute("approved"),
                "onboarding_advanced_to": advance, "observed_at": { "N": "2100" } }),
            json!({ "sk": attribute("USER"), "status": attribute("approved"), "version": { "N": "3" }, "decided_at": { "N": "2000" },
                "first_name": attribute("Jane"), "onboarding_step": attribute("open_banking") }),
        ]
    }

    /// What is found after one attribute of one item has another value.
    fn after(item: usize, attribute: &str, value: Value) -> Findings {
        let mut items = items();
        if value.is_null() {
            items[item].as_object_mut().unwrap().remove(attribute);
        } else {
            items[item][attribute] = value;
        }
        check(&truth(), &items, true)
    }

    #[test]
    fn nothing_is_wrong() {
        assert_eq!(check(&truth(), &items(), true), Findings::default());
        assert_eq!(transitions_to("approved", &items()), 1);
    }

    #[test]
    fn what_is_lost_is_found() {
        let text = |text: &str| json!({ "S": text });
        let losses = [
            (0, "sk", text("OTHER")),
            (2, "onboarding_advanced_to", Value::Null),
            (2, "observed_at", json!({ "N": "1400" })),
            (3, "sk", text("OTHER")),
            (3, "status", text("in_progress")),
            (3, "decided_at", Value::Null),
            (3, "first_name", text("Joan")),
            (3, "first_name", Value::Null),
            (3, "reason", text("Blurry.")),
            (3, "onboarding_step", text("kyc_verification")),
            (3, "version", json!({ "N": "2" })),
        ];
        for (item, attribute, value) in losses {
            let findings = after(item, attribute, value);
            assert!(!findings.lost.is_empty(), "{item} {attribute}");
            assert_eq!(findings.doubled, [""; 0], "{item} {attribute}");
        }
    }

    #[test]
    fn what_is_doubled_is_found() {
        let text = |text: &str| json!({ "S": text });
        let doubles = [
            (0, "sk", text("EVENT#1"), 2),
            (1, "onboarding_advanced_to", text("open_banking"), 1),
            (2, "from", text("pending"), 1),
            (2, "sk", text("HISTORY#0000000002"), 1),
        ];
        for (item, attribute, value, times) in doubles {
            let mut items = items();
            items[item][attribute] = value;
            let item = items[item].clone();
            items.extend(vec![item; times - 1]);
            let findings = check(&truth(), &items, true);
            assert!(!findings.doubled.is_empty(), "{attribute}");
            assert_eq!(findings.lost, [""; 0], "{attribute}");
        }
    }
}
