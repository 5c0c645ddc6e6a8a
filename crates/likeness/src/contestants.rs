//! The models of a comparison, each with its embeddings of the same photos.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use likeness_data::photos::Skipped;
use likeness_search::{EmbeddingTable, TableKind};

use crate::context::Context;
use crate::loader::{Loaded, Loader};
use crate::options::{ModelChoice, PhotoOptions};
use crate::usage::{cpu_time, peak_memory, reset_peak_memory};
use crate::{Result, check_exists, invalid};

/// A model, with its embeddings of the photos.
#[derive(Debug)]
pub struct Contestant {
    /// Name in tables and charts; each contestant has another.
    pub name: String,
    /// The model or the embeddings file, as it was named.
    pub source: String,
    /// The embeddings.
    pub table: EmbeddingTable,
    /// Photos without an embedding, with the reasons.
    pub skipped: Vec<Skipped>,
    /// Cost of computing the embeddings; `None` if they were read from a file or a cache.
    pub cost: Option<Cost>,
}

/// The cost of computing embeddings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Processor time of all threads.
    pub cpu: Duration,
    /// Elapsed time.
    pub wall: Duration,
    /// Number of photos.
    pub photos: usize,
    /// Peak resident memory of the program, in bytes; `None` where the system does not tell.
    pub peak_memory: Option<u64>,
}

/// The data and the models that positional arguments name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// Photos to embed: a dataset, a folder or a table; `None` if every argument is an embeddings file.
    pub data: Option<PathBuf>,
    /// Models and embeddings files, at least one.
    pub models: Vec<String>,
}

impl Inputs {
    /// Sorts positional arguments: the first names the photos unless it is an embeddings file, all others are models or
    /// embeddings files. Without a model, the program chooses one.
    ///
    /// # Errors        no argument; photos that do not exist; a model among embeddings files without photos
    pub fn of(arguments: &[String]) -> Result<Self> {
        let Some((first, rest)) = arguments.split_first() else {
            return Err(invalid("there is no input", "name a dataset or embeddings files"));
        };
        if is_embeddings(first) {
            if let Some(model) = rest.iter().find(|name| !is_embeddings(name)) {
                return Err(invalid(
                    format!("{model}: there are no photos that this model could embed"),
                    format!("name a dataset or a folder of labelled photos before {first}"),
                ));
            }
            return Ok(Self { data: None, models: arguments.to_vec() });
        }
        let data = PathBuf::from(first);
        check_exists(&data)?;
        let models = if rest.is_empty() { vec!["auto".to_owned()] } else { rest.to_vec() };
        Ok(Self { data: Some(data), models })
    }

    /// The photos, or the first embeddings file if there are none.
    pub fn data_or_first(&self) -> PathBuf {
        self.data.clone().or_else(|| self.models.first().map(PathBuf::from)).unwrap_or_default()
    }

    /// All files that are read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let models = self.models.iter().map(Path::new).filter(|path| path.exists());
        self.data.iter().map(PathBuf::as_path).chain(models)
    }
}

fn is_embeddings(argument: &str) -> bool {
    let path = Path::new(argument);
    path.is_file() && TableKind::of(path) != TableKind::Other
}

/// Loads or computes the embeddings of every model of `inputs`.
///
/// `choice` gives the settings of all models, such as the engine; its name is ignored.
///
/// # Errors        a model that cannot be opened, photos that cannot be read, no photo that can be embedded
pub fn load(
    inputs: &Inputs,
    choice: &ModelChoice,
    photos: &PhotoOptions,
    split: Option<&str>,
    context: Context<'_>,
) -> Result<Vec<Contestant>> {
    let mut contestants = Vec::new();
    for source in &inputs.models {
        contestants.push(load_one(source, inputs.data.as_deref(), (choice, photos, split), context)?);
    }
    name_apart(&mut contestants);
    Ok(contestants)
}

