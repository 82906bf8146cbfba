//! An AI in the team: `agent <id>` answers every message with `<id> read: <content>`, until it is interrupted or its
//! socket is deleted.
// section: agent
use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use ai_socket_registry::prost_types::FieldMask;
use ai_socket_registry::tonic::{Code, Status};
use ai_socket_registry::tonic_types::StatusExt;
use ai_socket_registry::v1::*;
use samples::connection::{connect, retry, Client};
use samples::messages::Messages;
use tokio::signal::unix::{signal, SignalKind};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

#[tokio::main]
pub async fn main() -> Result<(), Box<dyn Error>> {
    let socket_id = std::env::args().nth(1).unwrap_or("apollo".into());
    let address = std::env::var("SOCKET_REGISTRY_ADDRESS").unwrap_or("127.0.0.1:50051".into());

    let agent = CreateRequest { socket_id: socket_id.clone(), ..Default::default() };
    let answer = |message: Message| {
        let answer = format!("{socket_id} read: {}", message.content);
        async { Ok(Some(answer)) }
    };
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    run(connect(&address, None)?, agent, answer, stop).await?;
    Ok(())
}

/// What a handler makes of a message: an answer or none. After a failure the message comes again.
pub type Answer = Result<Option<String>, Box<dyn Error + Send + Sync>>;

const LEASE: Duration = Duration::from_secs(30);

/// Registers an agent, and gives its handler one message after the other until `stop` is done, which breaks off the
/// handler under way, or until the socket is deleted. Goes on over restarts of the server.
pub async fn run<Handling: Future<Output = Answer>>(
    client: Client,
    agent: CreateRequest,
    handler: impl Fn(Message) -> Handling,
    stop: impl Future<Output = ()>,
) -> Result<(), Status> {
    let mut stop = pin!(stop);
    let socket_id = tokio::select! {
        registered = register(&client, agent) => registered?,
        () = &mut stop => return Ok(()),
    };

    let request = ReadRequest { socket_id: socket_id.clone(), ..Default::default() };
    let mut messages = Messages::read(client.clone(), request);
    let work = async {
        while let Some(message) = messages.next().await {
            let answered = match handler(message.clone()).await {
                Ok(Some(text)) => answer(&client, &socket_id, &message, text).await,
                done => done.map(drop),
            };
            match answered {
                Ok(()) => messages.ack(&message),
                Err(error) => {
                    eprintln!("{socket_id}: message {} comes again: {error}", message.message_id);
                    messages.nack(&message, Duration::from_secs(1));
                }
            }
        }
    };
    let is_stopped = tokio::select! {
        () = work => false,
        () = heartbeats(&client, &socket_id) => false,
        () = stop => true,
    };

    let end = messages.close().await;
    if is_stopped {
        let leave = MarkInactiveRequest { socket_id, reason: "left".into() };
        _ = timeout(Duration::from_secs(5), client.clone().mark_inactive(leave)).await;
    }
    // The socket was deleted, so there is nobody to be any longer.
    end.or_else(|status| if status.code() == Code::NotFound { Ok(()) } else { Err(status) })
}

/// Creates the socket, or brings the one that is there up to date: it may have been left by an earlier run.
async fn register(client: &Client, agent: CreateRequest) -> Result<String, Status> {
    // Without a sign of life for that long it counts as unresponsive, and collects mail all the same.
    let (lease_duration, accept_when_away) = (LEASE.try_into().ok(), Some(true));
    let config = SocketConfig { lease_duration, accept_when_away, ..agent.config.unwrap_or_default() };
    let (on_conflict, request_id) = (ConflictPolicy::UseExisting.into(), Uuid::new_v4().to_string());
    let create = CreateRequest { config: Some(config), on_conflict, request_id, ..agent };
    let created = retry(u32::MAX, client, &create, |mut client, it| async move { client.create(it).await }).await?;
    let socket_id = created.socket.unwrap_or_default().socket_id;

    let given = [
        ("model", !create.model.is_empty()),
        ("prompt", !create.prompt.is_empty()),
        ("context", create.context.is_some()),
        ("labels", !create.labels.is_empty()),
        ("config.accept_when_away", true),
        ("config.lease_duration", true),
    ];
    let paths = given.iter().filter(|(_, is_given)| *is_given).map(|(path, _)| path.to_string()).collect();
    let CreateRequest { model, prompt, context, labels, config, .. } = create;
    let socket = Socket { socket_id, model, prompt, context, labels, config, ..Default::default() };
    let update = UpdateRequest { socket: Some(socket), update_mask: Some(FieldMask { paths }) };
    let updated = retry(u32::MAX, client, &update, |mut client, it| async move { client.update(it).await }).await?;

    let socket = updated.socket.unwrap_or_default();
    let socket_id = socket.socket_id.clone();
    if (socket.state(), socket.state_reason()) == (SocketState::Inactive, StateReason::ClientLeft) {
        let back = MarkActiveRequest { socket_id: socket_id.clone(), reason: "back".into() };
        retry(u32::MAX, client, &back, |mut client, it| async move { client.mark_active(it).await }).await?;
    }
    Ok(socket_id)
}

/// The answer is a write by the agent to itself: it goes to the team feed and to an Ask, and wakes nobody.
async fn answer(
    client: &Client,
    socket_id: &str,
    message: &Message,
    text: String,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let answer = WriteRequest {
        socket_id: socket_id.into(),
        sender: socket_id.into(),
        message: text,
        reply_to: message.message_id.clone(),
        thread_id: message.thread_id.clone(),
        // The same for every attempt: a message that comes twice is answered once.
        request_id: format!("{socket_id}-{}", message.message_id),
        ..Default::default()
    };
    match retry(u32::MAX, client, &answer, |mut client, it| async move { client.write(it).await }).await {
        Err(status) if reason_of(&status) != "REQUEST_ID_REUSED" => Err(status.into()),
        // An earlier attempt has answered, if with other words.
        _ => Ok(()),
    }
}

async fn heartbeats(client: &Client, socket_id: &str) {
    loop {
        sleep(LEASE / 3).await;
        let heartbeat = HeartbeatRequest { socket_id: socket_id.into(), ..Default::default() };
        let told = retry(1, client, &heartbeat, |mut client, it| async move { client.heartbeat(it).await }).await;
        if let Err(status) = told {
            eprintln!("{socket_id}: no heartbeat: {}", status.message());
        }
    }
}

fn reason_of(status: &Status) -> String {
    status.get_details_error_info().map_or(String::new(), |info| info.reason)
}
// end: agent
