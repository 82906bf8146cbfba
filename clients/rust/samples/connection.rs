//! The connection to a registry, and calls that are made again when nobody answers.
// section: connection
use std::error::Error;
use std::future::Future;
use std::time::Duration;

use ai_socket_registry::tonic::metadata::AsciiMetadataValue;
use ai_socket_registry::tonic::service::{interceptor::InterceptedService, Interceptor};
#[cfg(feature = "tls")]
use ai_socket_registry::tonic::transport::ClientTlsConfig;
use ai_socket_registry::tonic::transport::{Channel, Endpoint, Uri};
use ai_socket_registry::tonic::{Code, Request, Response, Status};
use ai_socket_registry::tonic_types::StatusExt;
use ai_socket_registry::v1::socket_registry_client::SocketRegistryClient;
use tokio::time::{sleep, timeout};

pub type Client = SocketRegistryClient<InterceptedService<Channel, Token>>;

const MIB: u32 = 1024 * 1024;

/// A client for `host:port`, or with the feature `tls`, `https://host:port`. It connects with the first call, and again
/// whenever it has to. A token goes over TLS, or stays on this machine.
pub fn connect(address: &str, token: Option<&str>) -> Result<Client, Box<dyn Error>> {
    let address = if address.contains("://") { address.into() } else { format!("http://{address}") };
    let endpoint = Endpoint::from_shared(address)?
        .connect_timeout(Duration::from_secs(10))
        // A Read that has waited for hours notices that the other machine is gone.
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(15))
        .initial_stream_window_size(MIB)
        .initial_connection_window_size(MIB);
    #[cfg(feature = "tls")]
    let endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots())?;
    let is_tls = endpoint.uri().scheme_str() == Some("https");
    if is_tls && !cfg!(feature = "tls") {
        // tonic would connect, and speak in the clear.
        return Err("https needs the feature tls".into());
    }
    if token.is_some() && !is_tls && !is_loopback(endpoint.uri()) {
        return Err("a token would be readable on its way: use https".into());
    }
    let token = token.map(|token| format!("Bearer {token}").parse()).transpose()?;
    // A content may have 1 MiB, a frame or a page 3 MiB and more.
    let client = SocketRegistryClient::with_interceptor(endpoint.connect_lazy(), Token(token));
    Ok(client.max_decoding_message_size(32 * MIB as usize))
}

fn is_loopback(uri: &Uri) -> bool {
    matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// Goes with every call, where there is one.
#[derive(Clone)]
pub struct Token(Option<AsciiMetadataValue>);

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// Makes a call until it is answered, so many times at most, with 10 seconds for each. The call must be one that does no
/// harm when it is carried out twice, as the first attempt may have been: it only looks, or carries a request_id.
pub async fn retry<Question: Clone, Answer, Call: Future<Output = Result<Response<Answer>, Status>>>(
    attempts: u32,
    client: &Client,
    request: &Question,
    call: impl Fn(Client, Question) -> Call,
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
