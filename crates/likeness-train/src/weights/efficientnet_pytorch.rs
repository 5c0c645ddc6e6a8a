//! Translates the layer names of the package `efficientnet_pytorch` to torchvision's.
//!
//! Melas-Kyriazi, "EfficientNet PyTorch", <https://github.com/lukemelas/EfficientNet-PyTorch>, counts the blocks over all stages
//! (`_blocks.3._expand_conv`). Weights of EfficientNet-Lite0 have these names.

use std::collections::BTreeMap;

/// Number of blocks of each stage.
const BLOCKS: [usize; 7] = [1, 2, 2, 3, 3, 4, 1];

/// Torchvision's key for each key of a file of `efficientnet_pytorch`; empty for other networks.
pub(super) fn torchvision_keys<'a>(
    keys: impl Iterator<Item = &'a String> + Clone,
) -> BTreeMap<String, String> {
    let is_prefix = |before: &&str| before.is_empty() || before.ends_with('.');
    let stem = keys.clone().find_map(|key| key.strip_suffix("_conv_stem.weight").filter(is_prefix));
    let Some(prefix) = stem else { return BTreeMap::new() };
    let squeezes = keys.clone().any(|key| key.contains("._se_reduce."));
    let known = |key: &String| {
        let known = torchvision_key(key.strip_prefix(prefix)?, squeezes)?;
        Some((key.clone(), format!("{prefix}{known}")))
    };
    keys.filter_map(known).collect()
}

/// Torchvision's key for a tensor; `None` for an unknown layer.
fn torchvision_key(key: &str, squeezes: bool) -> Option<String> {
    let (layer, rest) = key.split_once('.')?;
    let outside = match layer {
        "_conv_stem" => "features.0.0",
        "_bn0" => "features.0.1",
        "_conv_head" => "features.8.0",
        "_bn1" => "features.8.1",
        "_fc" => "classifier.1",
        "_blocks" => return in_block(rest, squeezes),
        _ => return None,
    };
    Some(format!("{outside}.{rest}"))
}

/// Torchvision's key for `BLOCK.LAYER.REST`; the first block has no expansion.
fn in_block(key: &str, squeezes: bool) -> Option<String> {
    let mut parts = key.splitn(3, '.');
    let (block, layer, rest) = (parts.next()?.parse::<usize>().ok()?, parts.next()?, parts.next()?);
    let (stage, block) = stage_of(block)?;
    let depthwise = usize::from(stage > 0);
    let project = depthwise + 1 + usize::from(squeezes);
    let place = match layer {
        "_expand_conv" => "0.0".to_owned(),
        "_bn0" => "0.1".to_owned(),
        "_depthwise_conv" => format!("{depthwise}.0"),
        "_bn1" => format!("{depthwise}.1"),
        "_se_reduce" => format!("{}.fc1", depthwise + 1),
        "_se_expand" => format!("{}.fc2", depthwise + 1),
        "_project_conv" => format!("{project}.0"),
        "_bn2" => format!("{project}.1"),
        _ => return None,
    };
    Some(format!("features.{}.{block}.block.{place}.{rest}", stage + 1))
}

/// The stage of a block, and the block's number within the stage.
fn stage_of(mut block: usize) -> Option<(usize, usize)> {
    for (stage, blocks) in BLOCKS.into_iter().enumerate() {
        match block.checked_sub(blocks) {
            Some(later) => block = later,
            None => return Some((stage, block)),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::{Architecture, BackboneConfig};
    use crate::network::parameters;
    use burn::tensor::Device;
    use std::collections::BTreeSet;

    /// The keys of a network of 16 blocks.
    fn keys(squeezes: bool) -> Vec<String> {
        let tensors = |conv: &str, norm: &str| -> Vec<String> {
            let norms = ["weight", "bias", "running_mean", "running_var"].map(|t| format!("{norm}.{t}"));
            [vec![format!("{conv}.weight")], norms.to_vec()].concat()
        };
        let mut keys = [tensors("_conv_stem", "_bn0"), tensors("_conv_head", "_bn1")].concat();
        for block in 0..16 {
            let mut layers = vec![("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")];
            if block > 0 {
                layers.push(("_expand_conv", "_bn0"));
            }
            for (conv, norm) in layers {
                keys.extend(tensors(&format!("_blocks.{block}.{conv}"), &format!("_blocks.{block}.{norm}")));
            }
            if squeezes {
                let parts = ["_se_reduce.weight", "_se_reduce.bias", "_se_expand.weight", "_se_expand.bias"];
                keys.extend(parts.map(|part| format!("_blocks.{block}.{part}")));
            }
        }
        keys
    }

    #[test]
    fn every_key_is_that_of_the_same_layer() {
        for (architecture, squeezes) in
            [(Architecture::EfficientNetLite0, false), (Architecture::EfficientNetB0, true)]
        {
            let backbone = BackboneConfig::new(architecture).init_seeded(&Device::flex(), 0).unwrap();
            let expected: BTreeSet<String> = parameters(&backbone).into_iter().map(|info| info.key).collect();
            let found: BTreeSet<String> = torchvision_keys(keys(squeezes).iter()).into_values().collect();
            assert_eq!(found, expected, "{architecture}");
        }
        let key = "module._blocks.5._project_conv.weight".to_owned();
        let found = torchvision_keys([&"module._conv_stem.weight".to_owned(), &key].into_iter());
        assert_eq!(found[&key], "module.features.4.0.block.2.0.weight");
    }

    #[test]
    fn other_keys_stay() {
        let keys = ["conv_stem.weight", "layer1.0.conv1.weight"].map(str::to_owned);
        assert!(torchvision_keys(keys.iter()).is_empty());
        let keys =
            ["_conv_stem.weight", "_blocks.16._bn1.bias", "_blocks.x._bn1.bias", "extra"].map(str::to_owned);
        assert_eq!(torchvision_keys(keys.iter()).len(), 1);
    }
}
