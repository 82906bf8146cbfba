//! The connection to a registry, and calls that are made again when nobody answers.
// section: connection
use std::future::Future;
use std::time::Duration;

use ai_socket_registry::tonic::transport::{Channel, Endpoint, Error};
use ai_socket_registry::tonic::{Code, Response, Status};
use ai_socket_registry::tonic_types::StatusExt;
use ai_socket_registry::v1::socket_registry_client::SocketRegistryClient;
use tokio::time::{sleep, timeout};

pub type Client = SocketRegistryClient<Channel>;

const MIB: u32 = 1024 * 1024;

/// A client for `host:port`. It connects with the first call, and again whenever it has to.
pub fn connect(address: &str) -> Result<Client, Error> {
    // With `https` and the feature `tls`: `.tls_config(ClientTlsConfig::new().with_native_roots())?`.
    let channel = Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(Duration::from_secs(10))
        // A Read that has waited for hours notices that the other machine is gone.
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(15))
        .initial_stream_window_size(MIB)
        .initial_connection_window_size(MIB)
        .connect_lazy();
    // A content may have 1 MiB, a frame or a page 3 MiB and more.
    Ok(SocketRegistryClient::new(channel).max_decoding_message_size(32 * MIB as usize))
}

/// Makes a call until it is answered, so many times at most, with 10 seconds for each. The call must be one that does no
/// harm when it is carried out twice, as the first attempt may have been: it only looks, or carries a request_id.
pub async fn retry<Request: Clone, Answer, Call: Future<Output = Result<Response<Answer>, Status>>>(
    attempts: u32,
    client: &Client,
    request: &Request,
    call: impl Fn(Client, Request) -> Call,
) -> Result<Answer, Status> {
    let late = |_| Err(Status::deadline_exceeded("no answer within 10 s"));
    let mut attempt = 1;
    loop {
        let called = timeout(Duration::from_secs(10), call(client.clone(), request.clone()));
        match called.await.unwrap_or_else(late) {
            Err(status) if attempt < attempts && is_unanswered(&status) => pause(attempt, Duration::from_secs(2)).await,
            answer => return answer.map(Response::into_inner),
        }
        attempt += 1;
    }
}

/// Whether nobody answered: the server was not there, stopped, or the connection broke, which tonic tells in many ways,
/// but never with an ErrorInfo. The call may have been carried out or not.
pub fn is_unanswered(status: &Status) -> bool {
    let is_broken = matches!(status.code(), Code::Internal | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded);
    status.code() == Code::Unavailable || (is_broken && status.get_details_error_info().is_none())
}

/// Waits after so many failures in a row: 200 ms, and twice as long each time, up to `longest`; a bit more or less, so
/// that the clients of a server that comes back do not come all at once.
pub async fn pause(failures: u32, longest: Duration) {
    let pause = Duration::from_millis(100 << failures.min(16)).min(longest);
    sleep(pause.mul_f64(0.8 + 0.4 * fastrand::f64())).await;
}
// end: connection
