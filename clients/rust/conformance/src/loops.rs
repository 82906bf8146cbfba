//! The samples' loops as operations.
use std::time::Duration;

use ai_socket_registry::tonic::Code;
use ai_socket_registry::v1::{CreateRequest, Message, ReadRequest};
use samples::agent::{self, Answer};
use samples::messages::Messages;
use serde_json::{json, Value};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::json::{from_json, message_of, number, to_json};
use crate::operation::{Failure, Items, Operation, Settled};

/// The loop over messages. Its body returns at once, or, with `manual`, when it is told to.
pub async fn messages(mut operation: Operation, items: Items) -> Result<Value, Failure> {
    let count = number(&operation.args["count"]).unwrap_or(u64::MAX);
    let is_manual = operation.args["manual"] == true;
    let mut messages = Messages::read(operation.client.clone(), request_of(&operation.args)?);
    let mut handled = 0;
    while handled < count {
        let next = tokio::select! {
            next = messages.next() => next,
            _ = &mut operation.cancelled => return cancelled(messages).await,
        };
        let Some(message) = next else { break };
        items.tell(json!({ "message": to_json(message_of("Message"), &message) }));
        let is_done = tokio::select! {
            is_done = body(&mut operation.settled, &message), if is_manual => is_done,
            _ = &mut operation.cancelled, if is_manual => {
                messages.nack(&message, Duration::ZERO);
                return cancelled(messages).await;
            }
            else => true,
        };
        if is_done {
            messages.ack(&message);
            handled += 1;
        } else {
            messages.nack(&message, Duration::ZERO);
        }
    }
    messages.close().await?;
    Ok(json!({ "handled": handled }))
}

/// The request without what the driver makes of it.
fn request_of(args: &Value) -> Result<ReadRequest, Failure> {
    let mut request = args.clone();
    if let Some(fields) = request.as_object_mut() {
        fields.retain(|field, _| field != "count" && field != "manual");
    }
    from_json(message_of("ReadRequest"), request)
}

/// Waits for the word on this message. None will come when standard input has ended.
async fn body(settled: &mut UnboundedReceiver<Settled>, message: &Message) -> bool {
    while let Some(word) = settled.recv().await {
        if word.sequence == message.sequence {
            return word.is_done;
        }
    }
    false
}

async fn cancelled(messages: Messages) -> Result<Value, Failure> {
    messages.close().await?;
    Err(Failure::of(Code::Cancelled))
}

/// The agent, which answers with what it was told and the content, and fails for some contents at first.
pub async fn agent(operation: Operation, items: Items) -> Result<Value, Failure> {
    let text = |name: &str| operation.args[name].as_str().unwrap_or_default().to_owned();
    let agent = CreateRequest { socket_id: text("socket_id"), model: text("model"), ..Default::default() };
    let answer = text("answer");
    let handler = |message: Message| {
        let attempt = message.delivery_attempt;
        items.tell(json!({ "content": message.content, "attempt": attempt }));
        let answer: Answer = match message.content.starts_with("fail") && attempt == 1 {
            true => Err("this content fails at first".into()),
            false => Ok(Some(format!("{answer} {}", message.content))),
        };
        async { answer }
    };
    let mut is_left = false;
    let stop = async {
        _ = operation.cancelled.await;
        is_left = true;
    };
    agent::run(operation.client, agent, handler, stop).await?;
    Ok(json!({ "ended": if is_left { "left" } else { "deleted" } }))
}
