//! The limits in `limits.yaml`, and their check.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::programs::FUNCTIONS;

/// The measured values by name, such as `status.p50_us`.
pub(super) type Figures = BTreeMap<String, f64>;

/// Placeholder for the name of each function.
const EACH: &str = "{function}";

/// A limit of one figure, or of the same figure of each function.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    figure: String,
    /// The figure to divide by.
    #[serde(default)]
    per: Option<String>,
    #[serde(default)]
    at_most: Option<f64>,
    #[serde(default)]
    at_least: Option<f64>,
}

/// The result of one check.
#[derive(Debug, PartialEq)]
pub(super) struct Finding {
    /// The checked value, such as `status.p50_us / floor.p50_us`.
    pub(super) name: String,
    /// The limit, such as `<= 2.3`.
    pub(super) limit: String,
    /// The measured value. `None` if it was not measured.
    pub(super) found: Option<f64>,
    pub(super) is_kept: bool,
}

/// Parses the limits and checks the figures.
///
/// # Errors
/// The text is not a list of limits; the message names the place.
pub(super) fn check(limits: &str, figures: &Figures) -> Result<Vec<Finding>, String> {
    let limits: Vec<Limit> = yaml_serde::from_str(limits).map_err(|error| error.to_string())?;
    let mut findings = Vec::new();
    for limit in limits {
        if limit.at_most.is_some() == limit.at_least.is_some() {
            return Err(format!("{}: one of at_most and at_least", limit.figure));
        }
        if limit.figure.contains(EACH) {
            findings.extend(FUNCTIONS.map(|function| limit.find(function, figures)));
        } else {
            findings.push(limit.find("", figures));
        }
    }
    Ok(findings)
}

impl Limit {
    fn find(&self, function: &str, figures: &Figures) -> Finding {
        let name = self.figure.replace(EACH, function);
        let figure = figures.get(&name).copied();
        let per = self.per.as_ref().map(|per| per.replace(EACH, function));
        let found = match &per {
            Some(per) => figure.zip(figures.get(per)).map(|(one, other)| one / other),
            None => figure,
        };
        let (sign, bound) = match (self.at_most, self.at_least) {
            (Some(bound), _) => ("<=", bound),
            (None, bound) => (">=", bound.unwrap_or_default()),
        };
        let is_kept = found.is_some_and(|found| match sign {
            "<=" => found <= bound,
            _ => found >= bound,
        });
        Finding {
            name: per.map_or(name.clone(), |per| format!("{name} / {per}")),
            limit: format!("{sign} {bound}"),
            found,
            is_kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        let figures = [("status.ms", 3.0), ("floor.ms", 2.0), ("gate.ms", 5.0)];
        figures.map(|(name, value)| (name.to_owned(), value)).into()
    }

    fn kept(limits: &str) -> Vec<(Option<f64>, bool)> {
        let findings = check(limits, &figures()).unwrap();
        let pair = |finding: Finding| (finding.found, finding.is_kept);
        findings.into_iter().map(pair).collect()
    }

    #[test]
    fn a_figure_within_its_limit_passes() {
        assert_eq!(
            kept("- { figure: status.ms, at_most: 3 }"),
            [(Some(3.0), true)]
        );
        assert_eq!(
            kept("- { figure: status.ms, at_most: 2.9 }"),
            [(Some(3.0), false)]
        );
        assert_eq!(
            kept("- { figure: status.ms, at_least: 3.1 }"),
            [(Some(3.0), false)]
        );
    }

    #[test]
    fn a_ratio_within_its_limit_passes() {
        let limits = "- { figure: status.ms, per: floor.ms, at_most: 1.5 }";
        assert_eq!(kept(limits), [(Some(1.5), true)]);
        let finding = &check(limits, &figures()).unwrap()[0];
        assert_eq!(finding.name, "status.ms / floor.ms");
        assert_eq!(finding.limit, "<= 1.5");
    }

    #[test]
    fn an_unmeasured_figure_fails() {
        assert_eq!(
            kept("- { figure: node.ms, per: status.ms, at_least: 1 }"),
            [(None, false)]
        );
    }

    #[test]
    fn a_limit_may_be_for_each_function() {
        let findings = check("- { figure: '{function}.ms', at_most: 4 }", &figures()).unwrap();
        assert_eq!(findings.len(), FUNCTIONS.len());
        let kept = findings.iter().filter(|finding| finding.is_kept);
        let kept: Vec<_> = kept.map(|finding| finding.name.as_str()).collect();
        assert_eq!(kept, ["status.ms"]);
    }

    #[test]
    fn a_limit_has_one_side() {
        for wrong in [
            "- { figure: status.ms }",
            "- { figure: status.ms, at_most: 1, at_least: 1 }",
            "- { figure: status.ms, at_mots: 1 }",
        ] {
            assert!(check(wrong, &figures()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_limits_of_the_project_can_be_read() {
        let findings = check(include_str!("../../../limits.yaml"), &Figures::new()).unwrap();
        assert!(findings.iter().all(|finding| finding.found.is_none()));
    }
}
