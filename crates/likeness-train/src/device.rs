//! Finds the device that training runs on, by its name on the command line.

use burn::tensor::Device;

use crate::{Result, TrainError};

/// The device with the name `cpu`, `cuda`, `cuda:N` or `wgpu`.
///
/// # Errors        another name, a device that the program was built without, or that the machine does not have →
/// [`TrainError::BadArgument`]
pub fn device(name: &str) -> Result<Device> {
    let (kind, index) = match name.split_once(':') {
        Some((kind, index)) => (kind, index.parse::<usize>().ok()),
        None => (name, Some(0)),
    };
    match (kind, index) {
        ("cpu", Some(0)) => Ok(Device::flex()),
        ("cuda", Some(index)) => cuda(index),
        ("wgpu", Some(0)) => wgpu(),
        _ => Err(TrainError::BadArgument {
            reason: format!("{name}: no such device"),
            hint: Some("devices are cpu, cuda, cuda:N and wgpu".into()),
        }),
    }
}

#[cfg(feature = "cuda")]
fn cuda(index: usize) -> Result<Device> {
    use burn::tensor::DeviceType;

    let device = Device::cuda(index);
    match present(|| Device::enumerate(DeviceType::Cuda).into_vec()).contains(&device) {
        true => Ok(device),
        false => Err(missing(&format!("cuda:{index}: there is no such CUDA device, or no driver for it"))),
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda(_index: usize) -> Result<Device> {
    Err(absent("cuda"))
}

#[cfg(feature = "wgpu")]
fn wgpu() -> Result<Device> {
    use burn::tensor::{DeviceKind, DeviceType};

    let found = present(|| Device::enumerate(DeviceType::Wgpu).into_vec());
    let software = Device::wgpu(DeviceKind::Cpu);
    match found.iter().any(|device| *device != software) {
        true => Ok(Device::wgpu(DeviceKind::DefaultDevice)),
        false if found.is_empty() => Err(missing("wgpu: there is no graphics device, or no driver for it")),
        // Slower than --device cpu, and some crash on the SPIR-V that they are given.
        false => Err(missing("wgpu: the only graphics device is a renderer on the processor")),
    }
}

/// The devices that `enumerate` finds; empty where a driver's library is missing, for which some backends panic.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn present(enumerate: impl FnOnce() -> Vec<Device> + std::panic::UnwindSafe) -> Vec<Device> {
    std::panic::catch_unwind(enumerate).unwrap_or_default()
}

#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn missing(reason: &str) -> TrainError {
    TrainError::BadArgument {
        reason: reason.to_owned(),
        hint: Some("install the graphics card's driver, or take --device cpu".into()),
    }
}

#[cfg(not(feature = "wgpu"))]
fn wgpu() -> Result<Device> {
    Err(absent("wgpu"))
}

#[cfg(not(all(feature = "cuda", feature = "wgpu")))]
fn absent(feature: &str) -> TrainError {
    TrainError::BadArgument {
        reason: format!("{feature}: this program was built without it"),
        hint: Some(format!("build with `cargo build --release --features {feature}`, or take --device cpu")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there_and_nonsense_is_not() {
        device("cpu").unwrap();
        for name in ["gpu", "cuda:first", "cpu:3", "", "wgpu:2"] {
            let error = device(name).unwrap_err();
            assert!(error.to_string().contains("no such device"), "{error}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn what_is_absent_is_an_error_with_a_way_out() {
        assert!(device("cuda:1").unwrap_err().hint().unwrap().contains("--features cuda"));
    }
}
