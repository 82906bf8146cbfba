//! Every part of the client once, in the order of the README. It can be run again and again.
// section: connect
use std::error::Error;
use std::time::Duration;

use ai_socket_registry::prost_types::{value::Kind, Struct};
use ai_socket_registry::tonic_types::StatusExt;
use ai_socket_registry::v1::{ask_response::Step, *};
use samples::connection::{connect, retry, Client};
use samples::messages::Messages;
use samples::writer::Writer;
use tokio::sync::oneshot;
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::var("SOCKET_REGISTRY_ADDRESS").unwrap_or("127.0.0.1:50051".into());
    // One connection for all calls, also for those at the same time: a clone of the client costs nothing.
    let mut client = connect(&address, None)?;
    // end: connect

    clear(&mut client).await?;
    talk(&mut client).await?;
    work(&mut client).await?;
    broadcast(&mut client).await?;
    ask(&mut client).await?;
    refuse(&mut client).await?;
    watch(&mut client).await?;
    client.delete(DeleteRequest { socket_id: "athena".into(), ..Default::default() }).await?;
    Ok(())
}

/// What an earlier run has left.
async fn clear(client: &mut Client) -> Result<(), Box<dyn Error>> {
    for socket_id in ["apollo", "athena"] {
        client.delete(DeleteRequest { socket_id: socket_id.into(), allow_missing: true, ..Default::default() }).await?;
    }
    drain(client, "team-chat-all").await?;
    Ok(())
}

async fn talk(client: &mut Client) -> Result<(), Box<dyn Error>> {
    // section: create
    let apollo = CreateRequest {
        socket_id: "apollo".into(),
        model: "claude-3".into(),
        prompt: "You are Apollo".into(),
        context: Some(Struct { fields: [("role".into(), "predictor".into())].into() }),
        on_conflict: ConflictPolicy::UseExisting.into(),
        ..Default::default()
    };
    let athena = CreateRequest {
        socket_id: "athena".into(),
        model: "gpt-4".into(),
        prompt: "You are Athena".into(),
        context: Some(Struct { fields: [("role".into(), "knowledge".into())].into() }),
        on_conflict: ConflictPolicy::UseExisting.into(),
        ..Default::default()
    };
    client.create(apollo).await?;
    client.create(athena).await?;
    println!("created apollo and athena");
    // end: create

    // section: write
    let request = WriteRequest {
        socket_id: "apollo".into(),
        message: "What's your prediction?".into(),
        metadata: Some(Struct { fields: [("priority".into(), "high".into())].into() }),
        sender: "me".into(),
        // With it the call can be made again, by `retry` or by you, and the message is there once.
        request_id: Uuid::new_v4().to_string(),
        ..Default::default()
    };
    let written = retry(5, client, &request, |mut client, it| async move { client.write(it).await }).await?;
    println!("delivered to {}", written.delivered_count);
    // end: write

    // section: bulk
    let writer = Writer::open(client.clone());
    let mut answers = Vec::new();
    for line in 1..=1000 {
        let (socket_id, message, sender) = ("athena".into(), format!("line {line}"), "me".into());
        // Waits for its turn, and gives what waits for the answer.
        answers.push(writer.write(WriteRequest { socket_id, message, sender, ..Default::default() }).await);
    }
    for answer in answers {
        answer.await?;
    }
    writer.close().await;
    // end: bulk
    drain(client, "athena").await?;

    // section: drain
    let request = ReadRequest { socket_id: "apollo".into(), no_wait: true, ..Default::default() };
    let mut frames = client.read(request).await?.into_inner();
    while let Some(frame) = frames.message().await? {
        for message in frame.messages {
            let metadata = message.metadata.unwrap_or_default();
            let priority = metadata.fields.get("priority").and_then(|value| value.kind.as_ref());
            if let Some(Kind::StringValue(priority)) = priority {
                println!("{} {} (priority: {priority})", message.header, message.content);
            }
        }
    }
    // end: drain
    Ok(())
}

