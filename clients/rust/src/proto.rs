//! Every message and enum of `cairn.v1`, as it is on the wire.
#![allow(clippy::pedantic)]

include!("gen/cairn.v1.rs");
