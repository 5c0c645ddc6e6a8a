//! The registry's promises, and downloads from a server on this machine that misbehaves on purpose.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use likeness_model::ModelError;
use likeness_model::registry::entry::parse;
use likeness_model::registry::{
    DetectorFamily, Entry, Import, ModelKind, Places, Pull, Pulled, Terms, Verification, by_name, entries,
    import, pull, sha256_of,
};

/// What the server sends for one request: bytes as they are, then the connection closes.
type Answer = Vec<u8>;

/// A server on 127.0.0.1 that answers with `answer(number of the request, its text)`.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(usize, &str) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/model.onnx", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut request = String::new();
                while reader.read_line(&mut request).unwrap() > 2 {}
                let number = seen.lock().unwrap().len();
                seen.lock().unwrap().push(request.clone());
                let _ = stream.write_all(&answer(number, &request)); // a client may have had enough
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = reader.read(&mut [0; 64]); // until the client has gone
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn response(status: &str, headers: &str, length: usize, body: &[u8]) -> Answer {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn whole(body: &[u8]) -> Answer {
    response("200 OK", "", body.len(), body)
}

fn part(body: &[u8], from: usize) -> Answer {
    let range = format!("Content-Range: bytes {from}-{}/{}\r\n", body.len() - 1, body.len());
    response("206 Partial Content", &range, body.len() - from, &body[from..])
}

/// Bytes that look like nothing in particular, more than one block of them.
fn content() -> Vec<u8> {
    (0..300_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn entry(sha256: Option<&str>, bytes: Option<usize>) -> Entry {
    let sum = sha256.map(|sum| format!("sha256 = \"{sum}\"\n")).unwrap_or_default();
    let size = bytes.map(|bytes| format!("bytes = {bytes}\n")).unwrap_or_default();
    let text = format!(
        "[[model]]\nname = \"test\"\nkind = \"backbone\"\nabout = \"a test\"\nsource = \"here\"\nlicence = \"MIT\"\n\
         terms = \"permissive\"\nfile = \"model.onnx\"\n{sum}{size}"
    );
    parse(&text).unwrap().remove(0)
}

fn checked(content: &[u8]) -> Entry {
    entry(Some(&sum(content)), Some(content.len()))
}

fn sum(content: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs_err::write(&path, content).unwrap();
    sha256_of(&path).unwrap().0
}

fn pull_from(url: &str, entry: &Entry, folder: &Path) -> Result<Pulled, ModelError> {
    let stop = AtomicBool::new(false);
    let patience = Duration::from_secs(5);
    pull(entry, &Pull { folder, url: Some(url), stop: &stop, progress: &|_, _| {}, patience })
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_whole_download_is_checked_and_named_and_progress_ends_at_its_size() {
    let content = content();
    let server = Server::start({
        let content = content.clone();
        move |_, _| whole(&content)
    });
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("not/yet/there");
    let (stop, last) = (AtomicBool::new(false), Cell::new((0, None)));
    let progress = |bytes, total| last.set((bytes, total));
    let how = Pull {
        folder: &models,
        url: Some(&server.url),
        stop: &stop,
        progress: &progress,
        patience: Duration::from_secs(5),
    };
    let pulled = pull(&checked(&content), &how).unwrap();
    assert_eq!(fs_err::read(&pulled.path).unwrap(), content);
    assert_eq!((pulled.verification, pulled.fetched, pulled.resumed_from), (Verification::Verified, true, 0));
    let size = content.len() as u64;
    assert_eq!(last.get(), (size, Some(size)));
    assert_eq!(names(&models), ["model.onnx"]);
    assert!(!server.requests()[0].to_lowercase().contains("range:"));
}

#[test]
fn a_file_that_is_there_is_not_asked_for_again() {
    let content = content();
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("model.onnx"), &content).unwrap();
    let server = Server::start(|_, _| whole(b"never"));
    let pulled = pull_from(&server.url, &checked(&content), folder.path()).unwrap();
    assert!(!pulled.fetched);
    assert!(server.requests().is_empty());
}

#[test]
fn a_present_file_with_the_wrong_checksum_is_replaced() {
    let content = content();
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("model.onnx"), b"damaged").unwrap();
    let server = Server::start({
        let content = content.clone();
        move |_, _| whole(&content)
    });
    let pulled = pull_from(&server.url, &checked(&content), folder.path()).unwrap();
    assert!(pulled.fetched);
    assert_eq!(fs_err::read(pulled.path).unwrap(), content);
}

#[test]
fn a_cut_connection_keeps_the_part_and_the_next_run_goes_on_after_it() {
    let content = content();
    let server = Server::start({
        let content = content.clone();
        move |number, request| {
            if number == 0 {
                return response("200 OK", "", content.len(), &content[..123_456]);
            }
            let lower = request.to_lowercase();
            let range = lower.split("range: bytes=").nth(1).unwrap();
            part(&content, range.split('-').next().unwrap().parse().unwrap())
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let error = pull_from(&server.url, &checked(&content), folder.path()).unwrap_err();
    assert!(error.to_string().contains("the connection broke off"), "{error}");
    assert!(error.to_string().contains("after 123456 of 300000 bytes"), "{error}");
    assert!(error.hint().unwrap().contains("it goes on where it stopped"));
    assert_eq!(names(folder.path()), ["model.onnx.part"]);

    let pulled = pull_from(&server.url, &checked(&content), folder.path()).unwrap();
    assert_eq!(pulled.resumed_from, 123_456);
    assert_eq!(fs_err::read(&pulled.path).unwrap(), content);
    assert_eq!(names(folder.path()), ["model.onnx"]);
    assert!(server.requests()[1].to_lowercase().contains("range: bytes=123456-"));
}

/// Downloads where `left` bytes of a part are there already.
fn after_part(left: &[u8], answer: impl Fn(usize, &str) -> Answer + Send + 'static) -> (Pulled, usize) {
    let content = content();
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("model.onnx.part"), left).unwrap();
    let server = Server::start(answer);
    let pulled = pull_from(&server.url, &checked(&content), folder.path()).unwrap();
    assert_eq!(fs_err::read(&pulled.path).unwrap(), content);
    assert_eq!(names(folder.path()), ["model.onnx"]);
    (pulled, server.requests().len())
}

#[test]
fn a_server_that_knows_no_ranges_sends_everything_again() {
    let (pulled, requests) = after_part(&content()[..1000], |_, _| whole(&content()));
    assert_eq!((pulled.resumed_from, requests), (0, 1));
}

#[test]
fn a_range_that_cannot_be_had_starts_over() {
    let (pulled, requests) = after_part(&content()[..1000], |_, request| {
        if request.to_lowercase().contains("range:") {
            return response("416 Range Not Satisfiable", "", 0, b"");
        }
        whole(&content())
    });
    assert_eq!((pulled.resumed_from, requests), (0, 2));
}

#[test]
fn a_range_other_than_the_one_asked_for_starts_over() {
    let (pulled, requests) =
        after_part(
            &content()[..1000],
            |number, _| {
                if number == 0 { part(&content(), 500) } else { whole(&content()) }
            },
        );
    assert_eq!((pulled.resumed_from, requests), (0, 2));
}

#[test]
fn a_part_that_is_whole_needs_no_network() {
    let (pulled, requests) = after_part(&content(), |_, _| whole(b"never"));
    assert_eq!((pulled.resumed_from, requests), (300_000, 0));
}

#[test]
fn a_part_that_is_too_long_starts_over() {
    let (pulled, requests) = after_part(&[content(), vec![0]].concat(), |_, _| whole(&content()));
    assert_eq!((pulled.resumed_from, requests), (0, 1));
}

#[test]
fn a_wrong_checksum_deletes_the_part_and_names_both() {
    let content = content();
    let mut other = content.clone();
    other[7] ^= 1;
    let received = sum(&other);
    let server = Server::start(move |_, _| whole(&other));
    let folder = tempfile::tempdir().unwrap();
    let error = pull_from(&server.url, &checked(&content), folder.path()).unwrap_err().to_string();
    assert!(error.contains(&format!("expected SHA-256 {}, received {received}", sum(&content))), "{error}");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_file_of_another_size_is_refused_before_it_is_read_and_spares_the_part() {
    let content = content();
    let server = Server::start(|_, _| whole(b"<html>sign in</html>"));
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("model.onnx.part"), &content[..1000]).unwrap();
    let error = pull_from(&server.url, &checked(&content), folder.path()).unwrap_err().to_string();
    assert!(error.contains("expected a file of 300000 bytes, the server offers one of 20"), "{error}");
    assert_eq!(fs_err::read(folder.path().join("model.onnx.part")).unwrap(), content[..1000]);
}

#[test]
fn a_server_that_sends_too_much_is_stopped() {
    let body = [content(), content()].concat();
    let server = Server::start(move |_, _| {
        [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(), &body].concat()
    });
    let folder = tempfile::tempdir().unwrap();
    let error = pull_from(&server.url, &checked(&content()), folder.path()).unwrap_err().to_string();
    assert!(error.contains("sends more than 300000 bytes"), "{error}");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn the_published_beginning_of_a_checksum_is_compared() {
    let content = content();
    let server = Server::start({
        let content = content.clone();
        move |_, _| whole(&content)
    });
    let folder = tempfile::tempdir().unwrap();
    let right = entry(Some(&sum(&content)[..8]), None);
    assert_eq!(pull_from(&server.url, &right, folder.path()).unwrap().verification, Verification::Prefix);
    let folder = tempfile::tempdir().unwrap();
    let error = pull_from(&server.url, &entry(Some("00000000"), None), folder.path()).unwrap_err();
    assert!(error.to_string().contains("wrong checksum: expected SHA-256 00000000"), "{error}");
}

#[test]
fn without_a_checksum_nothing_is_resumed_and_the_answer_says_that_nothing_was_compared() {
    let content = content();
    let server = Server::start({
        let content = content.clone();
        move |_, _| whole(&content)
    });
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("model.onnx.part"), b"of who knows what").unwrap();
    let pulled = pull_from(&server.url, &entry(None, None), folder.path()).unwrap();
    assert_eq!((pulled.verification, pulled.resumed_from), (Verification::Unknown, 0));
    assert_eq!(pulled.sha256, sum(&content));
    assert!(!server.requests()[0].to_lowercase().contains("range:"));
}

#[test]
fn a_redirect_is_followed() {
    let server = Server::start(|number, request| {
        if number == 0 {
            return response("302 Found", "Location: /elsewhere\r\n", 0, b"");
        }
        assert!(request.starts_with("GET /elsewhere "));
        whole(&content())
    });
    let folder = tempfile::tempdir().unwrap();
    assert!(pull_from(&server.url, &checked(&content()), folder.path()).unwrap().fetched);
}

#[test]
fn a_resumed_download_asks_for_its_range_after_a_redirect_too() {
    let (pulled, requests) = after_part(&content()[..1000], |number, request| {
        if number == 0 {
            return response("302 Found", "Location: /elsewhere\r\n", 0, b"");
        }
        assert!(request.to_lowercase().contains("range: bytes=1000-"), "{request}");
        part(&content(), 1000)
    });
    assert_eq!((pulled.resumed_from, requests), (1000, 2));
}

#[test]
fn redirects_in_a_circle_end() {
    let server = Server::start(|_, _| response("302 Found", "Location: /model.onnx\r\n", 0, b""));
    let folder = tempfile::tempdir().unwrap();
    let error = pull_from(&server.url, &checked(&content()), folder.path()).unwrap_err();
    assert!(error.to_string().contains("too many redirects"), "{error}");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn statuses_that_are_no_success_are_explained() {
    for (status, reason) in [
        ("404 Not Found", "no such file (404"),
        ("403 Forbidden", "does not give the file away (403"),
        ("503 Service Unavailable", "busy or broken (503"),
        ("418 Teapot", "answered 418"),
    ] {
        let server = Server::start(move |_, _| response(status, "", 4, b"sorr"));
        let folder = tempfile::tempdir().unwrap();
        let error = pull_from(&server.url, &checked(&content()), folder.path()).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(error.hint().is_some());
        assert!(names(folder.path()).is_empty(), "an empty part is left after {status}");
    }
}

#[test]
fn a_refused_connection_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let error = pull_from(&url, &checked(&content()), folder.path()).unwrap_err();
    assert!(error.to_string().ends_with("the connection was refused"), "{error}");
    assert!(error.hint().unwrap().contains("likeness models import"));
}

#[test]
fn a_silent_server_is_given_up() {
    let server = Server::start(|_, _| {
        std::thread::sleep(Duration::from_secs(3));
        whole(&content())
    });
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let patience = Duration::from_millis(200);
    let how =
        Pull { folder: folder.path(), url: Some(&server.url), stop: &stop, progress: &|_, _| {}, patience };
    let error = pull(&checked(&content()), &how).unwrap_err();
    assert!(error.to_string().contains("no answer within 0.2 s"), "{error}");
}

#[test]
fn a_stop_keeps_what_has_arrived() {
    let server = Server::start(|_, _| whole(&content()));
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let progress = |_, _| stop.store(true, Ordering::Relaxed);
    let patience = Duration::from_secs(5);
    let how =
        Pull { folder: folder.path(), url: Some(&server.url), stop: &stop, progress: &progress, patience };
    let error = pull(&checked(&content()), &how).unwrap_err();
    assert!(error.to_string().contains("stopped after "), "{error}");
    let left = fs_err::read(folder.path().join("model.onnx.part")).unwrap();
    assert!(!left.is_empty() && content().starts_with(&left));
}

#[test]
fn two_downloads_of_one_file_do_not_write_into_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let held = fs_err::File::create(folder.path().join("model.onnx.part")).unwrap();
    held.lock().unwrap();
    let error = pull_from("http://127.0.0.1:1/x", &checked(&content()), folder.path()).unwrap_err();
    assert!(error.to_string().contains("being downloaded by another process"), "{error}");
}

#[test]
fn an_entry_without_an_address_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let patience = Duration::from_secs(5);
    let how = Pull { folder: folder.path(), url: None, stop: &stop, progress: &|_, _| {}, patience };
    let error = pull(by_name("mobilefacenet-arcface-128d").unwrap(), &how).unwrap_err();
    assert!(error.hint().unwrap().contains("--url"));
    let error = pull_from("ftp://127.0.0.1/x", &checked(b"x"), folder.path()).unwrap_err();
    assert!(error.to_string().contains("https:// or http://"), "{error}");
}

#[test]
fn every_licence_that_demands_a_warning_has_one_that_says_why() {
    assert!(entries().len() >= 15);
    for entry in entries() {
        let licence = entry.licence.to_lowercase();
        let demands = [("non-commercial", "non-commercial"), ("gpl", "gpl"), ("not stated", "not known")];
        let warning = entry.warning.as_deref().unwrap_or_default().to_lowercase();
        let mut demanded = false;
        for (in_licence, in_warning) in demands {
            if licence.contains(in_licence) {
                demanded = true;
                assert!(warning.contains(in_warning), "{}: {warning}", entry.name);
            }
        }
        assert_eq!(demanded, entry.terms != Terms::Permissive, "{}", entry.name);
        assert!(
            !entry.source.contains("InsightFace") || entry.terms == Terms::NonCommercial,
            "{}",
            entry.name
        );
    }
}

#[test]
fn every_entry_is_whole_and_a_checksum_in_a_file_name_is_the_registrys() {
    for entry in entries() {
        assert!(
            entry.url.is_some() || entry.sha256.is_some(),
            "{}: neither address nor checksum",
            entry.name
        );
        let stem = entry.file.split('.').next().unwrap();
        let Some((_, in_name)) = stem.rsplit_once('-') else { continue };
        if in_name.len() == 8 && in_name.bytes().all(|b| b.is_ascii_hexdigit()) {
            assert!(entry.sha256.as_deref().unwrap().starts_with(in_name), "{}", entry.name);
        }
    }
    let auto: Vec<_> = entries().iter().filter_map(|entry| entry.auto).collect();
    assert_eq!(auto, (1..=auto.len() as u8).collect::<Vec<_>>(), "the order of --detector auto");
}

#[test]
fn a_registry_that_contradicts_itself_is_refused() {
    let good = "[[model]]\nname = \"a\"\nkind = \"backbone\"\nabout = \"\"\nsource = \"\"\nlicence = \"MIT\"\n\
                terms = \"permissive\"\nfile = \"a.pth\"\n";
    assert_eq!(parse(good).unwrap().len(), 1);
    for (text, reason) in [
        (format!("{good}{good}"), "twice"),
        (good.replace("permissive", "copyleft"), "warning"),
        (good.replace("a.pth", "../a.pth"), "plain"),
        (format!("{good}sha256 = \"12\"\n"), "no SHA-256"),
        (format!("{good}url = \"http://a/b\"\n"), "https://"),
        (good.replace("backbone", "detector"), "family"),
        (good.replace("backbone", "embedder"), "preprocessing"),
        (format!("{good}size = 3\n"), "unknown field"),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(reason), "expected {reason}: {error}");
    }
}

#[test]
fn the_best_detector_present_wins_under_any_known_name_and_one_folder_down() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::only([folder.path().to_owned()]);
    assert!(places.best_detector().is_none());
    let below = folder.path().join("detectors");
    fs_err::create_dir_all(&below).unwrap();
    let steps = [
        ("haarcascade_eye.xml", None),
        ("haarcascade_frontalface_alt.xml", Some(DetectorFamily::Haar)),
        ("ultra-light-rfb-320.onnx", Some(DetectorFamily::UltraLight)),
        ("yolov8-face-lite-t.onnx", Some(DetectorFamily::Yolov8Face)),
        ("scrfd_500m_kps.onnx", Some(DetectorFamily::Scrfd)),
        ("face_detection_yunet_2026may.onnx", Some(DetectorFamily::Yunet)),
    ];
    for (file, best) in steps {
        fs_err::write(below.join(file), "x").unwrap();
        assert_eq!(places.best_detector().and_then(|(entry, _)| entry.family), best, "{file}");
    }
    assert_eq!(places.best_detector().unwrap().1, below.join("face_detection_yunet_2026may.onnx"));
}

