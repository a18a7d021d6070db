//! The provider's JSON.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::applicant::{Answer, Applicant, LEVELS, Presence};
use crate::world::TimeForm;

/// Returns the result of a review, as events and reads show it.
fn result(applicant: &Applicant) -> Value {
    let Some(answer) = applicant.answer else {
        // A GREEN also rides on resets and paused checks.
        return json!({ "reviewAnswer": "GREEN" });
    };
    let mut result = match answer {
        Answer::Green => json!({ "reviewAnswer": "GREEN" }),
        Answer::Retry => json!({ "reviewAnswer": "RED", "reviewRejectType": "RETRY" }),
        Answer::Final => json!({ "reviewAnswer": "RED", "reviewRejectType": "FINAL" }),
        Answer::Odd => json!({ "reviewAnswer": "RED", "reviewRejectType": "EXTERNAL" }),
    };
    if let Some(comment) = &applicant.comment {
        result["moderationComment"] = comment.clone().into();
        result["clientComment"] = "on a list".into();
    }
    result
}

/// Returns the status on the wire. Old accounts complete a review in three ways.
fn status(applicant: &Applicant) -> &'static str {
    match (applicant.status, applicant.created_at % 10) {
        ("completed", 0) => "completedSent",
        ("completed", 1) => "completedSentFailure",
        (status, _) => status,
    }
}

/// Writes the event that tells of an applicant's present state. `missing` are members that are left out.
pub(crate) fn event(
    applicant: &Applicant,
    kind: &str,
    at: i64,
    form: TimeForm,
    missing: &[&str],
) -> String {
    let mut event = json!({
        "applicantId": applicant.id,
        "inspectionId": applicant.id,
        "applicantType": kind_of(applicant),
        "correlationId": "req-63f92830-4d68-4eee-98d5-875d53a12258",
        "levelName": LEVELS[applicant.level],
        "externalUserId": applicant.user,
        "type": kind,
        "sandboxMode": false,
        "reviewStatus": status(applicant),
        "reviewResult": result(applicant),
        "clientId": "example.com_1",
    });
    let members = event.as_object_mut().unwrap();
    members.extend(times(at, form));
    for name in missing {
        members.remove(*name);
    }
    format!("{event:#}")
}

fn kind_of(applicant: &Applicant) -> &'static str {
    if applicant.is_company {
        "company"
    } else {
        "individual"
    }
}

fn times(at: i64, form: TimeForm) -> Map<String, Value> {
    let seconds = text(at, ' ') + "+0000";
    let millis = format!("{}.{:03}", text(at, ' '), at.rem_euclid(1000));
    let (created, created_ms) = match form {
        TimeForm::Milliseconds => (json!(seconds), json!(millis)),
        TimeForm::Seconds => (json!(seconds), Value::Null),
        TimeForm::Zulu => (
            json!(format!("{}.{:03}Z", text(at, 'T'), at.rem_euclid(1000))),
            Value::Null,
        ),
        TimeForm::Offset => (json!(text(at, 'T') + "+00:00"), Value::Null),
        TimeForm::SpacedOffset => (json!(text(at, ' ') + " +0000"), Value::Null),
        TimeForm::Epoch => (json!(seconds), json!(at)),
        TimeForm::EpochText => (json!(seconds), json!(at.to_string())),
        // Exact: the number has 41 bits.
        #[expect(clippy::cast_precision_loss, reason = "the number has 41 bits")]
        TimeForm::EpochFloat => (json!(seconds), json!(at as f64)),
        TimeForm::Garbled => (json!(seconds), json!("yesterday")),
        TimeForm::None => (Value::Null, Value::Null),
    };
    let mut times = Map::new();
    times.insert("createdAt".to_owned(), created);
    times.insert("createdAtMs".to_owned(), created_ms);
    times.retain(|_, time| !time.is_null());
    times
}

/// Writes date and time of day in UTC, to the second.
fn text(at: i64, separator: char) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at.div_euclid(1000)).unwrap();
    let (date, (hour, minute, second)) = (at.date(), at.to_hms());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}")
}

/// Writes an applicant as a read shows it. `missing` are members that are left out.
pub(crate) fn applicant(applicant: &Applicant, missing: &[&str]) -> String {
    let mut review = json!({
        "levelName": LEVELS[applicant.level],
        "reviewStatus": status(applicant),
        "reviewResult": result(applicant),
    });
    if let Some(at) = applicant.reviewed_at {
        review["reviewDate"] = (text(at, ' ') + "+0000").into();
    }
    let mut answer = json!({
        "id": applicant.id,
        "createdAt": text(applicant.created_at, ' '),
        "externalUserId": applicant.user,
        "type": kind_of(applicant),
        "info": { "firstName": applicant.name, "lastName": "Smith", "country": "GBR" },
        "review": review,
    });
    if applicant.presence == Presence::Inactive {
        answer["deleted"] = true.into();
    }
    for name in missing {
        answer.as_object_mut().unwrap().remove(*name);
    }
    answer.to_string()
}

/// Writes the images that an applicant submitted: one passport, whose check ends with the review.
pub(crate) fn documents(applicant: &Applicant) -> String {
    let answer = match (applicant.is_completed(), applicant.answer) {
        (true, Some(Answer::Green)) => json!({ "reviewAnswer": "GREEN" }),
        (true, Some(_)) => json!({ "reviewAnswer": "RED" }),
        _ => json!({}),
    };
    let image = json!({
        "id": "449741312",
        "addedDate": text(applicant.created_at, ' '),
        "idDocDef": { "country": "GBR", "idDocType": "PASSPORT", "idDocSubType": "FRONT_SIDE" },
        "reviewResult": answer,
        "deactivated": false,
        "fileMetadata": { "fileName": "jane-smith.jpg" },
    });
    json!({ "items": [image], "totalItems": 1 }).to_string()
}
