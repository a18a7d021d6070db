//! Writes: one item by itself, several all or none, and the meaning of a refusal.

use std::error::Error;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};

use super::RepositoryError;

/// The condition that did not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The user was stored by somebody else since it was loaded.
    User,
    /// The history has an item of that number.
    History,
    /// The event was dealt with already.
    Event,
}

/// A write that was not made.
#[derive(Debug)]
pub(super) enum WriteError {
    /// A condition did not hold.
    Refused(Refusal),
    /// DynamoDB could not be used.
    Failed(RepositoryError),
}

impl From<RepositoryError> for WriteError {
    fn from(error: RepositoryError) -> Self {
        Self::Failed(error)
    }
}

/// A write of one item.
pub(super) enum Write {
    Put(Put),
    Update(Update),
}

impl Write {
    fn in_transaction(self) -> TransactWriteItem {
        let item = TransactWriteItem::builder();
        match self {
            Self::Put(put) => item.put(put).build(),
            Self::Update(update) => item.update(update).build(),
        }
    }
}

/// Writes all or nothing. Beside each write stands the refusal that its condition means.
pub(super) async fn write(
    client: &Client,
    mut writes: Vec<(Write, Refusal)>,
) -> Result<(), WriteError> {
    if writes.len() > 1 {
        let (writes, refusals) = writes
            .into_iter()
            .map(|(write, refusal)| (write.in_transaction(), refusal))
            .unzip();
        return transact(client, writes, refusals).await;
    }
    match writes.pop() {
        None => Ok(()),
        Some((Write::Put(put), refusal)) => {
            let request = client.put_item();
            let request = request.table_name(put.table_name).set_item(Some(put.item));
            let request = request.set_condition_expression(put.condition_expression);
            let request = request.set_expression_attribute_values(put.expression_attribute_values);
            let answer = request.send().await;
            answer
                .map(|_| ())
                .map_err(|error| match error.as_service_error() {
                    Some(PutItemError::ConditionalCheckFailedException(_)) => {
                        WriteError::Refused(refusal)
                    }
                    Some(PutItemError::TransactionConflictException(_)) => {
                        WriteError::Refused(Refusal::User)
                    }
                    _ => failed("PutItem", error).into(),
                })
        }
        Some((Write::Update(update), refusal)) => {
            let request = client.update_item().table_name(update.table_name);
            let request = request.set_key(Some(update.key));
            let request = request.update_expression(update.update_expression);
            let request = request.set_condition_expression(update.condition_expression);
            let request = request.set_expression_attribute_names(update.expression_attribute_names);
            let request =
                request.set_expression_attribute_values(update.expression_attribute_values);
            let answer = request.send().await;
            answer
                .map(|_| ())
                .map_err(|error| match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(_)) => {
                        WriteError::Refused(refusal)
                    }
                    // Somebody else's transaction writes the item at this moment.
                    Some(UpdateItemError::TransactionConflictException(_)) => {
                        WriteError::Refused(Refusal::User)
                    }
                    _ => failed("UpdateItem", error).into(),
                })
        }
    }
}

async fn transact(
    client: &Client,
    writes: Vec<TransactWriteItem>,
    refusals: Vec<Refusal>,
) -> Result<(), WriteError> {
    let request = client
        .transact_write_items()
        .set_transact_items(Some(writes));
    request.send().await.map(|_| ()).map_err(|error| {
        let refused = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                refusal(cancelled, refusals)
            }
            _ => None,
        };
        refused.unwrap_or_else(|| failed("TransactWriteItems", error).into())
    })
}

/// Makes the error of a request that could not even be built.
pub(super) fn invalid_request(error: BuildError) -> RepositoryError {
    RepositoryError::Dynamo {
        operation: "building a request",
        source: error.into(),
    }
}

/// Makes the error of a request that failed for another reason than its condition.
pub(super) fn failed<E>(operation: &'static str, error: SdkError<E>) -> RepositoryError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    const THROTTLED: [&str; 4] = [
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingError",
        "ThrottlingException",
    ];
    match (&error, error.code()) {
        (SdkError::TimeoutError(_), _) => RepositoryError::TimedOut { operation },
        (_, Some(code)) if THROTTLED.contains(&code) => RepositoryError::Throttled,
        (_, Some("ValidationException")) => RepositoryError::Invalid {
            operation,
            source: error.into(),
        },
        _ => RepositoryError::Dynamo {
            operation,
            source: error.into(),
        },
    }
}

/// Reasons of a cancelled transaction that pass (`TransactWriteItems` in the API reference): others write the item, or there is no capacity.
const PASSING: [&str; 3] = [
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
];

/// Returns the meaning of a cancelled transaction. The reasons stand in the order of the writes, as do the `refusals`. `None`:
/// something else than conditions, conflicts and throttling.
fn refusal(cancelled: &TransactionCanceledException, refusals: Vec<Refusal>) -> Option<WriteError> {
    let reasons = cancelled.cancellation_reasons();
    let has = |code| reasons.iter().any(|reason| reason.code() == Some(code));
    let refused: Vec<Refusal> = reasons
        .iter()
        .zip(refusals)
        .filter(|(reason, _)| reason.code() == Some("ConditionalCheckFailed"))
        .map(|(_, refusal)| refusal)
        .collect();
    // An event that was dealt with makes the rest pointless. Whoever changed the user meanwhile may also have written the
    // history item, so that this alone says that the user's item is not the one that the history belongs to.
    let first = [Refusal::Event, Refusal::User, Refusal::History]
        .into_iter()
        .find(|refusal| refused.contains(refusal));
    match first {
        Some(refusal) => Some(WriteError::Refused(refusal)),
        // Nothing was written. As after a lost race, the change is tried again after a while: the SDK repeats throttled requests, but
        // no cancelled transactions.
        None if PASSING.iter().any(|code| has(code)) => Some(WriteError::Refused(Refusal::User)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::CancellationReason;

    use super::*;

    fn cancelled(codes: [&str; 3]) -> Option<WriteError> {
        let reasons = codes.map(|code| CancellationReason::builder().code(code).build());
        let cancelled = TransactionCanceledException::builder()
            .set_cancellation_reasons(Some(reasons.to_vec()))
            .build();
        let refusals = vec![Refusal::User, Refusal::History, Refusal::Event];
        refusal(&cancelled, refusals)
    }

    #[test]
    fn a_cancelled_transaction_is_understood_by_its_reasons() {
        const FAILED: &str = "ConditionalCheckFailed";
        for (codes, refusal) in [
            ([FAILED, "None", "None"], Refusal::User),
            ([FAILED, FAILED, "None"], Refusal::User),
            (["None", FAILED, "None"], Refusal::History),
            (["None", "None", FAILED], Refusal::Event),
            ([FAILED, FAILED, FAILED], Refusal::Event),
            (["TransactionConflict", "None", "None"], Refusal::User),
            (["None", "ThrottlingError", "None"], Refusal::User),
            (
                ["None", "ProvisionedThroughputExceeded", "None"],
                Refusal::User,
            ),
        ] {
            let refused = cancelled(codes);
            assert!(
                matches!(refused, Some(WriteError::Refused(found)) if found == refusal),
                "{codes:?}"
            );
        }
        assert!(cancelled(["None", "ValidationError", "None"]).is_none());
    }
}
