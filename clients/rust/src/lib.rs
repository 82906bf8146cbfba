//! The client of the AI Socket Registry, generated: [`v1`] has the messages of the service and
//! [`SocketRegistryClient`](v1::socket_registry_client::SocketRegistryClient), with one method for each RPC.
//!
//! What a program adds to that (settings of the connection, retries, a loop that loses no message, an agent) is in the
//! samples of the repository, to be copied.
//!
//! An `https` address needs the feature `tls`; without it tonic connects all the same, and speaks in the clear.
//!
//! A call that is refused fails with a [`tonic::Status`]; its reason and the values that it speaks of are in the
//! `google.rpc.ErrorInfo` that [`tonic_types::StatusExt::get_details_error_info`] finds in it.

/// The package `socketregistry.v1` of the contract.
#[allow(clippy::all, clippy::pedantic)]
pub mod v1 {
    include!("generated/socketregistry.v1.rs");
}

// The versions that the generated code is made for: a program that uses these cannot get hold of others.
pub use {prost, prost_types, tonic, tonic_types};
