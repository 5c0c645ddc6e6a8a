//! Finds the settings of a run that differ from the given ones.

use toml::{Table, Value};

use super::config::TrainConfig;
use crate::SettingDifference;

/// Settings that are not compared: those that change no result, and one that follows from another.
const PASSED_OVER: [&str; 3] = ["workers", "cache_mib", "network.seed"];

/// The settings whose values in `given` and `run` differ, by path, such as `phases.triplet.epochs`.
pub(super) fn between(run: &TrainConfig, given: &TrainConfig) -> Vec<SettingDifference> {
    let mut found = Vec::new();
    compare("", Some(&named(run)), Some(&named(given)), &mut found);
    found.retain(|difference| !PASSED_OVER.contains(&difference.setting.as_str()));
    found
}

/// The settings as TOML, with phases and losses by name.
fn named(config: &TrainConfig) -> Value {
    let mut value = Value::try_from(config).unwrap_or(Value::Table(Table::new()));
    let Some(Value::Array(phases)) = value.get_mut("phases") else { return value };
    for phase in phases.iter_mut() {
        if let Some(losses) = phase.get_mut("losses") {
            by_name(losses, "loss");
        }
    }
    if let Some(phases) = value.get_mut("phases") {
        by_name(phases, "name");
    }
    value
}

/// An array of tables as a table by the value of `key`, if these values are unique.
fn by_name(array: &mut Value, key: &str) {
    let Value::Array(items) = &*array else { return };
    let mut table = Table::new();
    for item in items {
        let Some(name) = item.get(key).and_then(Value::as_str) else { return };
        if table.insert(name.to_owned(), item.clone()).is_some() {
            return;
        }
    }
    *array = Value::Table(table);
}

fn compare(path: &str, run: Option<&Value>, given: Option<&Value>, found: &mut Vec<SettingDifference>) {
    if run == given {
        return;
    }
    if let (Some(Value::Table(run)), Some(Value::Table(given))) = (run, given) {
        let keys: std::collections::BTreeSet<&String> = run.keys().chain(given.keys()).collect();
        for key in keys {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            compare(&path, run.get(key), given.get(key), found);
        }
        return;
    }
    found.push(SettingDifference { setting: path.to_owned(), run: text_of(run), given: text_of(given) });
}

/// A value as in `run.toml`; 32-bit floats without the digits of their 64-bit form.
fn text_of(value: Option<&Value>) -> String {
    match value {
        None => "not set".to_owned(),
        Some(Value::Float(value)) => (*value as f32).to_string(),
        Some(Value::Table(_)) => "set".to_owned(),
        Some(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::AdaptationConfig;
    use crate::backbone::Architecture;

    fn told(change: impl FnOnce(&mut TrainConfig)) -> Vec<String> {
        let run = TrainConfig::triplet(Architecture::ResNet18);
        let mut given = run.clone();
        change(&mut given);
        let text = |d: SettingDifference| format!("{} {} {}", d.setting, d.run, d.given);
        run.differences(&given).into_iter().map(text).collect()
    }

    #[test]
    fn each_difference_is_named_with_both_values() {
        assert_eq!(told(|c| c.phases[1].epochs = 9), ["phases.triplet.epochs 3 9"]);
        assert_eq!(told(|c| c.averaging = 0.999), ["averaging 0 0.999"]);
        assert_eq!(told(|c| c.patience = Some(2)), ["patience not set 2"]);
        assert_eq!(told(|c| c.adaptation = Some(AdaptationConfig::default())), ["adaptation not set set"]);
        assert_eq!(told(|c| drop(c.phases.remove(0))), ["phases.cosface set not set"]);
        let both = told(|c| {
            (c.seed, c.network.seed) = (5, 5);
            c.phases[0].losses[0].weight = 0.5;
        });
        assert_eq!(both, ["phases.cosface.losses.cosface.weight 1 0.5", "seed 0 5"]);
    }

    #[test]
    fn threads_and_memory_are_no_difference() {
        assert!(told(|c| (c.workers, c.cache_mib) = (7, 1)).is_empty());
    }
}
