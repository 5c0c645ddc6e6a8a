//! Names the model in a file of dlib by its first values.
//!
//! A network begins with the version 1 and the name of its loss. A shape predictor begins with the version 1 and the size of
//! its mean shape, a column of x and y of each landmark: the negative number of rows, then -1.

use super::DlibFault;
use super::stream::Stream;

/// The loss of the face recognition network.
const METRIC_LOSS: &str = "loss_metric_2";
/// Largest number of landmarks of a shape predictor.
const MAX_LANDMARKS: i64 = 10_000;

/// Reads the version and the loss of a network.
///
/// # Errors        a file of another model or of another program → the fault that names it
pub(super) fn read_loss(stream: &mut Stream<'_>, start: &[u8]) -> Result<(), DlibFault> {
    if start.starts_with(b"BZh") {
        return Err(DlibFault::Compressed);
    }
    if let Some(landmarks) = landmarks_of(start) {
        return Err(DlibFault::OtherModel {
            model: format!("dlib's shape predictor of {landmarks} landmarks"),
        });
    }
    let not_dlib = |fault| match fault {
        fault @ DlibFault::Truncated { .. } => fault,
        _ => DlibFault::NotDlib,
    };
    if stream.integer().map_err(not_dlib)? != 1 {
        return Err(DlibFault::NotDlib);
    }
    match stream.text().map_err(not_dlib)? {
        METRIC_LOSS => Ok(()),
        "loss_mmod_" => Err(DlibFault::OtherModel { model: "dlib's MMOD detector".to_owned() }),
        loss if loss.starts_with("loss_") => {
            Err(DlibFault::OtherModel { model: format!("a network of dlib with {loss}") })
        }
        _ => Err(DlibFault::NotDlib),
    }
}

/// Number of landmarks of the shape predictor that begins with `start`.
fn landmarks_of(start: &[u8]) -> Option<i64> {
    let [version, rows, columns] = Stream::new(start).integers().ok()?;
    let is_shape = version == 1 && columns == -1 && rows < 0 && rows % 2 == 0 && rows >= -2 * MAX_LANDMARKS;
    is_shape.then_some(-rows / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(start: &[u8]) -> DlibFault {
        read_loss(&mut Stream::new(start), start).unwrap_err()
    }

    #[test]
    fn other_files_are_named() {
        let model = |start: &[u8]| match fault(start) {
            DlibFault::OtherModel { model } => model,
            fault => panic!("{fault}"),
        };
        assert_eq!(model(b"\x01\x01\x01\x0aloss_mmod_\x01\x01"), "dlib's MMOD detector");
        assert_eq!(model(b"\x01\x01\x81\x0a\x81\x01\x03n"), "dlib's shape predictor of 5 landmarks");
        assert_eq!(model(b"\x01\x01\x81\x88\x81\x01\x03M"), "dlib's shape predictor of 68 landmarks");
        let other = model(b"\x01\x01\x01\x14loss_multiclass_log_");
        assert_eq!(other, "a network of dlib with loss_multiclass_log_");
        assert_eq!(fault(b"BZh91AY&SY"), DlibFault::Compressed);
        for start in [&b"\xFF\xD8\xFF\xE0"[..], b"hello", b"\x01\x02\x01\x01a", b"\x01\x01\x01\x03abc"] {
            assert_eq!(fault(start), DlibFault::NotDlib, "{start:?}");
        }
        assert!(matches!(fault(b""), DlibFault::Truncated { length: 0, .. }));
    }
}
