//! Events and their form on the wire: the bodies of webhooks.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use serde_json::{Value, json};

use super::{Applicant, ApplicantType, Moment, ReviewResult, ReviewStatus};

/// An event: the applicant as it was at that moment. The members have the order of the wire.
///
/// All of them can be changed before the event is sent. The times, for instance, can have another form, or none.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The time. The other members hold it in the forms of the wire.
    #[serde(skip)]
    pub at: Moment,
    /// The id that the provider gave.
    pub applicant_id: String,
    /// The id of the inspection.
    pub inspection_id: String,
    /// The type of the applicant.
    pub applicant_type: ApplicantType,
    /// An id for support. Empty until the sender sets it.
    pub correlation_id: String,
    /// The verification level.
    pub level_name: String,
    /// The event comes from the sandbox.
    pub sandbox_mode: bool,
    /// The external user id.
    pub external_user_id: String,
    /// The type of the event.
    #[serde(rename = "type")]
    pub event_type: &'static str,
    /// The verdict, or the previous one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_result: Option<ReviewResult>,
    /// The status of the review.
    pub review_status: ReviewStatus,
    /// The time in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Value>,
    /// The time in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at_ms: Option<Value>,
    /// The id of the provider's customer.
    pub client_id: &'static str,
    /// The level before a change of the level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_level_name: Option<String>,
}

impl Event {
    pub(crate) fn new(event_type: &'static str, applicant: &Applicant, at: Moment) -> Self {
        Self {
            at,
            applicant_id: applicant.id.clone(),
            inspection_id: applicant.inspection.clone(),
            applicant_type: applicant.applicant_type,
            correlation_id: String::new(),
            level_name: applicant.level.clone(),
            sandbox_mode: true,
            external_user_id: applicant.user.clone(),
            event_type,
            review_result: applicant.review.result.clone(),
            review_status: applicant.review.status,
            created_at: Some(json!(at.zoned())),
            created_at_ms: Some(json!(at.with_millis())),
            client_id: "simulator.local_1",
            previous_level_name: None,
        }
    }

    /// Returns the body of the webhook, byte for byte as the provider writes it.
    ///
    /// # Errors
    /// Never fails, since all members are JSON.
    pub fn body(&self) -> serde_json::Result<Vec<u8>> {
        to_wire(self)
    }
}

/// Serializes JSON as the provider does.
pub(crate) fn to_wire(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(
        &mut bytes,
        WireFormatter::default(),
    ))?;
    Ok(bytes)
}

/// A formatter that writes a member per line, with ` : ` after its name, and arrays on one line.
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
