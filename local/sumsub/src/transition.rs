//! How an applicant changes. Pure: time and ids are passed in, nothing is stored or sent.

use crate::applicants::{
    Applicant, BASIC_LEVEL, Change, Document, Event, Identity, Image, Outcome, Person, Refused,
    Review, ReviewResult, ReviewStatus, Submission, is_level,
};
use crate::clock::Moment;

/// The one way an applicant changes.
pub(crate) fn apply(
    current: Option<Applicant>,
    user: &str,
    change: Change,
    now: Moment,
    identity: &Identity,
) -> Result<Outcome, Refused> {
    let (mut applicant, mut events) = match (current, &change) {
        (Some(applicant), _) => (applicant, Vec::new()),
        (None, Change::Start { level }) => create(user, level.as_deref(), now, identity)?,
        (None, Change::Submit(_)) => create(user, None, now, identity)?,
        (None, _) => return Err(Refused::NoApplicant),
    };
    let at = now.after(i64::from(!events.is_empty()));
    let mut previous_level = None;
    let kind = match change {
        Change::Start { .. } => None,
        Change::Submit(submission) => {
            submit(&mut applicant, submission, at);
            Some("applicantPending")
        }
        Change::Review(result) => {
            decide(&mut applicant, result.completed(), at);
            Some("applicantReviewed")
        }
        Change::Status(status) => {
            let kind = event_of(status)?;
            applicant.review.status = status;
            kind
        }
        Change::Reset => {
            discard(&mut applicant);
            restart(&mut applicant, at);
            Some("applicantReset")
        }
        Change::Correct(details) => {
            let person = applicant.person.take().ok_or(Refused::NothingSubmitted)?;
            applicant.person = Some(details.over(person));
            Some("applicantPersonalInfoChanged")
        }
        Change::Level(level) => {
            if !is_level(&level) {
                return Err(Refused::UnknownLevel);
            }
            restart(&mut applicant, at);
            previous_level = Some(std::mem::replace(&mut applicant.level, level));
            Some("applicantLevelChanged")
        }
        Change::Delete => {
            applicant.person = None;
            applicant.images.clear();
            applicant.deleted = true;
            Some("applicantDeleted")
        }
    };
    if let Some(kind) = kind {
        events.push(event(kind, &applicant, at, previous_level));
    }
    Ok(Outcome { applicant, events })
}

fn create(
    user: &str,
    level: Option<&str>,
    now: Moment,
    identity: &Identity,
) -> Result<(Applicant, Vec<Event>), Refused> {
    let level = level.unwrap_or(BASIC_LEVEL);
    if !is_level(level) {
        return Err(Refused::UnknownLevel);
    }
    let applicant = Applicant {
        id: identity.applicant.clone(),
        inspection: identity.inspection.clone(),
        user: user.to_owned(),
        level: level.to_owned(),
        created: now,
        person: None,
        images: Vec::new(),
        review: Review {
            created: now,
            decided: None,
            status: ReviewStatus::Init,
            result: None,
        },
        deleted: false,
    };
    let created = event("applicantCreated", &applicant, now, None);
    Ok((applicant, vec![created]))
}

fn submit(applicant: &mut Applicant, submission: Submission, at: Moment) {
    let before = applicant.person.clone().unwrap_or_else(|| Person {
        first_name: "Jane".to_owned(),
        last_name: "Smith".to_owned(),
        dob: "1990-05-15".to_owned(),
        nationality: "GBR".to_owned(),
        country: "GBR".to_owned(),
    });
    let person = submission.details.over(before);
    let mut documents = submission.documents;
    if documents.is_empty() {
        documents.push(Document {
            id_doc_type: "PASSPORT".to_owned(),
            country: None,
        });
    }
    if documents.iter().all(|shown| shown.id_doc_type != "SELFIE") {
        documents.push(Document {
            id_doc_type: "SELFIE".to_owned(),
            country: None,
        });
    }
    discard(applicant);
    let shown = documents.into_iter().flat_map(|document| {
        let country = document.country.unwrap_or_else(|| person.country.clone());
        sides(&document.id_doc_type).iter().map(move |side| {
            (
                document.id_doc_type.clone(),
                side.map(str::to_owned),
                country.clone(),
            )
        })
    });
    let ids = at.millis().saturating_mul(100)..;
    applicant
        .images
        .extend(ids.zip(shown).map(|(id, (doc_type, side, country))| Image {
            id,
            added: at,
            doc_type,
            side,
            country,
            answer: None,
            deactivated: false,
        }));
    applicant.person = Some(person);
    applicant.review = Review {
        created: at,
        decided: None,
        status: ReviewStatus::Pending,
        result: None,
    };
}

fn sides(doc_type: &str) -> &'static [Option<&'static str>] {
    match doc_type {
        "PASSPORT" => &[Some("FRONT_SIDE")],
        "ID_CARD" | "DRIVERS" | "RESIDENCE_PERMIT" => &[Some("FRONT_SIDE"), Some("BACK_SIDE")],
        _ => &[None],
    }
}

fn decide(applicant: &mut Applicant, result: ReviewResult, at: Moment) {
    for image in applicant
        .images
        .iter_mut()
        .filter(|image| !image.deactivated)
    {
        image.answer = Some(result.review_answer.clone());
    }
    applicant.review.status = ReviewStatus::Completed;
    applicant.review.decided = Some(at);
    applicant.review.result = Some(result);
}

/// Images are never taken away, only put out of use.
fn discard(applicant: &mut Applicant) {
    for image in &mut applicant.images {
        image.deactivated = true;
    }
    applicant.person = None;
}

fn restart(applicant: &mut Applicant, at: Moment) {
    applicant.review = Review {
        created: at,
        decided: None,
        status: ReviewStatus::Init,
        result: applicant
            .review
            .result
            .take()
            .filter(ReviewResult::is_green),
    };
}

fn event_of(status: ReviewStatus) -> Result<Option<&'static str>, Refused> {
    match status {
        ReviewStatus::Pending => Ok(Some("applicantPending")),
        ReviewStatus::Queued => Ok(None),
        ReviewStatus::Prechecked => Ok(Some("applicantPrechecked")),
        ReviewStatus::OnHold => Ok(Some("applicantOnHold")),
        ReviewStatus::AwaitingUser => Ok(Some("applicantAwaitingUser")),
        ReviewStatus::AwaitingService => Ok(Some("applicantAwaitingService")),
        ReviewStatus::Init | ReviewStatus::Completed => Err(Refused::UnreachableStatus),
    }
}

fn event(
    kind: &'static str,
    applicant: &Applicant,
    at: Moment,
    previous_level: Option<String>,
) -> Event {
    Event {
        kind,
        at,
        status: applicant.review.status,
        result: applicant.review.result.clone(),
        previous_level,
    }
}
