//! The sample's writer as an operation.
use ai_socket_registry::v1::WriteRequest;
use samples::connection::Client;
use samples::writer::Writer;
use serde_json::{json, Value};
use tokio::sync::mpsc::unbounded_channel;

use crate::json::{from_json, message_of, to_json};
use crate::operation::{Failure, Items};

/// Writes everything, and tells each answer in the order of the writes. When this is dropped, so is the writer.
pub async fn write_stream(client: Client, args: &Value, items: Items) -> Result<Value, Failure> {
    let descriptor = message_of("WriteRequest");
    let writes = args["writes"].as_array().into_iter().flatten();
    let writes = writes.map(|write| from_json(descriptor.clone(), write.clone()));
    let writes = writes.collect::<Result<Vec<WriteRequest>, Failure>>()?;

    let (written, mut answers) = unbounded_channel();
    let write = async {
        let writer = Writer::open(client);
        for request in writes {
            _ = written.send(writer.write(request).await);
        }
        writer.close().await;
        drop(written);
    };
    let tell = async {
        while let Some(answer) = answers.recv().await {
            items.tell(match answer.await {
                Ok(response) => json!({ "response": to_json(message_of("WriteResponse"), &response) }),
                Err(status) => json!({ "error": Failure::from(status).to_json() }),
            });
        }
    };
    tokio::join!(write, tell);
    Ok(json!({}))
}
