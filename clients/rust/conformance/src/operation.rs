//! One operation: what it was asked to do, what is said to it while it runs, and how it fails.
use std::collections::HashMap;
use std::time::Duration;

use ai_socket_registry::tonic::{Code, Status};
use ai_socket_registry::tonic_types::StatusExt;
use samples::connection::{is_unanswered, Client};
use serde_json::{json, Value};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use crate::json::number;
use crate::{calls, loops};

pub struct Operation {
    pub client: Client,
    pub args: Value,
    pub cancelled: oneshot::Receiver<()>,
    pub settled: UnboundedReceiver<Settled>,
    id: u64,
    name: String,
    timeout: Option<Duration>,
}

/// How the body of a loop is to end for a message.
pub struct Settled {
    pub sequence: u64,
    pub is_done: bool,
}

/// The other end of what an operation listens to.
pub struct Orders {
    cancel: Option<oneshot::Sender<()>>,
    settle: UnboundedSender<Settled>,
}

impl Orders {
    pub fn cancel(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            // It may have ended this very moment.
            _ = cancel.send(());
        }
    }

    pub fn settle(&self, args: &Value) {
        let is_done = args["outcome"] == "return";
        _ = self.settle.send(Settled { sequence: number(&args["sequence"]).unwrap_or(0), is_done });
    }
}

impl Operation {
    pub fn new(id: u64, client: Client, line: &Value) -> (Operation, Orders) {
        let (cancel, cancelled) = oneshot::channel();
        let (settle, settled) = unbounded_channel();
        let args = if line["args"].is_null() { json!({}) } else { line["args"].clone() };
        let name = line["op"].as_str().unwrap_or_default().to_owned();
        let timeout = number(&line["timeout_ms"]).map(Duration::from_millis);
        let operation = Operation { client, args, cancelled, settled, id, name, timeout };
        (operation, Orders { cancel: Some(cancel), settle })
    }

    pub async fn run(self) -> Result<Value, Failure> {
        let (name, item) = (self.name.clone(), Items { id: self.id });
        match name.as_str() {
            "messages" => loops::messages(self, item).await,
            "agent" => loops::agent(self, item).await,
            _ => {
                let limit = self.timeout.unwrap_or(Duration::MAX);
                let call = tokio::time::timeout(limit, calls::call(&name, self.client, self.args, item));
                tokio::select! {
                    called = call => called.unwrap_or_else(|_| Err(Failure::of(Code::DeadlineExceeded))),
                    _ = self.cancelled => Err(Failure::of(Code::Cancelled)),
                }
            }
        }
    }
}

/// Tells the steps of an operation.
#[derive(Clone, Copy)]
pub struct Items {
    id: u64,
}

impl Items {
    pub fn tell(self, item: Value) {
        println!("{}", json!({ "id": self.id, "item": item }));
    }
}

/// How an operation failed, as the protocol tells it.
pub struct Failure {
    code: Code,
    reason: String,
    metadata: HashMap<String, String>,
}

impl Failure {
    /// A failure of which no registry spoke.
    pub fn of(code: Code) -> Failure {
        Failure { code, reason: String::new(), metadata: HashMap::new() }
    }

    /// The driver was asked for what it cannot do.
    pub fn usage(text: String) -> Failure {
        eprintln!("{text}");
        Failure::of(Code::Unimplemented)
    }

    pub fn to_json(&self) -> Value {
        let code = format!("{:?}", self.code);
        let words = code.chars().enumerate().flat_map(|(place, letter)| {
            let gap = (place > 0 && letter.is_uppercase()).then_some('_');
            gap.into_iter().chain(letter.to_uppercase())
        });
        json!({ "code": words.collect::<String>(), "reason": self.reason, "metadata": self.metadata })
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        eprintln!("{status:?}");
        let is_broken = is_unanswered(&status) && status.code() != Code::DeadlineExceeded;
        let code = if is_broken { Code::Unavailable } else { status.code() };
        let (reason, metadata) =
            status.get_details_error_info().map(|info| (info.reason, info.metadata)).unwrap_or_default();
        Failure { code, reason, metadata }
    }
}
