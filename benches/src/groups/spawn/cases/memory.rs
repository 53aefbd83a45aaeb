//! What a server and a child hold while they do nothing.

use super::super::proc::Memory;
use crate::harness::{Case, Metric, Sample, Unit};

pub(in super::super) const NAME: &str = "memory";

const CHILD_UNSHARED: Metric = Metric::new("child_unshared", Unit::Kibibytes);
const CHILD_PSS: Metric = Metric::new("child_pss", Unit::Kibibytes);
const SERVER_UNSHARED: Metric = Metric::new("server_unshared", Unit::Kibibytes);
const SERVER_PSS: Metric = Metric::new("server_pss", Unit::Kibibytes);

pub(super) fn case() -> Case {
    Case {
        name: NAME,
        about: "an idle child and the idle server, if there is one, beside their parent",
        ranked_by: CHILD_UNSHARED,
        contenders: Vec::new(),
    }
}

pub(in super::super) fn samples(child: Memory, server: Option<Memory>) -> Vec<Sample> {
    let mut samples =
        vec![CHILD_UNSHARED.sample(child.unshared), CHILD_PSS.sample(child.proportional)];
    if let Some(server) = server {
        samples.push(SERVER_UNSHARED.sample(server.unshared));
        samples.push(SERVER_PSS.sample(server.proportional));
    }
    samples
}
