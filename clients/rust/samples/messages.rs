//! The loop over a socket's messages, which loses none: at least once, in order, over restarts of the server.
// section: loop
use std::collections::BTreeSet;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ai_socket_registry::prost_types;
use ai_socket_registry::tonic::{Code, Status};
use ai_socket_registry::v1::*;
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout, timeout_at, Instant};
use uuid::Uuid;

use crate::connection::{is_unanswered, pause, retry, Client};

/// A delivery by its place in the queue: epoch and sequence.
type Place = (String, u64);

/// What becomes of a delivery: acknowledged, or, with a delay, given back.
type Settled = (Place, Option<prost_types::Duration>);

/// How many sequences one Acknowledge may name.
const SEQUENCES_MAX: usize = 10_000;

/// The messages of one queue. Each is to be settled by `ack` or `nack`; until then it is held, so that it comes to nobody
/// else, however long the work takes.
pub struct Messages {
    delivered: UnboundedReceiver<Message>,
    settled: UnboundedSender<Settled>,
    reading: JoinHandle<Result<(), Status>>,
    telling: JoinHandle<()>,
    queue: Arc<Queue>,
}

impl Messages {
    /// Reads the queue that the request names. One message is handed out at a time, `max_outstanding` are fetched.
    pub fn read(client: Client, request: ReadRequest) -> Messages {
        let (deliver, delivered) = unbounded_channel();
        let (settled, told) = unbounded_channel();
        let queue = Arc::new(Queue { client, request, reader: OnceLock::new(), held: Mutex::default() });
        let reading = tokio::spawn(Arc::clone(&queue).read(deliver));
        let telling = tokio::spawn(Arc::clone(&queue).tell(told));
        Messages { delivered, settled, reading, telling, queue }
    }

    /// The next message. None when the reading has ended; `close` says why. Can be dropped while it waits.
    pub async fn next(&mut self) -> Option<Message> {
        self.delivered.recv().await
    }

    /// The work is done.
    pub fn ack(&self, message: &Message) {
        _ = self.settled.send((place_of(message), None));
    }

    /// The attempt has failed: the message comes again after the delay, and is parked after ten attempts.
    pub fn nack(&self, message: &Message, delay: Duration) {
        _ = self.settled.send((place_of(message), Some(delay.try_into().unwrap_or_default())));
    }

    /// Leaves the loop when the server knows of everything that was settled. What was not waits for the next reader at
    /// once, or, when this is not called, in 15 seconds. Fails with what ended the reading, or when the server could not be
    /// told for 10 seconds.
    pub async fn close(mut self) -> Result<(), Status> {
        let deadline = Instant::now() + Duration::from_secs(10);
        drop((self.delivered, self.settled));
        let end = self.reading.await.unwrap_or_else(|panic| Err(Status::from_error(panic.into())));
        if timeout_at(deadline, &mut self.telling).await.is_err() {
            self.telling.abort();
            return Err(Status::deadline_exceeded("not everything is acknowledged; it will come again"));
        }
        // A queue that is gone has nothing in flight.
        if !matches!(&end, Err(status) if status.code() == Code::NotFound) {
            _ = timeout_at(deadline, self.queue.release()).await;
        }
        end
    }
}

struct Queue {
    client: Client,
    request: ReadRequest,
    /// The name of its streams, since the first was opened.
    reader: OnceLock<String>,
    /// What was delivered, and neither given back nor known to be acknowledged.
    held: Mutex<BTreeSet<Place>>,
}

impl Queue {
    /// Reads, and asks for more time for what is held, until the loop is left.
    async fn read(self: Arc<Self>, deliver: UnboundedSender<Message>) -> Result<(), Status> {
        tokio::select! {
            end = self.follow(&deliver) => end,
            () = self.extend() => Ok(()),
            () = deliver.closed() => Ok(()),
        }
    }

    /// Opens one stream after another. The server knows what is settled, so there is no place to remember.
    async fn follow(&self, deliver: &UnboundedSender<Message>) -> Result<(), Status> {
        let mut failures = 0;
        loop {
            match self.hand_out(deliver, &mut failures).await {
                Err(status) if is_unanswered(&status) => {
                    eprintln!("{}: reading again: {}", self.name(), status.message())
                }
                end => return end,
            }
            failures += 1;
            pause(failures, Duration::from_secs(5)).await;
        }
    }

    async fn hand_out(&self, deliver: &UnboundedSender<Message>, failures: &mut u32) -> Result<(), Status> {
        let heartbeat_interval = "15s".parse().ok();
        let (ack_mode, reader) = (AckMode::Explicit.into(), self.reader.get_or_init(|| Uuid::new_v4().into()).clone());
        let request = ReadRequest { ack_mode, reader, heartbeat_interval, ..self.request.clone() };
        // Three heartbeats missed: the connection is dead, even if nothing says so.
        let silence = Duration::from_secs(45);
        let silent = |_| Status::unavailable("no sign of life for 45 s");
        let mut frames = timeout(silence, self.client.clone().read(request)).await.map_err(silent)??.into_inner();
        while let Some(frame) = timeout(silence, frames.message()).await.map_err(silent)?? {
            *failures = 0;
            if matches!(frame.event(), ReadEvent::Gap | ReadEvent::Reset) {
                eprintln!("{}: {:?}: {} messages will never come", self.name(), frame.event(), frame.dropped_count);
            }
            for message in frame.messages {
                // What comes again while it is worked on is not handed out twice: the end of that work settles it.
                if self.held().insert(place_of(&message)) {
                    // The server bounds what is not settled, and with it what waits here.
                    _ = deliver.send(message);
                }
            }
        }
        Ok(())
    }

