//! The protoc plugin that writes gen/rust: messages by prost, and the client of the service by tonic.
//!
//! prost and tonic are made to be called from a build script, by everybody who compiles the crate. Called once, here,
//! they spare a user of the client the tools of protobuf. (The published plugin for tonic loses the comments of the RPCs
//! in what buf sends it.)
use std::io::{self, Read, Write};

use prost::Message;
use prost_build::{Config, Module};
use prost_types::compiler::code_generator_response::{Feature, File};
use prost_types::compiler::{CodeGeneratorRequest, CodeGeneratorResponse};

fn main() -> io::Result<()> {
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input)?;
    let request = CodeGeneratorRequest::decode(input.as_slice())?;
    let response = CodeGeneratorResponse {
        file: generate(request)?,
        supported_features: Some(Feature::Proto3Optional as u64),
        ..CodeGeneratorResponse::default()
    };
    io::stdout().write_all(&response.encode_to_vec())
}

/// One file for each package that was asked for. What these import has to be known, but is written elsewhere.
fn generate(request: CodeGeneratorRequest) -> io::Result<Vec<File>> {
    let modules: Vec<_> =
        request.proto_file.into_iter().map(|file| (Module::from_protobuf_package_name(file.package()), file)).collect();
    let mut asked: Vec<Module> = modules
        .iter()
        .filter(|(_, file)| request.file_to_generate.iter().any(|name| name == file.name()))
        .map(|(module, _)| module.clone())
        .collect();
    asked.sort();
    asked.dedup();

    let service_generator = tonic_prost_build::configure().build_server(false).service_generator();
    let mut written = Config::new()
        // What a refused write of a stream says, of the type whose details a program can already read.
        .extern_path(".google.rpc.Status", "::tonic_types::Status")
        .service_generator(service_generator)
        .generate(modules)?;
    Ok(asked
        .into_iter()
        .filter_map(|module| {
            let content = written.remove(&module)?;
            let name = Some(module.to_file_name_or("_"));
            Some(File { name, content: Some(content), ..File::default() })
        })
        .collect())
}
