//! The reasons for which a dlib file is rejected.

/// What is wrong with a dlib file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DlibFault {
    /// The file holds another model of dlib.
    #[error("is {model}, which is not used")]
    OtherModel {
        /// The model.
        model: String,
    },
    /// The file is compressed, as dlib publishes it.
    #[error("is compressed with bzip2")]
    Compressed,
    /// The file does not begin like a model of dlib.
    #[error("not a model of dlib: its first bytes are not those of a dlib file")]
    NotDlib,
    /// The file has more bytes than any model that is read.
    #[error("has {found} bytes; at most {expected} are read")]
    TooLong {
        /// Number of bytes of the file.
        found: u64,
        /// The largest number of bytes that are read.
        expected: u64,
    },
    /// The file ends within a value.
    #[error("truncated: it ends at byte {length}, within {part}")]
    Truncated {
        /// Number of bytes of the file.
        length: usize,
        /// The part of the network.
        part: String,
    },
    /// The file continues after the network.
    #[error("{count} bytes follow the last layer")]
    TrailingBytes {
        /// Number of bytes after the last layer.
        count: usize,
    },
    /// The bytes are not those of the expected value.
    #[error("damaged at byte {at}, in {part}: expected {expected}")]
    BadValue {
        /// The position.
        at: usize,
        /// The part of the network.
        part: String,
        /// The expected value.
        expected: &'static str,
    },
    /// A layer or a setting is not that of the network.
    #[error("not dlib's face recognition network: {part}: expected {expected}, found {found}")]
    OtherNetwork {
        /// The part of the network.
        part: String,
        /// The layer or setting of the network.
        expected: String,
        /// The layer or setting of the file.
        found: String,
    },
}

impl DlibFault {
    /// The remedy in one sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Compressed => "unpack it with bunzip2",
            Self::Truncated { .. } | Self::BadValue { .. } | Self::TrailingBytes { .. } => {
                "copy the file again"
            }
            Self::OtherModel { .. } | Self::NotDlib | Self::TooLong { .. } | Self::OtherNetwork { .. } => {
                "import dlib_face_recognition_resnet_model_v1.dat, the only model of dlib that can be imported"
            }
        }
    }
}
