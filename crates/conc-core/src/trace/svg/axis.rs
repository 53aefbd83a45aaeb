//! The axis of time: round steps and how to write them.

use std::time::Duration;

/// The moments of an axis and what is written at each.
pub(super) fn ticks(total: Duration, at_most: usize) -> Vec<(Duration, String)> {
    let total = nanos(total);
    if total == 0 {
        return vec![(Duration::ZERO, "0 s".to_owned())];
    }
    let step = step(total, at_most);
    let (unit, name) = match total {
        0..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let text = |at: u64| {
        let fraction = at % unit;
        if fraction == 0 {
            return format!("{} {name}", at / unit);
        }
        let digits = unit.ilog10() as usize;
        let fraction = format!("{fraction:0digits$}");
        format!("{}.{} {name}", at / unit, fraction.trim_end_matches('0'))
    };
    (0..=total / step).map(|n| n * step).map(|at| (Duration::from_nanos(at), text(at))).collect()
}

/// The smallest of 1, 2, 5, 10, 20, 50, … nanoseconds that leads to few enough ticks.
fn step(total: u64, at_most: usize) -> u64 {
    let at_most = at_most.max(1) as u64;
    (0..19)
        .flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)))
        .find(|step| total / step <= at_most)
        .unwrap_or(u64::MAX)
}

/// Three centuries are long enough for an axis.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{step, ticks};
    use std::time::Duration;

    fn texts(nanos: u64) -> Vec<String> {
        ticks(Duration::from_nanos(nanos), 5).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn steps_are_round() {
        let _watchdog = conc_tests::watchdog();
        assert_eq!(texts(0), ["0 s"]);
        assert_eq!(texts(4), ["0 ns", "1 ns", "2 ns", "3 ns", "4 ns"]);
        assert_eq!(texts(1_000), ["0 µs", "0.2 µs", "0.4 µs", "0.6 µs", "0.8 µs", "1 µs"]);
        assert_eq!(texts(73_000), ["0 µs", "20 µs", "40 µs", "60 µs"]);
        assert_eq!(texts(4_213_000_000), ["0 s", "1 s", "2 s", "3 s", "4 s"]);
        assert_eq!(texts(250_000_000), ["0 ms", "50 ms", "100 ms", "150 ms", "200 ms", "250 ms"]);
        assert_eq!(texts(1_300_000_000), ["0 s", "0.5 s", "1 s"]);
    }

    #[test]
    fn ticks_are_few_and_within() {
        let _watchdog = conc_tests::watchdog();
        for shift in 0..64 {
            for total in [(1_u64 << shift) - 1, 1 << shift, u64::MAX >> shift] {
                for at_most in [0, 1, 2, 7, 20] {
                    let total = Duration::from_nanos(total);
                    let ticks = ticks(total, at_most);
                    assert!(!ticks.is_empty() && ticks.len() <= at_most.max(1) + 1);
                    assert!(ticks.iter().all(|&(at, _)| at <= total));
                }
            }
        }
        assert!(!ticks(Duration::MAX, 5).is_empty());
    }

    #[test]
    fn no_step_is_larger_than_needed() {
        let _watchdog = conc_tests::watchdog();
        assert_eq!(step(100, 10), 10);
        assert_eq!(step(101, 10), 10);
        assert_eq!(step(110, 10), 20);
    }
}
