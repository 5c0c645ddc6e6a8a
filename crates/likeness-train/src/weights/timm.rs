//! Translates timm's layer names to torchvision's.
//!
//! Wightman, "PyTorch Image Models", names EfficientNet's layers its own way (`conv_stem`, `blocks.1.0.conv_pw`); its ResNets
//! and VGGs have torchvision's names. Both libraries build the same layers in the same order.

use std::collections::BTreeMap;

/// Torchvision's key for each key of a file of timm's EfficientNet; empty for other networks.
pub(super) fn torchvision_keys<'a>(
    keys: impl Iterator<Item = &'a String> + Clone,
) -> BTreeMap<String, String> {
    let is_prefix = |before: &&str| before.is_empty() || before.ends_with('.');
    let stem = keys.clone().find_map(|key| key.strip_suffix("conv_stem.weight").filter(is_prefix));
    let Some(prefix) = stem else { return BTreeMap::new() };
    let known = |key: &String| {
        let known = torchvision_key(key.strip_prefix(prefix)?)?;
        Some((key.clone(), format!("{prefix}{known}")))
    };
    keys.filter_map(known).collect()
}

/// Torchvision's key for a tensor of timm's EfficientNet; `None` for an unknown layer.
fn torchvision_key(key: &str) -> Option<String> {
    let (layer, rest) = key.split_once('.')?;
    let outside = match layer {
        "conv_stem" => "features.0.0",
        "bn1" => "features.0.1",
        "conv_head" => "features.8.0",
        "bn2" => "features.8.1",
        "classifier" => "classifier.1",
        "blocks" => return in_block(rest),
        _ => return None,
    };
    Some(format!("{outside}.{rest}"))
}

/// Torchvision's key for `STAGE.BLOCK.LAYER.REST`; the blocks of the first stage have no expansion.
fn in_block(key: &str) -> Option<String> {
    let mut parts = key.splitn(4, '.');
    let (stage, block, layer, rest) =
        (parts.next()?.parse::<usize>().ok()?, parts.next()?, parts.next()?, parts.next()?);
    let place = match (stage, layer) {
        (0, "conv_dw") => "0.0",
        (0, "bn1") => "0.1",
        (0, "se") => "1",
        (0, "conv_pw") => "2.0",
        (0, "bn2") => "2.1",
        (_, "conv_pw") => "0.0",
        (_, "bn1") => "0.1",
        (_, "conv_dw") => "1.0",
        (_, "bn2") => "1.1",
        (_, "se") => "2",
        (_, "conv_pwl") => "3.0",
        (_, "bn3") => "3.1",
        _ => return None,
    };
    let rest = rest.replace("conv_reduce", "fc1").replace("conv_expand", "fc2");
    Some(format!("features.{}.{block}.block.{place}.{rest}", stage + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = include_str!("../../tests/golden/timm/efficientnet-b0.txt");

    #[test]
    fn every_key_of_efficientnet_is_that_of_the_same_layer() {
        let pairs: Vec<(&str, &str)> = KEYS.lines().filter_map(|line| line.split_once(' ')).collect();
        assert_eq!(pairs.len(), 360);
        for prefix in ["", "state_dict.module."] {
            let keys: Vec<String> = pairs.iter().map(|(timm, _)| format!("{prefix}{timm}")).collect();
            let found = torchvision_keys(keys.iter());
            for ((_, expected), key) in pairs.iter().zip(&keys) {
                assert_eq!(found[key], format!("{prefix}{expected}"));
            }
        }
    }

    #[test]
    fn other_keys_stay() {
        let keys = ["conv1.weight", "bn1.weight", "layer1.0.conv1.weight"].map(str::to_owned);
        assert!(torchvision_keys(keys.iter()).is_empty());
        let keys = ["conv_stem.weight", "extra", "blocks.x.0.conv_pw.weight"].map(str::to_owned);
        let found = torchvision_keys(keys.iter());
        assert_eq!(found, [("conv_stem.weight".to_owned(), "features.0.0.weight".to_owned())].into());
    }
}