    /// Asks for more time: a deadline may be short, and a stream that breaks leaves its deliveries 15 seconds.
    async fn extend(&self) {
        let period = self.extend_period().await;
        loop {
            sleep(period).await;
            let held: Vec<Settled> = self.held().iter().map(|place| (place.clone(), None)).collect();
            for mut request in self.requests(held) {
                request.extend_sequences = take(&mut request.sequences);
                // Without an answer the next period asks again.
                _ = self.acknowledge(1, &request).await;
            }
        }
    }

    /// A third of the deadline, which is the socket's own or the server's, and 5 seconds at most.
    async fn extend_period(&self) -> Duration {
        let of = GetSocketInfoRequest { socket_id: self.request.socket_id.clone() };
        let info = retry(u32::MAX, &self.client, &of, |mut client, of| async move { client.get_socket_info(of).await });
        let own = info.await.ok().and_then(|info| info.socket?.config?.ack_deadline?.try_into().ok());
        let of = GetServerInfoRequest {};
        let info = retry(u32::MAX, &self.client, &of, |mut client, of| async move { client.get_server_info(of).await });
        let common = info.await.ok().and_then(|info| info.limits.get("ack_deadline_ms").copied());
        let deadline = own.or(common.map(Duration::from_millis)).filter(|deadline| !deadline.is_zero());
        deadline.map_or(Duration::MAX, |deadline| deadline / 3).clamp(Duration::from_millis(10), Duration::from_secs(5))
    }

    /// Tells the server what is settled, however long it is away. What is settled meanwhile goes with the next call.
    async fn tell(self: Arc<Self>, mut settled: UnboundedReceiver<Settled>) {
        let mut batch = Vec::new();
        while settled.recv_many(&mut batch, SEQUENCES_MAX).await > 0 {
            for mut request in self.requests(batch.drain(..)) {
                if request.retry_delay.is_some() {
                    // It may come again before the answer does.
                    self.forget(&request);
                    request.nack_sequences = take(&mut request.sequences);
                }
                if let Err(status) = self.acknowledge(u32::MAX, &request).await {
                    eprintln!("{}: not settled, and may come again: {}", self.name(), status.message());
                }
                self.forget(&request);
            }
        }
    }

    /// Has what was sent to its streams, and not looked at, wait for the next reader.
    async fn release(&self) {
        let Some(release_reader) = self.reader.get().cloned() else { return };
        let ReadRequest { socket_id, consumer, .. } = self.request.clone();
        // The empty epoch is the current one, whatever became of those that were seen here.
        let request = AcknowledgeRequest { socket_id, consumer, release_reader, ..Default::default() };
        if let Err(status) = self.acknowledge(1, &request).await {
            eprintln!("{}: waits for the server to notice that nobody reads: {}", self.name(), status.message());
        }
    }

    async fn acknowledge(&self, attempts: u32, request: &AcknowledgeRequest) -> Result<AcknowledgeResponse, Status> {
        retry(attempts, &self.client, request, |mut client, request| async move { client.acknowledge(request).await })
            .await
    }

    /// The calls for these, of which each has one epoch and one delay.
    fn requests(&self, settled: impl IntoIterator<Item = Settled>) -> Vec<AcknowledgeRequest> {
        let mut requests = Vec::<AcknowledgeRequest>::new();
        for ((epoch, sequence), retry_delay) in settled {
            let last = requests.last_mut().filter(|last| {
                last.epoch == epoch && last.retry_delay == retry_delay && last.sequences.len() < SEQUENCES_MAX
            });
            match last {
                Some(last) => last.sequences.push(sequence),
                None => {
                    let ReadRequest { socket_id, consumer, .. } = self.request.clone();
                    let request = AcknowledgeRequest { socket_id, consumer, epoch, retry_delay, ..Default::default() };
                    requests.push(AcknowledgeRequest { sequences: vec![sequence], ..request });
                }
            }
        }
        requests
    }

    fn forget(&self, request: &AcknowledgeRequest) {
        let mut held = self.held();
        for sequence in &request.sequences {
            held.remove(&(request.epoch.clone(), *sequence));
        }
    }

    fn name(&self) -> &str {
        &self.request.socket_id
    }

    fn held(&self) -> MutexGuard<'_, BTreeSet<Place>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place_of(message: &Message) -> Place {
    (message.epoch.clone(), message.sequence)
}
// end: loop
