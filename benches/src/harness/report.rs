//! The rounds of one case, summed up.

use super::{Case, Metric, Sample};

/// What the rounds of one case gave.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) case: &'static str,
    pub(crate) about: &'static str,
    pub(crate) ranked_by: Metric,
    pub(crate) rows: Vec<Row>,
    /// Contenders that did not run, and why.
    pub(crate) skipped: Vec<(&'static str, String)>,
}

/// One contender's rounds.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) rounds: Vec<Round>,
}

/// One round of one contender.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) samples: Vec<Sample>,
    pub(crate) is_disturbed: bool,
}

/// One metric of one contender over the rounds that count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summary {
    pub(crate) metric: Metric,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) rounds: usize,
}

impl Report {
    pub(crate) fn new(case: &Case) -> Self {
        Self {
            case: case.name,
            about: case.about,
            ranked_by: case.ranked_by,
            rows: Vec::new(),
            skipped: Vec::new(),
        }
    }

    pub(crate) fn skip(&mut self, name: &'static str, reason: &str) {
        self.skipped.push((name, reason.to_owned()));
    }
}

impl Row {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, rounds: Vec::new() }
    }

    pub(crate) fn disturbed(&self) -> usize {
        self.rounds.iter().filter(|round| round.is_disturbed).count()
    }

    /// A disturbed round does not count, unless there is no other.
    fn counted(&self) -> impl Iterator<Item = &Round> {
        let none_is_clean = self.disturbed() == self.rounds.len();
        self.rounds.iter().filter(move |round| none_is_clean || !round.is_disturbed)
    }

    /// Each metric, in the order in which the contender gives them.
    pub(crate) fn summaries(&self) -> Vec<Summary> {
        let first = self.counted().next();
        let metrics = first.into_iter().flat_map(|round| &round.samples);
        metrics.filter_map(|sample| self.summary(sample.metric)).collect()
    }

    pub(crate) fn summary(&self, metric: Metric) -> Option<Summary> {
        let samples = self.counted().flat_map(|round| &round.samples);
        let mut values: Vec<f64> =
            samples.filter(|sample| sample.metric == metric).map(|sample| sample.value).collect();
        values.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        Some(Summary { metric, median: median(&values), min, max, rounds: values.len() })
    }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::super::Unit;
    use super::*;

    const TIME: Metric = Metric::new("time", Unit::Nanoseconds);

    fn row(rounds: &[(f64, bool)]) -> Row {
        let round = |&(value, is_disturbed): &(f64, bool)| Round {
            samples: vec![TIME.sample(value)],
            is_disturbed,
        };
        Row { name: "rival", rounds: rounds.iter().map(round).collect() }
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let summary = row(&[(4.0, false), (1.0, false), (2.0, false), (9.0, false)]);
        let summary = summary.summary(TIME).unwrap();
        assert_eq!((summary.min, summary.median, summary.max), (1.0, 3.0, 9.0));
        assert_eq!(summary.rounds, 4);
    }

    #[test]
    fn disturbed_rounds_count_only_if_there_is_no_other() {
        let mixed = row(&[(5.0, false), (50.0, true)]);
        assert_eq!(mixed.disturbed(), 1);
        assert_eq!(mixed.summary(TIME).unwrap().max, 5.0);
        let all = row(&[(40.0, true), (50.0, true)]);
        assert_eq!(all.summary(TIME).unwrap().median, 45.0);
    }

    #[test]
    fn a_metric_that_was_not_given_has_no_summary() {
        let other = Metric::new("peak_threads", Unit::Threads);
        assert!(row(&[(1.0, false)]).summary(other).is_none());
    }
}