#[test]
fn a_model_is_found_by_entry_file_name_or_stem_and_never_outside() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::only([folder.path().join("models")]);
    fs_err::create_dir_all(folder.path().join("models")).unwrap();
    fs_err::write(folder.path().join("outside.onnx"), "x").unwrap();
    fs_err::write(folder.path().join("models/mine.onnx"), "x").unwrap();
    fs_err::write(folder.path().join("models/w600k_mbf.onnx"), "x").unwrap();
    for name in ["mine", "mine.onnx", "arcface-w600k-mbf", "w600k_mbf.onnx"] {
        assert!(places.find_by_name(name).is_some(), "{name}");
    }
    for name in ["../outside", "../outside.onnx", "outside", "", "..", "models"] {
        assert!(places.find_by_name(name).is_none(), "{name}");
    }
}

#[test]
fn an_import_keeps_the_name_brings_the_settings_and_is_done_once() {
    let folder = tempfile::tempdir().unwrap();
    let (file, models) = (folder.path().join("mine.onnx"), folder.path().join("models"));
    fs_err::write(&file, content()).unwrap();
    fs_err::write(folder.path().join("mine.toml"), "input_size = [96, 96]\n").unwrap();
    let how = Import { file: &file, folder: &models, name: None, replace: false };
    let imported = import(&how).unwrap();
    assert_eq!((imported.copied, imported.sha256.as_str()), (true, sum(&content()).as_str()));
    assert!(imported.entry.is_none());
    assert_eq!(fs_err::read(&imported.path).unwrap(), content());
    assert_eq!(names(&models), ["mine.onnx", "mine.toml"]);
    assert!(!import(&how).unwrap().copied);

    fs_err::write(&file, "another").unwrap();
    let error = import(&how).unwrap_err();
    assert!(error.to_string().contains("another file of this name is there"), "{error}");
    assert_eq!(fs_err::read(models.join("mine.onnx")).unwrap(), content());
    assert!(import(&Import { replace: true, ..how }).unwrap().copied);
    assert_eq!(fs_err::read(models.join("mine.onnx")).unwrap(), b"another");
    let renamed = import(&Import { name: Some("other"), ..how }).unwrap();
    assert_eq!(renamed.path, models.join("other.onnx"));
    assert!(names(&models).iter().all(|name| !name.ends_with(".partial")));
}

