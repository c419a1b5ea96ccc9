//! Streams of events that outlive the decision: who may not see any more is cut off.

use super::table::Rule;
use super::visitor::Visitor;
use super::{BELIEVED_FOR, Gate, Names};
use axum::body::Body;
use axum::response::Response;
use futures_util::StreamExt as _;

/// Ends the answer once its visitor would be refused.
pub(super) fn while_allowed(response: Response, gate: Gate, visitor: Visitor, rule: Rule, names: Names) -> Response {
    let refused = Box::pin(async move {
        loop {
            tokio::time::sleep(BELIEVED_FOR).await;
            // A catalogue that does not answer takes nobody's right away.
            if gate.again(&visitor, rule, &names).await == Some(false) {
                return;
            }
        }
    });
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(refused)))
}
