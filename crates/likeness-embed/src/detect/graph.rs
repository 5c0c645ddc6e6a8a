//! An ONNX graph that takes one picture tensor: pixels enter, the graph's outputs leave.
//!
//! One call works on one thread. Loading runs the graph once on a blank picture, so that a file that cannot
//! work is refused when it is opened, and so that its real output shapes are known whatever it declares.

use std::path::{Path, PathBuf};

use super::input::Size;
use crate::{EmbedError, Result};
use likeness_engine::{EngineConfig, Session, Weights};

/// One output of a graph for a whole batch.
#[derive(Debug, Clone)]
pub(super) struct Output {
    pub(super) name: String,
    /// As the graph gave it; its first number is the batch's length, except in graphs made for one picture.
    pub(super) shape: Vec<usize>,
    /// Row-major.
    pub(super) data: Vec<f32>,
    batch: usize,
}

impl Output {
    /// The numbers of picture `item`.
    pub(super) fn item(&self, item: usize) -> &[f32] {
        let length = self.item_len();
        &self.data[item * length..][..length]
    }

    /// How many numbers each picture has.
    pub(super) fn item_len(&self) -> usize {
        self.data.len() / self.batch
    }

    /// Whether each picture has `rows` rows of `columns` numbers.
    pub(super) fn is_table(&self, rows: usize, columns: usize) -> bool {
        self.item_len() == rows * columns && self.shape.len() >= 2 && self.shape.last() == Some(&columns)
    }
}

/// A loaded graph and what its first run showed.
pub(super) struct Graph {
    path: PathBuf,
    session: Session,
    /// Width and height, where the graph takes only one.
    fixed: Option<Size>,
    takes_batches: bool,
    probe: (Size, Vec<Output>),
}

impl Graph {
    /// Loads and tries the graph in `path`.
    ///
    /// # Errors        a file that is missing, no ONNX graph, another input than one picture, a
    /// graph that does not run → [`EmbedError::BadModel`]
    pub(super) fn load(path: &Path) -> Result<Self> {
        Self::of_session(path, Session::load(path, Weights::Plain, &EngineConfig::default())?)
    }

    /// Loads and tries a graph in memory; errors call it `name`.
    ///
    /// # Errors        as those of [`load`](Self::load)
    pub(super) fn from_bytes(name: &Path, bytes: Vec<u8>) -> Result<Self> {
        let session = Session::from_bytes(name, bytes, Weights::Plain, &EngineConfig::default())?;
        Self::of_session(name, session)
    }

    fn of_session(path: &Path, session: Session) -> Result<Self> {
        let bad = |reason: String, hint: &str| EmbedError::BadModel {
            path: path.to_path_buf(),
            reason,
            hint: Some(hint.into()),
        };
        let declared = picture_input(&session)
            .map_err(|reason| bad(reason, "a face detector takes one tensor of n×3×height×width pixels"))?;
        let mut graph = Self {
            path: path.to_path_buf(),
            session,
            fixed: declared.size,
            takes_batches: declared.batch.is_none(),
            probe: (Size { width: 0, height: 0 }, Vec::new()),
        };
        graph
            .try_out()
            .map_err(|reason| bad(format!("does not run on a blank picture: {reason}"), "export it again"))?;
        Ok(graph)
    }

    /// Finds out, by running, which sizes and batches the graph really takes.
    fn try_out(&mut self) -> Result<(), String> {
        // Not square, so that an output's cells cannot be taken for another's; then what fixed graphs are exported at.
        let any = [Size { width: 160, height: 128 }, Size { width: 640, height: 640 }];
        let sizes = self.fixed.map_or(any.to_vec(), |size| vec![size]);
        let mut reason = String::new();
        for (i, size) in sizes.into_iter().enumerate() {
            for batch in if self.takes_batches { [2, 1].as_slice() } else { &[1] } {
                match self.run_checked(*batch, size, vec![0.0; batch * size.values()]) {
                    Ok(outputs) if *batch == 1 || outputs.iter().all(|o| o.shape.first() == Some(batch)) => {
                        self.takes_batches = *batch > 1;
                        self.fixed = self.fixed.or((i > 0).then_some(size));
                        self.probe = (size, outputs);
                        return Ok(());
                    }
                    Ok(_) => {}
                    Err(e) => reason = e,
                }
            }
        }
        Err(reason)
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the graph answered to a blank picture of [`Self::probe_size`].
    pub(super) fn probe(&self) -> &[Output] {
        &self.probe.1
    }

    /// The size of the blank picture.
    pub(super) fn probe_size(&self) -> Size {
        self.probe.0
    }

    /// The one size the graph takes, or none where it takes any multiple of 32.
    pub(super) fn fixed_size(&self) -> Option<Size> {
        self.fixed
    }

    /// Whether several pictures may go in at once.
    pub(super) fn takes_batches(&self) -> bool {
        self.takes_batches
    }

    /// The outputs for a batch of pictures.
    ///
    /// # Shapes        pixels: [batch, 3, height, width]   ·   output: any
    /// # Errors        a graph that fails, numbers that are none; the reason in words
    pub(super) fn run(&self, batch: usize, size: Size, pixels: Vec<f32>) -> Result<Vec<Output>, String> {
        let outputs = self.run_checked(batch, size, pixels)?;
        match outputs.iter().find(|o| o.data.iter().any(|v| v.is_nan())) {
            Some(broken) => Err(format!("output {} is not a number in places", broken.name)),
            None => Ok(outputs),
        }
    }

    fn run_checked(&self, batch: usize, size: Size, pixels: Vec<f32>) -> Result<Vec<Output>, String> {
        let shape = [batch, 3, size.height as usize, size.width as usize];
        let outputs = self.session.run(shape, |values| values.copy_from_slice(&pixels), None);
        let outputs = outputs.map_err(|error| error.to_string())?;
        outputs.into_iter().map(|output| checked(output, batch)).collect()
    }
}

/// An output that can be shared out among `batch` pictures.
fn checked(output: likeness_engine::Output, batch: usize) -> Result<Output, String> {
    let likeness_engine::Output { name, shape, data } = output;
    if data.is_empty() || data.len() % batch != 0 {
        return Err(format!("output {name} has shape {shape:?} for {batch} pictures"));
    }
    Ok(Output { name, shape, data, batch })
}

/// What a graph says it takes.
struct DeclaredInput {
    batch: Option<usize>,
    size: Option<Size>,
}

/// The graph's only input, if it can be a picture.
fn picture_input(session: &Session) -> Result<DeclaredInput, String> {
    if session.inputs() != 1 {
        return Err(format!("takes {} inputs, expected one picture", session.inputs()));
    }
    let Some(shape) = &session.declared().shape else {
        return Ok(DeclaredInput { batch: None, size: None });
    };
    let (batch, channels, height, width) = match *shape.as_slice() {
        [n, c, h, w] => (n, c.unwrap_or(3), h, w),
        _ => return Err(format!("takes a tensor of {} dimensions, expected 4", shape.len())),
    };
    let side = |n: Option<usize>| n.is_none_or(|n| (8..=4096).contains(&n));
    if channels != 3 || batch.is_some_and(|n| n != 1) || !side(height) || !side(width) {
        return Err(format!("takes a tensor of {shape:?}, expected a colour picture"));
    }
    let size = match (width, height) {
        (Some(width), Some(height)) => Some(Size { width: width as u32, height: height as u32 }),
        (None, None) => None,
        _ => return Err("takes pictures of which only one side is free, expected both or none".into()),
    };
    Ok(DeclaredInput { batch, size })
}
