//! What users see, story by story: a real API server and Postgres, the operator as a process, kubectl as the hand. Each
//! story has a database, namespaces and an operator of its own; they run one after another. Nothing links the product.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a story fails by panicking, also in the functions that stories share"
)]

mod access;
mod apiserver;
mod canary;
mod chaos;
mod cluster;
mod conditions;
mod connection_test;
mod credentials;
mod demo;
mod emptiness;
mod equality;
mod events;
mod kinds;
mod manifests;
mod many;
mod million;
mod objects;
mod outage;
mod permissions;
mod poison;
mod preview;
mod requests;
mod restart;
mod retirement;
mod samples;
mod scopes;
mod selection;
mod sharing;
mod slim;
mod snapshot;
mod stage;
mod tenancy;
mod tenants;
mod verdicts;
mod verify;
mod webhook;
