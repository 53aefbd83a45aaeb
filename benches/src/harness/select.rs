//! Which of the registered contenders the command line asks for.

use super::{Case, Contender, Group};
use regex_lite::Regex;
use thiserror::Error;

/// The name that stands for every group.
const ALL: &str = "all";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    /// A name or `all`; nothing given means `all`.
    pub(crate) group: Option<&'a str>,
    /// Nothing given means every case.
    pub(crate) cases: &'a [String],
    pub(crate) contender: Option<&'a str>,
}

/// A case of a group with the contenders that were asked for.
#[derive(Debug)]
pub(crate) struct Selected<'a> {
    pub(crate) group: &'a Group,
    pub(crate) case: &'a Case,
    pub(crate) contenders: Vec<&'a Contender>,
}

/// What was asked for does not exist.
#[derive(Debug, Error)]
pub(crate) enum UsageError {
    #[error("there is no group '{name}'; there are: {known}, {ALL}")]
    UnknownGroup { name: String, known: String },
    #[error("there is no case '{name}' in {group}; there are: {known}")]
    UnknownCase { name: String, group: String, known: String },
    #[error("no contender matches '{pattern}'; there are: {known}")]
    UnknownContender { pattern: String, known: String },
    #[error("'{pattern}' is not a regex: {source}")]
    Pattern { pattern: String, source: regex_lite::Error },
}

impl Selection<'_> {
    /// Finds what was asked for.
    pub(crate) fn apply<'g>(&self, groups: &'g [Group]) -> Result<Vec<Selected<'g>>, UsageError> {
        let groups = self.groups(groups)?;
        let cases = self.cases(&groups)?;
        self.contenders(cases)
    }

    fn groups<'g>(&self, groups: &'g [Group]) -> Result<Vec<&'g Group>, UsageError> {
        let wanted = self.group.unwrap_or(ALL);
        let found: Vec<_> =
            groups.iter().filter(|group| wanted == ALL || group.name == wanted).collect();
        if found.is_empty() {
            let known = names(groups.iter().map(|group| group.name));
            return Err(UsageError::UnknownGroup { name: wanted.to_owned(), known });
        }
        Ok(found)
    }

    fn cases<'g>(&self, groups: &[&'g Group]) -> Result<Vec<(&'g Group, &'g Case)>, UsageError> {
        let known: Vec<_> = groups
            .iter()
            .flat_map(|group| group.cases.iter().map(move |case| (*group, case)))
            .collect();
        let unknown = self.cases.iter().find(|name| known.iter().all(|(_, c)| c.name != **name));
        if let Some(name) = unknown {
            return Err(UsageError::UnknownCase {
                name: name.clone(),
                group: names(groups.iter().map(|group| group.name)),
                known: names(known.iter().map(|(_, case)| case.name)),
            });
        }
        let is_wanted =
            |case: &Case| self.cases.is_empty() || self.cases.iter().any(|n| *n == case.name);
        Ok(known.into_iter().filter(|(_, case)| is_wanted(case)).collect())
    }

    fn contenders<'g>(
        &self,
        cases: Vec<(&'g Group, &'g Case)>,
    ) -> Result<Vec<Selected<'g>>, UsageError> {
        // A name consists of letters, digits, `_` and `-`, so a substring is a regex, too.
        let pattern = self.contender.unwrap_or_default();
        let regex = Regex::new(pattern)
            .map_err(|source| UsageError::Pattern { pattern: pattern.to_owned(), source })?;
        let selected: Vec<_> = cases
            .iter()
            .map(|(group, case)| Selected {
                group,
                case,
                contenders: case.contenders.iter().filter(|c| regex.is_match(c.name)).collect(),
            })
            .filter(|selected| !selected.contenders.is_empty())
            .collect();
        if selected.is_empty() {
            let contenders = cases.iter().flat_map(|(_, case)| &case.contenders);
            return Err(UsageError::UnknownContender {
                pattern: pattern.to_owned(),
                known: names(contenders.map(|contender| contender.name)),
            });
        }
        Ok(selected)
    }
}

/// Each name once, in the order of appearance.
fn names(names: impl Iterator<Item = &'static str>) -> String {
    let mut unique = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    unique.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups;

    fn apply(group: &str, case: &str, contender: &str) -> Result<Vec<String>, UsageError> {
        let groups = groups::all();
        let cases: Vec<_> =
            Some(case.to_owned()).filter(|name| !name.is_empty()).into_iter().collect();
        let selection = Selection { group: Some(group), cases: &cases, contender: Some(contender) };
        let selected = selection.apply(&groups)?;
        let name = |s: &Selected<'_>, c: &Contender| format!("{}/{}", s.case.name, c.name);
        Ok(selected.iter().flat_map(|s| s.contenders.iter().map(|c| name(s, c))).collect())
    }

    #[test]
    fn a_case_and_a_regex_narrow_down() {
        assert_eq!(apply("thread_pool", "heavy", "^rayon$").unwrap(), ["heavy/rayon"]);
        assert_eq!(
            apply("thread_pool", "tiny_map", "limit_ser").unwrap(),
            ["tiny_map/limit_serial"]
        );
    }

    #[test]
    fn what_is_unknown_is_named_with_what_is_known() {
        let message = |result: Result<Vec<String>, UsageError>| result.unwrap_err().to_string();
        assert!(
            message(apply("thread_pol", "", "")).contains("'thread_pol'; there are: thread_pool")
        );
        assert!(message(apply("all", "tiny", "")).contains("tiny_submit, tiny_map"));
        assert!(message(apply("all", "", "tokio")).contains("rayon"));
        assert!(message(apply("all", "", "(")).contains("is not a regex"));
    }
}
