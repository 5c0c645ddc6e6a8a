//! Tests downloads from a local server that misbehaves on purpose.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use likeness_model::ModelError;
use likeness_model::registry::entry::parse;
use likeness_model::registry::{Entry, Pull, Pulled, Verification, by_name, pull};

use super::{content, names, sum};

/// The raw response to one request; the server closes the connection afterwards.
type Answer = Vec<u8>;

/// A server on 127.0.0.1 that responds with `answer(number of the request, its text)`.
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
                stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut request = String::new();
                while reader.read_line(&mut request).unwrap() > 2 {}
                let number = seen.lock().unwrap().len();
                seen.lock().unwrap().push(request.clone());
                let _ = stream.write_all(&answer(number, &request)); // the client may have closed the connection
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = reader.read(&mut [0; 64]); // wait until the client closes the connection
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

fn pull_from(url: &str, entry: &Entry, folder: &Path) -> Result<Pulled, ModelError> {
    let stop = AtomicBool::new(false);
    let patience = Duration::from_secs(5);
    pull(entry, &Pull { folder, url: Some(url), stop: &stop, progress: &|_, _| {}, patience })
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
    assert!(error.to_string().contains("the connection was interrupted"), "{error}");
    assert!(error.to_string().contains("after 123456 of 300000 bytes"), "{error}");
    assert!(error.hint().unwrap().contains("it continues where it stopped"));
    assert_eq!(names(folder.path()), ["model.onnx.part"]);

    let pulled = pull_from(&server.url, &checked(&content), folder.path()).unwrap();
    assert_eq!(pulled.resumed_from, 123_456);
    assert_eq!(fs_err::read(&pulled.path).unwrap(), content);
    assert_eq!(names(folder.path()), ["model.onnx"]);
    assert!(server.requests()[1].to_lowercase().contains("range: bytes=123456-"));
}

/// Downloads with an existing partial file of `left` bytes.
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
        ("403 Forbidden", "denies access to the file (403"),
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
