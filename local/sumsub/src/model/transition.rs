//! The changes that actions make to an applicant.

use super::applicant::Image;
use super::{
    Action, ActionError, Applicant, ApplicantIds, ApplicantType, Change, Document, Event, Moment,
    Person, Review, ReviewResult, ReviewStatus, Submission,
};

/// Does something to an applicant, or to a new one if there is none.
pub(super) fn apply(
    current: Option<Applicant>,
    user: &str,
    action: Action,
    now: Moment,
    ids: &ApplicantIds,
    levels: &[String],
) -> Result<Change, ActionError> {
    let (mut applicant, mut events) = if let Some(applicant) = current {
        (applicant, Vec::new())
    } else {
        let (applicant, created) = create(user, &action, now, ids, levels)?;
        (applicant, vec![created])
    };
    let at = now.after(i64::from(!events.is_empty()));
    events.extend(applicant.apply(action, at, levels)?);
    Ok(Change { applicant, events })
}

impl Applicant {
    /// Creates an applicant who has not submitted anything. Returns it with the event that tells of it.
    #[must_use]
    pub fn create(
        user: &str,
        level: &str,
        applicant_type: ApplicantType,
        now: Moment,
        ids: &ApplicantIds,
    ) -> (Self, Event) {
        let applicant = Self {
            id: ids.applicant.clone(),
            inspection: ids.inspection.clone(),
            user: user.to_owned(),
            level: level.to_owned(),
            applicant_type,
            created: now,
            person: None,
            images: Vec::new(),
            review: Review {
                created: now,
                decided: None,
                status: ReviewStatus::Init,
                result: None,
            },
            deactivated: false,
            deleted: false,
        };
        let created = Event::new("applicantCreated", &applicant, now);
        (applicant, created)
    }

    /// Does something to the applicant at `at`. `levels` are those of the account. Returns the event that tells of it, if one does.
    ///
    /// # Errors
    /// Fails without a change if the action is not possible.
    pub fn apply(
        &mut self,
        action: Action,
        at: Moment,
        levels: &[String],
    ) -> Result<Option<Event>, ActionError> {
        let mut previous_level = None;
        let event_type = match action {
            Action::Start { .. } => None,
            Action::Submit(submission) => {
                submit(self, submission, at);
                Some("applicantPending")
            }
            Action::Review(result) => {
                decide(self, result.completed(), at);
                Some("applicantReviewed")
            }
            Action::Status(status) => {
                let event_type = event_type(status)?;
                self.review.status = status;
                event_type
            }
            Action::Reset => {
                discard(self);
                restart(self, at);
                Some("applicantReset")
            }
            Action::ResetSteps => {
                restart(self, at);
                Some("applicantStepsReset")
            }
            Action::FinishWorkflow if self.review.status != ReviewStatus::Completed => {
                return Err(ActionError::NoVerdict);
            }
            Action::FinishWorkflow => match &self.review.result {
                Some(result) if result.is_green() => Some("applicantWorkflowCompleted"),
                _ => Some("applicantWorkflowFailed"),
            },
            Action::ReviewAction(result) => {
                return Ok(Some(Event {
                    review_result: Some(result.completed()),
                    review_status: ReviewStatus::Completed,
                    ..Event::new("applicantActionReviewed", self, at)
                }));
            }
            Action::Correct(details) => {
                let person = self.person.take();
                let person = person.ok_or(ActionError::NothingSubmitted)?;
                self.person = Some(details.over(person));
                Some("applicantPersonalInfoChanged")
            }
            Action::Level(level) => {
                if !levels.contains(&level) {
                    return Err(ActionError::UnknownLevel);
                }
                restart(self, at);
                previous_level = Some(std::mem::replace(&mut self.level, level));
                Some("applicantLevelChanged")
            }
            Action::Deactivate => {
                self.deactivated = true;
                Some("applicantDeactivated")
            }
            Action::Activate => {
                self.deactivated = false;
                Some("applicantActivated")
            }
            Action::Delete => {
                erase(self);
                Some("applicantDeleted")
            }
            Action::DeletePersonalData => {
                erase(self);
                Some("applicantPersonalDataDeleted")
            }
        };
        Ok(event_type.map(|event_type| Event {
            previous_level_name: previous_level,
            ..Event::new(event_type, self, at)
        }))
    }
}

fn create(
    user: &str,
    action: &Action,
    now: Moment,
    ids: &ApplicantIds,
    levels: &[String],
) -> Result<(Applicant, Event), ActionError> {
    let (level, applicant_type) = match action {
        Action::Start {
            level,
            applicant_type,
        } => (level.as_ref(), *applicant_type),
        Action::Submit(_) => (None, ApplicantType::Individual),
        _ => return Err(ActionError::NoApplicant),
    };
    let level = level.or(levels.first());
    let level = level.filter(|level| levels.contains(level));
    let level = level.ok_or(ActionError::UnknownLevel)?;
    Ok(Applicant::create(user, level, applicant_type, now, ids))
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

/// Deactivates the images, which the provider never removes.
fn discard(applicant: &mut Applicant) {
    for image in &mut applicant.images {
        image.deactivated = true;
    }
    applicant.person = None;
}

fn erase(applicant: &mut Applicant) {
    applicant.person = None;
    applicant.images.clear();
    applicant.deleted = true;
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

fn event_type(status: ReviewStatus) -> Result<Option<&'static str>, ActionError> {
    match status {
        ReviewStatus::Pending => Ok(Some("applicantPending")),
        ReviewStatus::Queued => Ok(None),
        ReviewStatus::Prechecked => Ok(Some("applicantPrechecked")),
        ReviewStatus::OnHold => Ok(Some("applicantOnHold")),
        ReviewStatus::AwaitingUser => Ok(Some("applicantAwaitingUser")),
        ReviewStatus::AwaitingService => Ok(Some("applicantAwaitingService")),
        ReviewStatus::Init | ReviewStatus::Completed => Err(ActionError::UnreachableStatus),
    }
}
