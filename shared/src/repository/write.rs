//! Writing to the table: one item by itself, several all or none, and what it means when `DynamoDB` does not.

use std::error::Error;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};

use super::{CommitError, RepositoryError};

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

/// Writes all or nothing. Beside each write stands what it means when its condition does not hold.
pub(super) async fn write(
    client: &Client,
    mut writes: Vec<(Write, CommitError)>,
) -> Result<(), CommitError> {
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
                    Some(PutItemError::ConditionalCheckFailedException(_)) => refusal,
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
                    Some(UpdateItemError::ConditionalCheckFailedException(_)) => refusal,
                    _ => failed("UpdateItem", error).into(),
                })
        }
    }
}

async fn transact(
    client: &Client,
    writes: Vec<TransactWriteItem>,
    refusals: Vec<CommitError>,
) -> Result<(), CommitError> {
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

/// A request that could not even be made.
pub(super) fn invalid_request(error: BuildError) -> RepositoryError {
    RepositoryError::Dynamo {
        operation: "building a request",
        source: error.into(),
    }
}

/// A request that came to nothing, for other reasons than a condition.
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
        _ => RepositoryError::Dynamo {
            operation,
            source: error.into(),
        },
    }
}

/// What a cancelled transaction means. The reasons stand in the order of the writes; `refusals` says for each write what it
/// means that its condition did not hold. None: something else than conditions, conflicts and throttling.
fn refusal(
    cancelled: &TransactionCanceledException,
    refusals: Vec<CommitError>,
) -> Option<CommitError> {
    let reasons = cancelled.cancellation_reasons();
    let has = |code| reasons.iter().any(|reason| reason.code() == Some(code));
    let refused = reasons
        .iter()
        .zip(refusals)
        .filter(|(reason, _)| reason.code() == Some("ConditionalCheckFailed"))
        .map(|(_, refusal)| refusal);
    match refused.last() {
        // An event that was dealt with comes last, and makes the rest pointless.
        Some(refusal) => Some(refusal),
        None if has("TransactionConflict") => Some(CommitError::Conflict),
        None if has("ThrottlingError") || has("ProvisionedThroughputExceeded") => {
            Some(RepositoryError::Throttled.into())
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::CancellationReason;

    use super::*;

    fn cancelled(codes: [&str; 3]) -> Option<CommitError> {
        let reasons = codes.map(|code| CancellationReason::builder().code(code).build());
        let cancelled = TransactionCanceledException::builder()
            .set_cancellation_reasons(Some(reasons.to_vec()))
            .build();
        let refusals = vec![
            CommitError::Conflict,
            CommitError::Conflict,
            CommitError::Duplicate,
        ];
        refusal(&cancelled, refusals)
    }

    #[test]
    fn a_cancelled_transaction_is_understood_by_its_reasons() {
        const FAILED: &str = "ConditionalCheckFailed";
        for conflict in [[FAILED, "None", "None"], ["None", FAILED, "None"]] {
            assert!(matches!(cancelled(conflict), Some(CommitError::Conflict)));
        }
        for duplicate in [["None", "None", FAILED], [FAILED, "None", FAILED]] {
            assert!(matches!(cancelled(duplicate), Some(CommitError::Duplicate)));
        }
        let conflict = cancelled(["TransactionConflict", "None", "None"]);
        assert!(matches!(conflict, Some(CommitError::Conflict)));
        for code in ["ThrottlingError", "ProvisionedThroughputExceeded"] {
            let throttled = cancelled(["None", code, "None"]);
            assert!(matches!(
                throttled,
                Some(CommitError::Repository(RepositoryError::Throttled))
            ));
        }
        assert!(cancelled(["None", "ValidationError", "None"]).is_none());
    }
}
