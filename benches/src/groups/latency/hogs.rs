//! Processes that never wait.

use super::super::queue::sides::{Child, Side};

/// So many of them; dropped, they are dead.
#[derive(Debug)]
pub(super) struct Hogs {
    _hogs: Vec<Child>,
}

impl Hogs {
    pub(super) fn start(count: usize) -> Self {
        let hog = || Child::start(Side::new(None, compute));
        Self { _hogs: std::iter::repeat_with(hog).take(count).collect() }
    }
}

/// A loop of arithmetic: one that spins politely would leave the core to its other half.
fn compute() {
    let mut state = 1_u64;
    loop {
        state = std::hint::black_box(state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1));
    }
}
