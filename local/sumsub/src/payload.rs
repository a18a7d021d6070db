//! The body of a webhook, byte for byte as the provider writes it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::applicants::{Applicant, Event, ReviewResult, ReviewStatus};

/// In the order of the members on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    applicant_id: &'a str,
    inspection_id: &'a str,
    applicant_type: &'a str,
    correlation_id: String,
    level_name: &'a str,
    sandbox_mode: bool,
    external_user_id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    review_result: Option<&'a ReviewResult>,
    review_status: ReviewStatus,
    created_at: String,
    created_at_ms: String,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_level_name: Option<&'a str>,
}

/// The body that tells of an event.
pub(crate) fn event(
    applicant: &Applicant,
    event: &Event,
    correlation_id: String,
) -> serde_json::Result<Vec<u8>> {
    to_wire(&Payload {
        applicant_id: &applicant.id,
        inspection_id: &applicant.inspection,
        applicant_type: "individual",
        correlation_id,
        level_name: &applicant.level,
        sandbox_mode: true,
        external_user_id: &applicant.user,
        kind: event.kind,
        review_result: event.result.as_ref(),
        review_status: event.status,
        created_at: event.at.zoned(),
        created_at_ms: event.at.with_millis(),
        client_id: "simulator.local_1",
        previous_level_name: event.previous_level.as_deref(),
    })
}

/// Writes JSON the way the provider does.
pub(crate) fn to_wire(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(
        &mut bytes,
        WireFormatter::default(),
    ))?;
    Ok(bytes)
}

/// Objects over several lines with ` : ` after a name, arrays on one line.
#[derive(Default)]
struct WireFormatter(PrettyFormatter<'static>);

impl Formatter for WireFormatter {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b" ]")
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        writer.write_all(if first { b" " } else { b", " })
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b" : ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::signature::{digest, key};

    /// A real delivery's layout, golden digest and all: a RED with comments, labels and an empty list.
    #[test]
    fn layout_is_the_providers() {
        let result = ReviewResult {
            moderation_comment: Some("We could not verify your profile.\n\n".to_owned()),
            client_comment: Some("Suspected fraudulent account.\n".to_owned()),
            review_answer: "RED".to_owned(),
            reject_labels: Some(vec!["FORGERY".to_owned(), "GRAPHIC_EDITOR".to_owned()]),
            review_reject_type: Some("FINAL".to_owned()),
            button_ids: Some(Vec::new()),
        };
        let body = to_wire(&Payload {
            applicant_id: "65abc123def4560000000000",
            inspection_id: "65abc123def4560000000000",
            applicant_type: "individual",
            correlation_id: "2e95d53348840f5f85bddc32a20f6abd".to_owned(),
            level_name: "basic-kyc-level",
            sandbox_mode: false,
            external_user_id: "usr_abc123",
            kind: "applicantReviewed",
            review_result: Some(&result),
            review_status: ReviewStatus::Completed,
            created_at: "2024-01-01 00:00:00+0000".to_owned(),
            created_at_ms: "2024-01-01 00:00:00.789".to_owned(),
            client_id: "example.com_1",
            previous_level_name: None,
        })
        .unwrap();

        assert_eq!(body.len(), 753);
        assert_eq!(
            digest(&key("unit-test-secret-not-real"), &body),
            "4495e380d021a9451343568ccd83b44855f7fa72cf724b3bee78bedbd6eca8d7",
        );
    }
}
