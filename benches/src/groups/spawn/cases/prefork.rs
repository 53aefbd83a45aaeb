//! Children that were forked before anybody asked for them.

use super::START_TO_RESULT;
use crate::harness::Case;

pub(in super::super) const NAME: &str = "prefork";

pub(super) fn case() -> Case {
    Case {
        name: NAME,
        about: "children forked in advance: conc offers none, so there is nothing to report, and \
                no figure of this group has any",
        ranked_by: START_TO_RESULT,
        contenders: Vec::new(),
    }
}