#[test]
fn an_import_under_a_registry_name_tells_a_wrong_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.onnx");
    fs_err::write(&file, "not yunet").unwrap();
    let models = folder.path().join("models");
    let how = Import { file: &file, folder: &models, name: Some("yunet"), replace: false };
    let imported = import(&how).unwrap();
    assert_eq!(imported.path, models.join("face_detection_yunet_2026may.onnx"));
    let (entry, verification) = imported.entry.unwrap();
    assert_eq!((entry.name.as_str(), verification), ("yunet", Verification::Wrong));
}

#[test]
fn what_is_no_model_is_not_imported() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, text) = (folder.path().join("empty.onnx"), folder.path().join("notes.txt"));
    fs_err::write(&empty, "").unwrap();
    fs_err::write(&text, "x").unwrap();
    let models = folder.path().join("models");
    let fails = |file: &Path, name| {
        import(&Import { file, folder: &models, name, replace: false }).unwrap_err().to_string()
    };
    assert!(fails(&empty, None).contains("the file is empty"));
    assert!(fails(&text, None).contains("not a model file by its ending"));
    assert!(fails(folder.path(), None).contains("expected a model file"));
    assert!(fails(&folder.path().join("absent.onnx"), None).contains("absent.onnx"));
    fs_err::write(&empty, "x").unwrap();
    assert!(fails(&empty, Some("../up")).contains("plain name"));
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn published_files_on_this_machine_have_the_registrys_checksums() {
    let shared = std::env::var_os("LIKENESS_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), Into::into);
    let weights = shared.join("weights");
    let places = Places::only([weights.clone()]);
    let mut present = 0;
    for entry in entries() {
        let Some(path) = places.find(entry) else { continue };
        let (sha256, _) = sha256_of(&path).unwrap();
        assert_eq!(entry.verify(&sha256), Verification::Verified, "{}", path.display());
        present += 1;
    }
    assert_eq!(present, 12);
    let (best, path) = places.best_detector().unwrap();
    assert_eq!((best.name.as_str(), best.kind), ("yunet", ModelKind::Detector));
    assert!(path.starts_with(weights.join("detectors")));

    let models = tempfile::tempdir().unwrap();
    let file = weights.join("mobilefacenet-arcface-128d.onnx");
    let how = Import { file: &file, folder: models.path(), name: None, replace: false };
    let imported = import(&how).unwrap();
    assert_eq!(imported.entry.unwrap().0.name, "mobilefacenet-arcface-128d");
    assert_eq!(names(models.path()), ["mobilefacenet-arcface-128d.onnx", "mobilefacenet-arcface-128d.toml"]);
    let path = imported.path.to_str().unwrap().to_owned();
    let embedder = likeness_model::load_embedder(&path, &Default::default()).unwrap();
    assert_eq!(embedder.spec().dimension, 128);
}
