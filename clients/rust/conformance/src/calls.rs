//! The RPCs as operations. What may be made twice goes through the sample's `retry`.
use ai_socket_registry::tonic::{Response, Status, Streaming};
use ai_socket_registry::v1::*;
use samples::connection::{retry, Client};
use serde_json::{json, Value};
use uuid::Uuid;

use crate::json::{from_json, message_of, method_of, to_json};
use crate::operation::{Failure, Items};
use crate::writes::write_stream;

/// Calls that change something and carry no key are made once.
const ONCE: u32 = 1;
/// Calls that only look, or carry a key, are made again.
const AGAIN: u32 = 5;

pub async fn call(name: &str, mut client: Client, mut args: Value, items: Items) -> Result<Value, Failure> {
    if name == "drain" {
        return drain(client, args).await;
    }
    if name == "write_stream" {
        return write_stream(client, &args, items).await;
    }
    let method = method_of(name)?;
    if matches!(name, "create" | "write" | "ask") {
        give_key(&mut args);
    }

    macro_rules! unary {
        ($name:ident, $Request:ty, $attempts:expr) => {{
            let request: $Request = from_json(method.input(), args)?;
            let answer = retry($attempts, &client, &request, |mut client, it| async move { client.$name(it).await });
            Ok(to_json(method.output(), &answer.await?))
        }};
    }
    macro_rules! stream {
        ($name:ident, $Request:ty) => {{
            let request: $Request = from_json(method.input(), args)?;
            let opened = client.$name(request).await;
            each_of(opened, |frame| items.tell(to_json(method.output(), &frame))).await?;
            Ok(json!({}))
        }};
    }

    match name {
        "create" => unary!(create, CreateRequest, AGAIN),
        "write" => unary!(write, WriteRequest, AGAIN),
        "reset" => unary!(reset, ResetRequest, ONCE),
        "delete" => unary!(delete, DeleteRequest, ONCE),
        "list_sockets" => unary!(list_sockets, ListSocketsRequest, AGAIN),
        "get_socket_info" => unary!(get_socket_info, GetSocketInfoRequest, AGAIN),
        "mark_unresponsive" => unary!(mark_unresponsive, MarkUnresponsiveRequest, AGAIN),
        "mark_active" => unary!(mark_active, MarkActiveRequest, AGAIN),
        "mark_inactive" => unary!(mark_inactive, MarkInactiveRequest, AGAIN),
        "acknowledge" => unary!(acknowledge, AcknowledgeRequest, AGAIN),
        "peek" => unary!(peek, PeekRequest, AGAIN),
        "requeue" => unary!(requeue, RequeueRequest, ONCE),
        "get_message" => unary!(get_message, GetMessageRequest, AGAIN),
        "heartbeat" => unary!(heartbeat, HeartbeatRequest, AGAIN),
        "update" => unary!(update, UpdateRequest, ONCE),
        "get_server_info" => unary!(get_server_info, GetServerInfoRequest, AGAIN),
        "read" => stream!(read, ReadRequest),
        "watch" => stream!(watch, WatchRequest),
        "ask" => stream!(ask, AskRequest),
        _ => Err(Failure::usage(format!("the driver has no operation {name}"))),
    }
}

/// The key that makes a call safe to repeat: made once, so that every attempt carries the same.
fn give_key(args: &mut Value) {
    if args["request_id"].as_str().unwrap_or_default().is_empty() {
        args["request_id"] = Uuid::new_v4().to_string().into();
    }
}

async fn drain(mut client: Client, args: Value) -> Result<Value, Failure> {
    let socket_id = args["socket_id"].as_str().unwrap_or_default().to_owned();
    let request = ReadRequest { socket_id, no_wait: true, ..Default::default() };
    let mut messages = Vec::new();
    let to_json = |message: &Message| to_json(message_of("Message"), message);
    each_of(client.read(request).await, |frame| messages.extend(frame.messages.iter().map(to_json))).await?;
    Ok(json!({ "messages": messages }))
}

async fn each_of<Frame>(
    opened: Result<Response<Streaming<Frame>>, Status>,
    mut take: impl FnMut(Frame),
) -> Result<(), Status> {
    let mut frames = opened?.into_inner();
    while let Some(frame) = frames.message().await? {
        take(frame);
    }
    Ok(())
}
