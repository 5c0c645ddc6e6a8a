//! A weights file as a table of named tensors, each read on demand.

use super::save::{CHECKSUM, checksum};
use super::{efficientnet_pytorch, pickle, timm};
use crate::error::{Result, TrainError};
use burn_store::pytorch_reader::{DType, PytorchReader, Tensor as PytorchTensor};
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Maximum file size; the largest published network has 0.6 GB.
const MAX_FILE_BYTES: u64 = 4 << 30;

/// A weights file.
#[derive(Debug)]
pub struct WeightsFile {
    path: PathBuf,
    metadata: BTreeMap<String, String>,
    shapes: BTreeMap<String, Vec<usize>>,
    /// The file's own keys of tensors that have another key in `shapes`.
    renamed: BTreeMap<String, String>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Safetensors(Vec<u8>),
    Pytorch(std::collections::HashMap<String, PytorchTensor>),
}

impl WeightsFile {
    /// Opens a `.pth`, `.pt` or `.safetensors` file. The format is detected from the content.
    ///
    /// A safetensors file that this program wrote is compared with its checksum; other files have none.
    ///
    /// # Errors    damaged, another format → [`TrainError::BadWeights`] · a pickle that names other objects than tensors →
    /// [`TrainError::UnsafePickle`] · unreadable → [`TrainError::Io`]
    pub fn open(path: &Path) -> Result<Self> {
        let size = fs_err::metadata(path)?.len();
        if size > MAX_FILE_BYTES {
            return Err(bad(path, format!("{size} bytes are more than the {MAX_FILE_BYTES} that are read")));
        }
        let file = if pickle::looks_like_pytorch(path)? {
            Self::open_pytorch(path)?
        } else {
            Self::open_safetensors(path)?
        };
        Ok(file.with_torchvision_keys())
    }

    /// The file with torchvision's keys in place of those of other libraries.
    fn with_torchvision_keys(mut self) -> Self {
        let mut renamed = timm::torchvision_keys(self.shapes.keys());
        renamed.extend(efficientnet_pytorch::torchvision_keys(self.shapes.keys()));
        for (key, known) in renamed {
            if let Some(shape) = self.shapes.remove(&key) {
                self.shapes.insert(known.clone(), shape);
                self.renamed.insert(known, key);
            }
        }
        self
    }

    fn open_safetensors(path: &Path) -> Result<Self> {
        let bytes = fs_err::read(path)?;
        let damaged = |error: safetensors::SafeTensorError| {
            bad(path, format!("neither safetensors nor a file of torch.save: {error}"))
        };
        let (header_bytes, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let mut metadata: BTreeMap<String, String> =
            header.metadata().clone().unwrap_or_default().into_iter().collect();
        let tensors = SafeTensors::deserialize(&bytes).map_err(damaged)?;
        let renamed = BTreeMap::new();
        let shapes = tensors.tensors().into_iter().map(|(key, view)| (key, view.shape().to_vec())).collect();
        // The header follows its length, which has eight bytes.
        let data = bytes.get(8 + header_bytes..).unwrap_or_default();
        if metadata.remove(CHECKSUM).is_some_and(|found| found != checksum(&metadata, &shapes, [data])) {
            return Err(bad(path, "was altered: the checksum is not that of the tensors".into()));
        }
        Ok(Self { path: path.to_owned(), metadata, shapes, renamed, source: Source::Safetensors(bytes) })
    }

    fn open_pytorch(path: &Path) -> Result<Self> {
        pickle::check(path)?;
        let reader = PytorchReader::new(path).map_err(|error| bad(path, error.to_string()))?;
        let tensors = reader.into_tensors();
        if tensors.is_empty() {
            return Err(bad(path, "no tensors inside".into()));
        }
        let shapes = tensors.iter().map(|(key, tensor)| (key.clone(), tensor.shape().to_vec())).collect();
        let (metadata, renamed) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { path: path.to_owned(), metadata, shapes, renamed, source: Source::Pytorch(tensors) })
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The metadata of a safetensors file; empty for a `.pth` file.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The shapes of the tensors by key. Networks of timm have torchvision's keys.
    pub fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.shapes
    }

    /// The values of a tensor, row-major.
    ///
    /// # Errors    an unknown key, integers, values that are not finite, damage → [`TrainError::BadWeights`]
    pub fn read(&self, key: &str) -> Result<Vec<f32>> {
        let absent = || bad(&self.path, format!("no tensor {key}"));
        let key = self.renamed.get(key).map_or(key, String::as_str);
        let (bytes, kind) = match &self.source {
            Source::Safetensors(bytes) => {
                let tensors =
                    SafeTensors::deserialize(bytes).map_err(|error| bad(&self.path, error.to_string()))?;
                let view = tensors.tensor(key).map_err(|_| absent())?;
                (view.data().to_vec(), safetensors_kind(view.dtype()))
            }
            Source::Pytorch(tensors) => {
                let tensor = tensors.get(key).ok_or_else(absent)?;
                let bytes = tensor.read().map_err(|error| bad(&self.path, error.to_string()))?;
                (bytes, pytorch_kind(tensor.dtype()))
            }
        };
        let Some(kind) = kind else {
            return Err(bad(
                &self.path,
                format!("tensor {key} does not hold 16, 32 or 64 bit floating-point numbers"),
            ));
        };
        let values = kind.decode(&bytes);
        match values.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(bad(&self.path, format!("tensor {key}: number {index} is {}", values[index]))),
            None => Ok(values),
        }
    }
}

pub(super) fn bad(path: &Path, reason: String) -> TrainError {
    TrainError::BadWeights { path: path.to_owned(), reason }
}

/// A floating-point format, little-endian.
#[derive(Debug, Clone, Copy)]
enum Float {
    Half,
    Brain,
    Single,
    Double,
}

fn safetensors_kind(kind: Dtype) -> Option<Float> {
    match kind {
        Dtype::F16 => Some(Float::Half),
        Dtype::BF16 => Some(Float::Brain),
        Dtype::F32 => Some(Float::Single),
        Dtype::F64 => Some(Float::Double),
        _ => None,
    }
}

fn pytorch_kind(kind: DType) -> Option<Float> {
    match kind {
        DType::F16 => Some(Float::Half),
        DType::BF16 => Some(Float::Brain),
        DType::F32 => Some(Float::Single),
        DType::F64 => Some(Float::Double),
        _ => None,
    }
}

impl Float {
    fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::Half => pieces(bytes).map(|b| half::f16::from_le_bytes(b).to_f32()).collect(),
            Self::Brain => pieces(bytes).map(|b| half::bf16::from_le_bytes(b).to_f32()).collect(),
            Self::Single => pieces(bytes).map(f32::from_le_bytes).collect(),
            Self::Double => pieces(bytes).map(|b| f64::from_le_bytes(b) as f32).collect(),
        }
    }
}

fn pieces<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}
