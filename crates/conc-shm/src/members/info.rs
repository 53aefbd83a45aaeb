//! Members, for somebody who looks.

use super::proof::is_dead;
use super::row::{Held, Owner, Row};
use super::{Member, Table};
use crate::sys::process::Stat;

/// How a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemberState {
    /// It lives.
    Alive,
    /// It lives, and was stopped by a signal or a debugger.
    Stopped,
    /// It has died, and nobody has recovered it yet.
    Dead,
    /// A ticket was sent to it; the process is the sender.
    Expected,
}

/// A row of the table, for somebody who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberInfo {
    /// Row and generation.
    pub member: Member,
    /// The number of the process.
    pub pid: u32,
    /// When the process began: ticks since the system did, as in field 22 of `/proc/<pid>/stat`.
    pub start: u64,
    /// How it is.
    pub state: MemberState,
}

impl<'a> Table<'a> {
    /// All members and tickets: they may change meanwhile.
    pub(crate) fn infos(self) -> impl Iterator<Item = MemberInfo> + 'a {
        self.rows().filter_map(|(number, row)| MemberInfo::of(number, row))
    }
}

impl MemberInfo {
    /// `None`: nobody is there.
    pub(super) fn of(number: u16, row: &Row) -> Option<Self> {
        let seen = row.look().filter(|seen| seen.held != Held::Free)?;
        let (Owner::Process(process) | Owner::Ticket(process)) = seen.owner;
        let state = match seen.held {
            _ if is_dead(process) => MemberState::Dead,
            Held::Expected => MemberState::Expected,
            _ => match Stat::of(process.pid()) {
                Ok(stat) if matches!(stat.state, b'T' | b't') => MemberState::Stopped,
                _ => MemberState::Alive,
            },
        };
        let pid = process.pid().unsigned_abs();
        Some(Self { member: seen.member(number), pid, start: process.start(), state })
    }
}
