//! The conformance driver: carries out what standard input asks for with the client, and tells on standard output how it
//! went. The protocol is in clients/conformance/README.md.
mod calls;
mod json;
mod loops;
mod operation;
mod writes;

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};

use samples::connection::connect;
use serde_json::{json, Value};
use tokio::io::{stdin, AsyncBufReadExt, BufReader};

use crate::json::number;
use crate::operation::{Failure, Operation, Orders};

/// The operations under way, by id.
type UnderWay = Arc<Mutex<HashMap<u64, Orders>>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = connect(&std::env::var("SOCKET_REGISTRY_ADDRESS")?, None)?;
    let under_way = UnderWay::default();
    println!("{}", json!({ "ready": true }));

    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let line: Value = serde_json::from_str(&line)?;
        let id = number(&line["id"]).ok_or("an operation without an id")?;
        if let Some(order) = line["op"].as_str().filter(|op| matches!(*op, "cancel" | "settle")) {
            let ending = give(&under_way, order, &line["args"]);
            tell(id, ending);
            continue;
        }
        let (operation, orders) = Operation::new(id, client.clone(), &line);
        under_way.lock().unwrap().insert(id, orders);
        let under_way = Arc::clone(&under_way);
        tokio::spawn(async move {
            let ending = operation.run().await;
            under_way.lock().unwrap().remove(&id);
            tell(id, ending);
        });
    }
    // Whatever is under way: returning would wait for what blocks.
    std::process::exit(0);
}

/// Passes on what is meant for an operation under way. One that is over needs nothing any longer.
fn give(under_way: &UnderWay, order: &str, args: &Value) -> Result<Value, Failure> {
    let id = number(&args["id"]).ok_or_else(|| Failure::usage(format!("{order} of what?")))?;
    if let Some(orders) = under_way.lock().unwrap().get_mut(&id) {
        match order {
            "cancel" => orders.cancel(),
            _ => orders.settle(args),
        }
    }
    Ok(json!({}))
}

fn tell(id: u64, ending: Result<Value, Failure>) {
    let line = match ending {
        Ok(result) => json!({ "id": id, "result": result }),
        Err(failure) => json!({ "id": id, "error": failure.to_json() }),
    };
    println!("{line}");
}
