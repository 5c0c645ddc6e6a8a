//! The checks of pictures: measures every picture on a pool of workers, then judges all.

use likeness_data::decode::PhotoReader;
use likeness_data::inspect::{Check, Found, Issue, Measured, find};
use likeness_data::ordered::OrderedPool;
use likeness_data::photos::display_name;
use likeness_embed::EmbedError;

use super::source::{Item, Kind};
use super::{Finding, Ledger};
use crate::context::Context;
use crate::detector::{self, LoadedDetector};
use crate::options::PhotoOptions;
use crate::{LikenessError, Result};

/// Photos of each worker thread that are begun and not received.
const UNDER_WAY: usize = 4;

/// Measures the pictures of `items`, and records their issues.
///
/// # Errors        a detector that cannot be opened or fails; a stop
pub(super) fn check(
    items: &[Item],
    kind: Kind,
    photos: &PhotoOptions,
    ledger: &mut Ledger,
    context: Context<'_>,
) -> Result<()> {
    let detector = if kind == Kind::Photos { detector::load(&photos.detection)? } else { None };
    let mut measured = Vec::with_capacity(items.len());
    let mut unreadable = Vec::new();
    each(items, detector.as_ref(), photos, context, |at, result| match result {
        Ok(values) => measured.push(Some(values)),
        Err(reason) => {
            measured.push(None);
            unreadable.push(Finding { exclude: true, detail: reason, ..finding(&items[at]) });
        }
    })?;
    ledger.add(Issue::Unreadable, unreadable);
    forget_faces_of_things(&mut measured, &detector, ledger);
    let check = Check { sizes: true, duplicates: true };
    let mut found = find(&measured, check);
    let has_faces = measured.iter().flatten().any(|picture| picture.faces.is_some());
    for issue in Issue::ALL {
        let is_of_faces = matches!(issue, Issue::NoFace | Issue::ManyFaces);
        if !is_picture_issue(issue) || (is_of_faces && !has_faces) {
            continue;
        }
        let found = found.remove(&issue).unwrap_or_default();
        ledger.add(issue, found.iter().map(|found| explained(issue, found, items)).collect());
    }
    let groups = [Issue::ExactDuplicates, Issue::NearDuplicates]
        .map(|issue| ledger.findings.get(&issue).map_or(0, Vec::len));
    debug_assert!(groups.iter().all(|count| *count != 1), "a group has several pictures");
    Ok(())
}

/// Whether an issue is one that [`find`] finds.
fn is_picture_issue(issue: Issue) -> bool {
    !matches!(
        issue,
        Issue::Unreadable
            | Issue::IdentityConflict
            | Issue::IdentityLeak
            | Issue::LikelyMislabelled
            | Issue::PoisonedReference
            | Issue::SimilarNames
    )
}

/// Passes the values of each picture to `receive` in order, or the reason why it cannot be read.
fn each(
    items: &[Item],
    detector: Option<&LoadedDetector>,
    photos: &PhotoOptions,
    context: Context<'_>,
    mut receive: impl FnMut(usize, Result<Measured, String>),
) -> Result<()> {
    let reader = PhotoReader::new(photos.limits);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if photos.threads == 0 { cores } else { photos.threads }.min(items.len().max(1));
    let pool = OrderedPool { threads, most_under_way: UNDER_WAY * threads, stop: context.stop };
    let stage = context.stage("inspect");
    let done = pool.run(
        items.len(),
        || (),
        |(), at| measure(&items[at], detector, &reader),
        |at, result| {
            receive(at, result);
            stage.show(at + 1, items.len());
            Ok::<_, LikenessError>(())
        },
    )?;
    if done < items.len() {
        return Err(EmbedError::Interrupted { done, total: items.len() }.into());
    }
    stage.end(done, "photos");
    Ok(())
}

fn measure(
    item: &Item,
    detector: Option<&LoadedDetector>,
    reader: &PhotoReader,
) -> Result<Result<Measured, String>> {
    let photo = match reader.read(&item.path) {
        Ok(photo) => photo,
        Err(error) => return Ok(Err(error.reason())),
    };
    let mut values = Measured::of(&photo.image, photo.sha256.clone());
    if let Some((sha256, size, faces)) = &item.photo {
        values.sha256.clone_from(sha256);
        (values.size, values.faces) = (*size, *faces);
    } else if let Some(detector) = detector {
        values.faces = Some(detector.detector.detect(&[&photo.image])?.pop().map_or(0, |faces| faces.len()));
    }
    Ok(Ok(values))
}

/// Forgets the number of faces if most pictures show none, because the collection is not one of people.
fn forget_faces_of_things(
    measured: &mut [Option<Measured>],
    detector: &Option<LoadedDetector>,
    ledger: &mut Ledger,
) {
    let known = measured.iter().flatten().filter_map(|picture| picture.faces);
    let (total, with) = known.fold((0, 0), |(total, with), faces| (total + 1, with + usize::from(faces > 0)));
    if total > 0 && 2 * with >= total {
        return;
    }
    measured.iter_mut().flatten().for_each(|picture| picture.faces = None);
    let reason = match (total, detector) {
        (0, None) => "face detection is off".to_owned(),
        (0, _) => "no photo could be read".to_owned(),
        _ => format!("faces in {with} of {total} photos, so these are not photos of people"),
    };
    ledger.leave(Issue::NoFace, reason.clone());
    ledger.leave(Issue::ManyFaces, reason);
}

/// A finding about an item, without details.
pub(super) fn finding(item: &Item) -> Finding {
    Finding {
        photo: item.name.clone(),
        path: display_name(&item.path),
        identity: item.identity.clone(),
        split: item.split.clone(),
        ..Finding::default()
    }
}

fn explained(issue: Issue, found: &Found, items: &[Item]) -> Finding {
    let value = found.value.unwrap_or_default();
    let detail = match issue {
        Issue::Dark => format!("99 % of the pixels have a luma of at most {value} of 255"),
        Issue::Light => format!("95 % of the pixels have a luma of at least {value} of 255"),
        Issue::LowInformation => format!("entropy of {value:.2} bits of 8"),
        Issue::Grayscale => "no colour".to_owned(),
        Issue::Blurry => format!("Laplacian variance of {value:.1}"),
        Issue::OddSize => format!("side of {value:.0} pixels on average"),
        Issue::OddAspectRatio => format!("shorter side is {value:.2} of the longer one"),
        Issue::NoFace => "no face found".to_owned(),
        Issue::ManyFaces => format!("{value} faces"),
        _ => String::new(),
    };
    let base = Finding { score: found.value, detail, ..finding(&items[found.picture]) };
    let Some(first) = found.first else { return Finding { exclude: true, ..base } };
    if first == found.picture {
        return Finding { detail: "the first of its group".to_owned(), ..base };
    }
    let what =
        if issue == Issue::ExactDuplicates { "the same file as" } else { "nearly the same picture as" };
    Finding {
        exclude: true,
        other_photo: Some(items[first].name.clone()),
        other_path: Some(display_name(&items[first].path)),
        detail: format!("{what} {}", items[first].name),
        ..base
    }
}
