//! Messages of the service as protobuf's JSON, by the descriptors that the server too hands out.
use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor, SerializeOptions};
use serde_json::{Serializer, Value};

use crate::operation::Failure;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let descriptors: &[u8] = include_bytes!("../../../../gen/descriptors.binpb");
    DescriptorPool::decode(descriptors).expect("gen/descriptors.binpb is a set of descriptors")
});

/// The RPC of an operation, whose name is in snake case.
pub fn method_of(operation: &str) -> Result<MethodDescriptor, Failure> {
    let name = operation.replace('_', "").to_lowercase();
    let service = POOL.get_service_by_name("socketregistry.v1.SocketRegistry");
    let found = service.and_then(|service| service.methods().find(|method| method.name().to_lowercase() == name));
    found.ok_or_else(|| Failure::usage(format!("there is no operation {operation}")))
}

/// The descriptor of a message of the service.
pub fn message_of(name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(&format!("socketregistry.v1.{name}")).expect("the service has such a message")
}

pub fn from_json<M: Message + Default>(descriptor: MessageDescriptor, json: Value) -> Result<M, Failure> {
    let dynamic = DynamicMessage::deserialize(descriptor, json);
    let decoded = dynamic.map(|message| message.transcode_to());
    decoded.map_err(|error| Failure::usage(error.to_string()))?.map_err(|error| Failure::usage(error.to_string()))
}

/// Panics for a message of another type.
pub fn to_json<M: Message>(descriptor: MessageDescriptor, message: &M) -> Value {
    let mut dynamic = DynamicMessage::new(descriptor);
    dynamic.transcode_from(message).expect("the message is of this type");
    let options = SerializeOptions::new().use_proto_field_name(true);
    let mut written = Vec::new();
    dynamic.serialize_with_options(&mut Serializer::new(&mut written), &options).expect("every message can be written");
    serde_json::from_slice(&written).expect("what was just written is JSON")
}

/// A count or an id: a number, or a string as protobuf has it for large ones.
pub fn number(json: &Value) -> Option<u64> {
    json.as_u64().or_else(|| json.as_str()?.parse().ok())
}