async fn work(client: &mut Client) -> Result<(), Box<dyn Error>> {
    // section: messages
    for job in ["job 1", "job 2"] {
        let (socket_id, message, sender) = ("apollo".into(), job.into(), "me".into());
        client.write(WriteRequest { socket_id, message, sender, ..Default::default() }).await?;
    }

    let request = ReadRequest { socket_id: "apollo".into(), ..Default::default() };
    let mut messages = Messages::read(client.clone(), request);
    while let Some(message) = messages.next().await {
        match do_job(&message) {
            Ok(()) => messages.ack(&message),
            Err(_) => messages.nack(&message, Duration::ZERO), // It comes again, at once.
        }
        if message.content == "job 2" {
            break;
        }
    }
    messages.close().await?; // Waits until the server knows.

    /// Does not get job 1 done at the first attempt.
    fn do_job(message: &Message) -> Result<(), &'static str> {
        println!("{}, attempt {}", message.content, message.delivery_attempt);
        if message.content == "job 1" && message.delivery_attempt == 1 {
            return Err("not this time");
        }
        Ok(())
    }
    // end: messages
    Ok(())
}

async fn broadcast(client: &mut Client) -> Result<(), Box<dyn Error>> {
    // section: broadcast
    let (socket_id, message) = ("team-chat-all".into(), "How can we optimize our system?".into());
    let asked = client.write(WriteRequest { socket_id, message, ..Default::default() }).await?.into_inner();
    println!("asked {}", asked.delivered_count);

    for (name, says) in [("apollo", "Measure first."), ("athena", "Cache what is asked twice.")] {
        for question in drain(client, name).await? {
            let (socket_id, sender, reply_to) = (name.into(), name.into(), question.message_id);
            let message = says.into();
            client.write(WriteRequest { socket_id, sender, message, reply_to, ..Default::default() }).await?;
        }
    }
    // end: broadcast

    // section: feed
    for message in drain(client, "team-chat-all").await? {
        println!("{} {}", message.header, message.content);
    }
    // end: feed
    Ok(())
}

async fn ask(client: &mut Client) -> Result<(), Box<dyn Error>> {
    // section: ask
    let (stop, stopped) = oneshot::channel::<()>();
    let apollo = CreateRequest { socket_id: "apollo".into(), ..Default::default() };
    let handler = |_: Message| async { Ok(Some("4".into())) };
    let until = async { _ = stopped.await };
    let agent = tokio::spawn(samples::agent::run(client.clone(), apollo, handler, until));

    let (socket_id, message, sender) = ("apollo".into(), "2 + 2?".into(), "me".into());
    let question = AskRequest { socket_id, message, sender, ..Default::default() };
    let mut steps = client.ask(question).await?.into_inner();
    while let Some(AskResponse { step }) = steps.message().await? {
        // The first step tells that it was asked, the last one who did not answer.
        if let Some(Step::Reply(reply)) = step {
            println!("{} answered: {}", reply.sender, reply.content);
        }
    }

    _ = stop.send(());
    agent.await??;
    // end: ask
    Ok(())
}

async fn refuse(client: &mut Client) -> Result<(), Box<dyn Error>> {
    // section: errors
    let (socket_id, message) = ("nobody".into(), "Hello?".into());
    if let Err(status) = client.write(WriteRequest { socket_id, message, ..Default::default() }).await {
        // Absent when no registry spoke, as when there is no connection.
        let info = status.get_details_error_info().ok_or(status)?;
        println!("{}: {}", info.reason, info.metadata["socket_id"]);
    }
    // end: errors
    Ok(())
}

async fn watch(client: &mut Client) -> Result<(), Box<dyn Error>> {
    // section: watch
    let request = WatchRequest { socket_id: "apollo".into(), ..Default::default() };
    let mut changes = client.watch(request).await?.into_inner();
    while let Some(change) = changes.message().await? {
        println!("{}", format!("{:?}", change.r#type()).to_lowercase());
        match change.r#type() {
            WatchEventType::Synced => {
                client.delete(DeleteRequest { socket_id: "apollo".into(), ..Default::default() }).await?;
            }
            WatchEventType::Deleted => break,
            _ => {}
        }
    }
    // end: watch
    Ok(())
}

async fn drain(client: &mut Client, socket_id: &str) -> Result<Vec<Message>, Box<dyn Error>> {
    let request = ReadRequest { socket_id: socket_id.into(), no_wait: true, ..Default::default() };
    let mut frames = client.read(request).await?.into_inner();
    let mut drained = Vec::new();
    while let Some(frame) = frames.message().await? {
        drained.extend(frame.messages);
    }
    Ok(drained)
}
