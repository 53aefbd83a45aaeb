//! What a process keeps in order to have children.
//!
//! | file | holds |
//! |---|---|
//! | `family` | one record for each process: who it is, its server, its children |
//! | `server` | the client's end of a fork server |
//! | `launch` | one order, from a builder to a running child |

mod family;
mod launch;
mod server;

pub(crate) use family::{Family, Identity, Kin, Parent, stream};
pub(crate) use launch::{Launch, Launched, child_name, launch};
pub(crate) use server::Server;
pub use server::preload;
