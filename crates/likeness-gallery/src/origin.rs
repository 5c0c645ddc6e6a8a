//! Where the person of a face comes from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an assignment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Somebody named the face.
    Manual,
    /// Somebody confirmed that the program was right.
    Confirmed,
    /// The program assigned the face.
    Automatic,
}

impl Origin {
    /// All origins.
    pub const ALL: [Self; 3] = [Self::Manual, Self::Confirmed, Self::Automatic];

    /// The name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Confirmed => "confirmed",
            Self::Automatic => "automatic",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Origin {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|origin| origin.name().eq_ignore_ascii_case(name)).ok_or(())
    }
}
