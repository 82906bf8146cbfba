//! Many writes on one stream: as quickly as the server can store them, in their order, and each is answered.
// section: writer
use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ai_socket_registry::prost::Message as _;
use ai_socket_registry::tonic::{Code, Status};
use ai_socket_registry::tonic_types;
use ai_socket_registry::v1::{write_stream_result::Outcome, *};
use tokio::sync::mpsc::{channel, unbounded_channel, UnboundedReceiver, UnboundedSender};
use tokio::sync::{oneshot, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use crate::connection::{is_unanswered, pause, Client};

/// How many KiB may be unanswered. A write counts as one at least, so that this bounds their number too.
const UNANSWERED_KIB_MAX: u32 = 4096;
const FRAME_WRITES_MAX: usize = 1000;
const FRAME_BYTES_MAX: usize = 256 * 1024;
/// How long to go on without an answer. The server remembers for ten minutes what was written.
const PATIENCE: Duration = Duration::from_secs(300);

/// Writes many messages on one stream, and opens it again when it breaks. One that is dropped gives up what is not
/// answered.
pub struct Writer {
    room: Arc<Semaphore>,
    queue: UnboundedSender<Write>,
    writing: JoinSet<()>,
}

struct Write {
    request: WriteRequest,
    bytes: usize,
    answer: oneshot::Sender<Result<WriteResponse, Status>>,
    /// Given back with the answer.
    _room: OwnedSemaphorePermit,
}

impl Writer {
    pub fn open(client: Client) -> Writer {
        let (queue, queued) = unbounded_channel();
        let mut writing = JoinSet::new();
        writing.spawn(Writing::new(client, queued).run());
        Writer { room: Arc::new(Semaphore::new(UNANSWERED_KIB_MAX as usize)), queue, writing }
    }

    /// Waits until there is room for one more, and gives what is to be awaited for its answer. Messages are written in
    /// the order of these calls, also those whose answer nobody awaits. One that is refused fails alone, as a single write
    /// does.
    pub async fn write(
        &self,
        mut request: WriteRequest,
    ) -> impl Future<Output = Result<WriteResponse, Status>> + use<> {
        if request.request_id.is_empty() {
            // So that it can be sent again, and the message is there once.
            request.request_id = Uuid::new_v4().to_string();
        }
        let bytes = request.encoded_len();
        let kib = bytes.div_ceil(1024).clamp(1, UNANSWERED_KIB_MAX as usize) as u32;
        let room = Arc::clone(&self.room).acquire_many_owned(kib).await.expect("nobody closes it");
        let (answer, answered) = oneshot::channel();
        _ = self.queue.send(Write { request, bytes, answer, _room: room });
        async { answered.await.unwrap_or_else(|_| Err(Status::cancelled("the writer was dropped"))) }
    }

    /// Waits until everything is answered.
    pub async fn close(mut self) {
        drop(self.queue);
        _ = self.writing.join_next().await;
    }
}

struct Writing {
    client: Client,
    queued: UnboundedReceiver<Write>,
    is_closing: bool,
    /// In their order: so many that were sent on this stream, then those that were not.
    unanswered: VecDeque<Write>,
    sent: usize,
    /// Attempts that failed since the last answer, and when there is no use in another.
    failures: u32,
    deadline: Instant,
}

impl Writing {
    fn new(client: Client, queued: UnboundedReceiver<Write>) -> Writing {
        let (unanswered, deadline) = (VecDeque::new(), Instant::now());
        Writing { client, queued, is_closing: false, unanswered, sent: 0, failures: 0, deadline }
    }

    /// Opens one stream after another, while there is something to write.
    async fn run(mut self) {
        while self.has_work().await {
            match self.converse().await {
                Err(status) if is_unanswered(&status) && Instant::now() < self.deadline => {
                    eprintln!("writing again: {}", status.message());
                    self.failures += 1;
                    pause(self.failures, Duration::from_secs(2)).await;
                }
                Err(status) => self.fail(&status),
                Ok(()) => return,
            }
        }
    }

    /// Waits until there is something to write. False when the writer is closed, and there is nothing.
    async fn has_work(&mut self) -> bool {
        if self.unanswered.is_empty() {
            let first = self.queued.recv().await;
            self.take(first);
        }
        !self.unanswered.is_empty()
    }

    fn take(&mut self, writes: impl IntoIterator<Item = Write>) {
        if self.unanswered.is_empty() {
            // Nothing has waited for an answer until now.
            self.be_patient();
        }
        self.unanswered.extend(writes);
    }

    /// Writes on one stream, at first what is unanswered. Ends well when the writer is closed and all is answered.
    async fn converse(&mut self) -> Result<(), Status> {
        self.sent = 0;
        // The transport takes a frame when the server has room for it; what comes meanwhile makes the next one.
        let (frames, outgoing) = channel(1);
        _ = frames.try_send(self.next_frame());
        let mut results = self.client.write_stream(ReceiverStream::new(outgoing)).await?.into_inner();
        let mut arrived = Vec::new();
        while !self.is_closing || self.sent < self.unanswered.len() {
            tokio::select! {
                Ok(place) = frames.reserve(), if self.sent < self.unanswered.len() => place.send(self.next_frame()),
                count = self.queued.recv_many(&mut arrived, FRAME_WRITES_MAX), if !self.is_closing => {
                    self.is_closing = count == 0;
                    self.take(arrived.drain(..));
                }
                frame = results.message() => self.answer(frame?.ok_or_else(ended)?),
            }
        }
        drop(frames);
        while let Some(frame) = results.message().await? {
            self.answer(frame);
        }
        if self.unanswered.is_empty() {
            Ok(())
        } else {
            Err(ended())
        }
    }

    /// What is here and not sent, within bounds. One write is never too large.
    fn next_frame(&mut self) -> WriteStreamRequest {
        let mut bytes = 0;
        let fits = |write: &&Write| {
            let is_first = bytes == 0;
            bytes += write.bytes;
            is_first || bytes <= FRAME_BYTES_MAX
        };
        let unsent = self.unanswered.range(self.sent..).take(FRAME_WRITES_MAX).take_while(fits);
        let writes: Vec<_> = unsent.map(|write| write.request.clone()).collect();
        self.sent += writes.len();
        WriteStreamRequest { writes }
    }

    /// Results come in the order of the writes, however they are framed.
    fn answer(&mut self, frame: WriteStreamResponse) {
        self.be_patient();
        let count = frame.results.len().min(self.sent);
        self.sent -= count;
        for (write, result) in self.unanswered.drain(..count).zip(frame.results) {
            // Nobody may be waiting for it.
            _ = write.answer.send(answer_of(result));
        }
    }

    fn be_patient(&mut self) {
        self.failures = 0;
        self.deadline = Instant::now() + PATIENCE;
    }

    /// Fails what is here. It may be stored or not.
    fn fail(&mut self, status: &Status) {
        while let Ok(write) = self.queued.try_recv() {
            self.unanswered.push_back(write);
        }
        for write in self.unanswered.drain(..) {
            _ = write.answer.send(Err(status.clone()));
        }
    }
}

/// The answer, or the status with which a single Write would have failed.
fn answer_of(result: WriteStreamResult) -> Result<WriteResponse, Status> {
    match result.outcome {
        Some(Outcome::Response(response)) => Ok(response),
        Some(Outcome::Error(error)) => Err(status_of(error)),
        None => Err(Status::unknown("the server answered with nothing")),
    }
}

fn status_of(error: tonic_types::Status) -> Status {
    let details = error.encode_to_vec();
    Status::with_details(Code::from_i32(error.code), error.message, details.into())
}

fn ended() -> Status {
    Status::unavailable("the server has ended the stream")
}
// end: writer
