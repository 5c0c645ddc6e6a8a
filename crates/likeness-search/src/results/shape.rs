//! Reads and writes the two published shapes of a results file, and keeps the order of the queries.

use std::fmt;
use std::str::FromStr;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ResultEntry, Results};
use crate::{Result, SearchError};

/// The layout of a results file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResultsShape {
    /// One object with the group's name and a map from query to images.
    #[default]
    Map,
    /// A list of objects, one per query, without the group's name.
    List,
}

impl fmt::Display for ResultsShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Map => "map",
            Self::List => "list",
        })
    }
}

impl FromStr for ResultsShape {
    type Err = SearchError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "map" => Ok(Self::Map),
            "list" => Ok(Self::List),
            _ => Err(SearchError::BadArgument {
                reason: format!("{name}: unknown shape of results; expected map or list"),
            }),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct MapFile {
    groupname: String,
    images: Images,
}

#[derive(Serialize, Deserialize)]
struct ListItem {
    filename: String,
    gallery_images: Vec<String>,
}

/// A JSON object with its keys in order, including repeated ones.
struct Images(Vec<ResultEntry>);

impl Serialize for Images {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for entry in &self.0 {
            map.serialize_entry(&entry.query, &entry.gallery)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Images {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ImagesVisitor)
    }
}

struct ImagesVisitor;

impl<'de> Visitor<'de> for ImagesVisitor {
    type Value = Images;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object that gives each query a list of gallery images")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Images, A::Error> {
        let mut entries = Vec::new();
        while let Some((query, gallery)) = map.next_entry()? {
            entries.push(ResultEntry { query, gallery });
        }
        Ok(Images(entries))
    }
}

/// Results in either shape, ready to be serialised.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Shaped {
    #[allow(private_interfaces)]
    Map(MapFile),
    #[allow(private_interfaces)]
    List(Vec<ListItem>),
}

impl Results {
    pub(super) fn shaped(&self, shape: ResultsShape) -> Shaped {
        let entries = self.entries.iter().cloned();
        match shape {
            ResultsShape::Map => {
                Shaped::Map(MapFile { groupname: self.group.clone(), images: Images(entries.collect()) })
            }
            ResultsShape::List => Shaped::List(
                entries.map(|e| ListItem { filename: e.query, gallery_images: e.gallery }).collect(),
            ),
        }
    }

    pub(super) fn from_slice(text: &[u8]) -> Result<Self, String> {
        let wrong = |error: serde_json::Error| format!("not a results file: {error}");
        let is_list = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let (group, entries) = if is_list {
            let items: Vec<ListItem> = serde_json::from_slice(text).map_err(wrong)?;
            let entry = |item: ListItem| ResultEntry { query: item.filename, gallery: item.gallery_images };
            (String::new(), items.into_iter().map(entry).collect())
        } else {
            let file: MapFile = serde_json::from_slice(text).map_err(wrong)?;
            (file.groupname, file.images.0)
        };
        Self::new(group, entries).map_err(|error| error.to_string())
    }
}
