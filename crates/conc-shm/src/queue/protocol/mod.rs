//! The protocol of the crash-safe queue: a ring whose places own their messages.
//!
//! # Layout
//!
//! Each of the `n` places has three things: a *slot word*, a *claim word* and room for a message
//! (see [`words`]). The claim words lie apart, because producers fight for them and consumers
//! poll the slot words. `head` and `tail` are guesses that save newcomers a walk; the slot words
//! alone are the truth.
//!
//! # States and transitions of a place, in its use number `l`
//!
//! ```text
//!                 claim: CAS claim (<l → l,p)               publish: CAS
//!   FREE(l) ───────────────────────────────► FREE(l), p writes ───────────► FULL(l)
//!      ▲                                       │            │                 │  │
//!      │              give up: CAS             │            │ revoke: CAS     │  │
//!      ├◄──────────────────────────────────────┘            ▼ (a consumer)    │  │
//!      │                                                HELD(l,p)             │  │
//!      │◄──────────── p gives the place back, or dies ──────┤                 │  │
//!      │                                                    │ too late        │  │
//!      │                                                    ▼                 │  │
//!  FREE(l+1)◄─── take ──────────────────────────────── READY(l,k)             │  │
//!      ▲▲                                               │      ▲              │  │
//!      ││                                         lease │      │ nack, death  │  │
//!      ││                                               ▼      │              │  │
//!      │└──────────────────────── ack ────────────── LEASED(l,k,c) ◄─ lease ──┘  │
//!      │                                                │ nack, death, k = limit │
//!      │                                                ▼                        │
//!      │◄─────────────────── taken away by hand ────── DEAD(l,k)                 │
//!      └◄──────────────────────────────── take: CAS ─────────────────────────────┘
//!
//!   HELD, LEASED, READY, DEAD (l) ── carry: CAS by a producer that goes past ──► the same (l+1)
//!   FULL(l)                       ── overdue: CAS by a producer that goes past ► FULL(l), past l+1
//! ```
//!
//! A message that is overdue is freed, or leased, in the last use that the line went past instead
//! of its own: `FREE(l+2)`, `LEASED(l+1,k,c)`. See `room`.
//!
//! Each arrow is one compare-and-exchange of one word, so a process may die or stop before or
//! after any of them: there is no between.
//!
//! # Invariants
//!
//! 1. *Words only move forward*: a slot word's lap never falls, and no word with the same lap,
//!    state, count and owner comes back (up to the 127th lease of one message).
//! 2. *One writer*: bytes of a place are written only by the process that its claim word names,
//!    and only while the slot is `FREE(l)` with `l` the claim's lap, or `HELD` by that process.
//!    A place that is `HELD` is given back by its producer or after that producer's proved death,
//!    so that a producer which was stopped for a day writes into nobody else's message.
//! 3. *Nobody waits for a claim*: a claimed place that is not published keeps consumers from
//!    messages behind it for a bounded time only; then one of them revokes it.
//! 4. *Passed is passed*: a cursor moves past position (l, i) only after slot `i` was seen with a
//!    lap of at least `l` in a state other than `FREE(l)`, or overdue since then, or after claim `i`
//!    had reached `l`.
//!    So there is never an unclaimed position behind any producer's cursor: a producer's next
//!    message stands behind its last one. And nobody who consumes is past a message that waits,
//!    however often it is overdue.
//! 5. *A validated copy is whole*: who takes a message copies first and exchanges
//!    `FULL(l) → FREE(l+1)` then. By 1 the exchange fails if anything happened to the place since
//!    its word was read; by 2 the bytes were still until then.
//!
//! # Where it comes from
//!
//! Positions with laps are Dmitry Vyukov's bounded queue (2010). That the message lies in the
//! slot, that consumers copy before they take, and that a slow producer's place is revoked and
//! carried along is this project's own design; `queue::model` searches all of its states.

pub(crate) mod chunks;
mod get;
mod put;
mod recover;
mod ring;
mod room;
mod words;

pub(crate) use get::{Glance, Look};
pub(crate) use put::{Claim, Published};
pub(crate) use recover::Returns;
#[cfg(all(test, not(conc_loom)))]
pub(crate) use recover::Settled;
pub(crate) use ring::{Ring, Shape, control};
pub(crate) use room::{Pass, Room};
pub(crate) use words::{ClaimWord, Lap, PLACES_MAX, Position, Row, SlotWord, State};
