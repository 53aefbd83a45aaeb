//! `conc_shm::queue`: ours.

use super::super::queue::conc::Copied;
use crate::harness::Group;

pub(super) fn register(group: &mut Group) {
    super::blocking::<Copied<8>>(group, "conc_queue", "two queues of plain data, put and get");
}
