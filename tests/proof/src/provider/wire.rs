//! The provider's JSON, in the forms that the simulator's model does not write.

use serde_json::{Value, json};
use sumsub_simulator::model::{Applicant, Event, Moment};

use crate::world::TimeForm;

/// Writes an event that was created at `at`. `missing` are members that are left out.
pub(crate) fn event(event: &Event, at: i64, form: TimeForm, missing: &[&str]) -> String {
    let (created_at, created_at_ms) = times(at, form);
    let event = Event {
        correlation_id: "req-63f92830-4d68-4eee-98d5-875d53a12258".to_owned(),
        sandbox_mode: false,
        created_at,
        created_at_ms,
        ..event.clone()
    };
    let mut shown = serde_json::to_value(&event).unwrap();
    complete_as_old_account(&mut shown["reviewStatus"], &event.applicant_id);
    leave_out(&mut shown, missing);
    format!("{shown:#}")
}

/// Writes an applicant as a read shows it. `missing` are members that are left out.
pub(crate) fn applicant(applicant: &Applicant, shows_date: bool, missing: &[&str]) -> String {
    let mut shown = applicant.json();
    let review = &mut shown["review"];
    complete_as_old_account(&mut review["reviewStatus"], &applicant.id);
    if !shows_date {
        leave_out(review, &["reviewDate"]);
    }
    leave_out(&mut shown, missing);
    shown.to_string()
}

/// Completes a review in one of the three ways of old accounts, chosen by the applicant's id.
fn complete_as_old_account(status: &mut Value, applicant: &str) {
    let old = match applicant.chars().last() {
        Some('5' | 'a') => "completedSent",
        Some('6' | 'b') => "completedSentFailure",
        _ => return,
    };
    if *status == "completed" {
        *status = old.into();
    }
}

fn leave_out(object: &mut Value, members: &[&str]) {
    let object = object.as_object_mut().unwrap();
    object.retain(|name, _| !members.contains(&name.as_str()));
}

fn times(at: i64, form: TimeForm) -> (Option<Value>, Option<Value>) {
    let moment = Moment::from_millis(at);
    let (zoned, millis) = (moment.zoned(), moment.with_millis());
    let with_t = |text: String| text.replace(' ', "T");
    match form {
        TimeForm::Milliseconds => (Some(json!(zoned)), Some(json!(millis))),
        TimeForm::Seconds => (Some(json!(zoned)), None),
        TimeForm::Zulu => (Some(json!(with_t(millis) + "Z")), None),
        TimeForm::Offset => (Some(json!(with_t(moment.plain()) + "+00:00")), None),
        TimeForm::SpacedOffset => (Some(json!(moment.plain() + " +0000")), None),
        TimeForm::Epoch => (Some(json!(zoned)), Some(json!(at))),
        TimeForm::EpochText => (Some(json!(zoned)), Some(json!(at.to_string()))),
        #[expect(clippy::cast_precision_loss, reason = "the number has 41 bits")]
        TimeForm::EpochFloat => (Some(json!(zoned)), Some(json!(at as f64))),
        TimeForm::Garbled => (Some(json!(zoned)), Some(json!("yesterday"))),
        TimeForm::None => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The forms that the provider's documentation and public integrations show.
    #[test]
    fn times_have_the_forms_that_were_seen() {
        let at = 1_706_898_717_182;
        let zoned = || Some(json!("2024-02-02 18:31:57+0000"));
        let forms = [
            (
                TimeForm::Milliseconds,
                zoned(),
                Some(json!("2024-02-02 18:31:57.182")),
            ),
            (TimeForm::Seconds, zoned(), None),
            (
                TimeForm::Zulu,
                Some(json!("2024-02-02T18:31:57.182Z")),
                None,
            ),
            (
                TimeForm::Offset,
                Some(json!("2024-02-02T18:31:57+00:00")),
                None,
            ),
            (
                TimeForm::SpacedOffset,
                Some(json!("2024-02-02 18:31:57 +0000")),
                None,
            ),
            (TimeForm::Epoch, zoned(), Some(json!(at))),
            (TimeForm::EpochText, zoned(), Some(json!("1706898717182"))),
            (
                TimeForm::EpochFloat,
                zoned(),
                Some(json!(1_706_898_717_182.0)),
            ),
            (TimeForm::Garbled, zoned(), Some(json!("yesterday"))),
            (TimeForm::None, None, None),
        ];
        for (form, created_at, created_at_ms) in forms {
            assert_eq!(times(at, form), (created_at, created_at_ms), "{form:?}");
        }
    }
}
