//! What a program adds to the generated client, to be copied.
pub mod agent;
pub mod connection;
pub mod messages;
pub mod writer;

// agent.rs is a module here and a program by itself, and says `samples::messages` in both.
extern crate self as samples;