fn load_one(
    source: &str,
    data: Option<&Path>,
    (choice, photos, split): (&ModelChoice, &PhotoOptions, Option<&str>),
    context: Context<'_>,
) -> Result<Contestant> {
    let (input, model) = match data {
        Some(data) if !is_embeddings(source) => (data.to_owned(), Some(source.to_owned())),
        _ => (PathBuf::from(source), None),
    };
    let is_file = model.is_none() || is_embeddings(&input.to_string_lossy());
    let choice = ModelChoice { model, is_default: false, ..choice.clone() };
    let loader = Loader::new(&choice, photos, context);
    reset_peak_memory();
    let (started, cpu_before) = (Instant::now(), cpu_time());
    let Loaded { table, skipped } = loader.load(std::slice::from_ref(&input), split)?;
    let cost = Cost {
        cpu: cpu_time().saturating_sub(cpu_before),
        wall: started.elapsed(),
        photos: table.len() + skipped.len(),
        peak_memory: peak_memory(),
    };
    let is_measured = !is_file && choice.cache.is_none();
    Ok(Contestant {
        name: name_of(&table, source),
        source: source.to_owned(),
        table,
        skipped,
        cost: is_measured.then_some(cost),
    })
}

/// The name of the model, or that of the file if the file does not state its model.
fn name_of(table: &EmbeddingTable, source: &str) -> String {
    if !table.model().is_external() {
        return table.model().name.clone();
    }
    let stem = Path::new(source).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.unwrap_or_else(|| source.to_owned())
}

/// Gives contestants of one name different ones: by their sources, else by numbers.
fn name_apart(contestants: &mut [Contestant]) {
    let is_taken = |contestants: &[Contestant], at: usize| {
        contestants.iter().enumerate().any(|(other, c)| other != at && c.name == contestants[at].name)
    };
    let doubles: Vec<usize> = (0..contestants.len()).filter(|&at| is_taken(contestants, at)).collect();
    for &at in &doubles {
        contestants[at].name = format!("{} ({})", contestants[at].name, contestants[at].source);
    }
    for at in doubles {
        if is_taken(contestants, at) {
            contestants[at].name = format!("{}, {}", contestants[at].name, at + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use likeness_search::{Distance, ModelTag};

    use super::*;

    fn contestant(name: &str, source: &str) -> Contestant {
        let table =
            EmbeddingTable::new(ModelTag::new(name, "f", 1, Distance::Cosine), Vec::new(), Vec::new());
        Contestant {
            name: name.to_owned(),
            source: source.to_owned(),
            table: table.unwrap(),
            skipped: Vec::new(),
            cost: None,
        }
    }

    #[test]
    fn every_contestant_has_a_name_of_its_own() {
        let mut three = vec![contestant("a", "x"), contestant("b", "y"), contestant("a", "z")];
        name_apart(&mut three);
        assert_eq!(three.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a (x)", "b", "a (z)"]);
        let mut same = vec![contestant("a", "x"), contestant("a", "x")];
        name_apart(&mut same);
        assert_ne!(same[0].name, same[1].name);
    }

    #[test]
    fn the_first_argument_names_the_photos_unless_it_is_an_embeddings_file() {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().to_string_lossy().into_owned();
        let embeddings = folder.path().join("a.embeddings").to_string_lossy().into_owned();
        let tag = ModelTag::new("toy", "f", 1, Distance::Cosine);
        let rows = vec![likeness_search::Row::new("a")];
        EmbeddingTable::new(tag, rows, vec![1.0]).unwrap().save(Path::new(&embeddings)).unwrap();
        let of =
            |arguments: &[&String]| Inputs::of(&arguments.iter().map(|a| (*a).clone()).collect::<Vec<_>>());
        assert_eq!(of(&[&photos]).unwrap().models, ["auto"]);
        assert_eq!(of(&[&photos, &embeddings]).unwrap().data, Some(folder.path().to_owned()));
        assert_eq!(of(&[&embeddings, &embeddings]).unwrap().data, None);
        let face = "face".to_owned();
        assert!(of(&[&embeddings, &face]).unwrap_err().to_string().contains("no photos"));
        assert!(of(&[&face]).is_err() && of(&[]).is_err());
    }
}
