//! `--submit` against a server of our own: a good one, and every kind of bad one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use crate::bench::Bench;

/// A server that takes one request, hands its body over and lets `answer` end the talk.
fn server(answer: impl FnOnce(TcpStream) + Send + 'static) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/results", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut length = 0;
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        sender.send(String::from_utf8(body).unwrap()).unwrap();
        answer(stream);
    });
    (url, receiver)
}

fn says(status: &str, body: &str) -> impl FnOnce(TcpStream) + Send + 'static {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    move |mut stream| stream.write_all(text.as_bytes()).unwrap()
}

fn submit<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let search = ["match", "photos/p0", "photos/p1", "--model", "color", "-k", "2", "--submit", url];
    [&search[..], more].concat()
}

#[test]
fn the_servers_answer_is_printed() {
    let bench = Bench::with_photos();
    for (shape, queries) in [("map", "/images"), ("list", "")] {
        let (url, body) = server(says("200 OK", r#"{"accuracy": 0.5}"#));
        assert_eq!(bench.json(&submit(&url, &["--shape", shape]))["accuracy"], 0.5);
        assert!(!bench.at("results-unsent.json").exists(), "the server has them");
        let body: serde_json::Value = serde_json::from_str(&body.recv().unwrap()).unwrap();
        let found = body.pointer(queries).unwrap();
        assert_eq!(found.as_array().map(Vec::len).or(found.as_object().map(|o| o.len())), Some(4));
    }
}

#[test]
fn bad_servers_are_told_apart() {
    let bench = Bench::with_photos();
    let refused = |(url, body): (String, Receiver<String>), expected: &str| {
        let told = bench.refused(&submit(&url, &[]));
        assert!(told.contains(expected) && told.contains(&url) && told.contains("hint: "), "{told}");
        assert!(body.recv().unwrap().contains("groupname"));
    };
    refused(server(says("500 Internal Server Error", "on fire")), "refused the results with 500");
    refused(server(says("200 OK", "<html>hello</html>")), "expected an answer in JSON, found: <html>");
    let cut = |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{\"accuracy\"").unwrap();
    };
    refused(server(cut), "the answer broke off");
    refused(server(drop), "the connection broke off");
}

#[test]
fn silence_and_refusal_end_in_time() {
    let bench = Bench::with_photos();
    let (release, held) = channel::<()>();
    let (url, _body) = server(move |stream| {
        // Silent until the test is over.
        let _ = held.recv();
        drop(stream);
    });
    let told = bench.refused(&submit(&url, &["--submit-timeout", "1"]));
    assert!(told.contains("no answer within 1 s") && told.contains("hint: "), "{told}");
    drop(release);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let told = bench.refused(&submit(&format!("http://{closed}/"), &[]));
    assert!(told.contains("the connection was refused") && told.contains("hint: "), "{told}");
}

/// What a failed submission kept.
fn kept(bench: &Bench, name: &str) -> serde_json::Value {
    serde_json::from_str(&fs_err::read_to_string(bench.at(name)).unwrap()).unwrap()
}

#[test]
fn a_redirect_is_no_success_and_names_the_place() {
    for status in
        ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let bench = Bench::with_photos();
        let moved = move |mut stream: TcpStream| {
            let text = format!(
                "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:9/elsewhere\r\ncontent-length: 2\r\n\
                 connection: close\r\n\r\n{{}}"
            );
            stream.write_all(text.as_bytes()).unwrap();
        };
        let (url, body) = server(moved);
        let told = bench.refused(&submit(&url, &[]));
        assert!(told.contains("did not take the results"), "{status}: {told}");
        assert!(told.contains("http://127.0.0.1:9/elsewhere"), "{status}: {told}");
        assert!(body.recv().unwrap().contains("groupname"));
        assert_eq!(kept(&bench, "results-unsent.json")["images"].as_object().unwrap().len(), 4, "{status}");
    }
    let bench = Bench::with_photos();
    let (url, _body) = server(says("302 Found", ""));
    let told = bench.refused(&submit(&url, &[]));
    assert!(told.contains("did not take the results (302 Found)"), "without a place: {told}");
}

#[test]
fn results_that_no_server_took_are_kept() {
    let bench = Bench::with_photos();
    let refused = || server(says("500 Internal Server Error", "on \u{1b}[31mfire"));
    for name in ["results-unsent.json", "results-unsent-2.json"] {
        let (url, _body) = refused();
        let told = bench.refused(&submit(&url, &[]));
        assert!(told.contains(&format!("the results are kept in {name}")), "{told}");
        assert!(told.contains("on \\u{1b}[31mfire"), "{told}");
        assert_eq!(kept(&bench, name)["images"].as_object().unwrap().len(), 4);
    }
    let (url, _body) = refused();
    let told = bench.refused(&submit(&url, &["-o", "mine.json"]));
    assert!(told.contains("the results are in mine.json"), "{told}");
    assert!(!bench.at("results-unsent-3.json").exists());
    assert_eq!(kept(&bench, "mine.json")["images"].as_object().unwrap().len(), 4);
}

#[test]
fn bad_addresses_and_waits_are_refused_before_any_work() {
    let bench = Bench::with_photos();
    for url in
        ["challenge.example/submit", "ftp://127.0.0.1/x", "http://", "", "http://no-such-host.invalid/"]
    {
        let told = bench.refused(&submit(url, &[]));
        assert!(told.contains("--submit") && told.contains("hint: "), "{url}: {told}");
        assert!(!told.contains("embed: "), "{url}: nothing is embedded first: {told}");
    }
    for seconds in ["0", "-1", "18446744073709551615", "18446744073709551616", "nan"] {
        let wait = format!("--submit-timeout={seconds}");
        let told = bench.refused(&submit("http://127.0.0.1:9/", &[&wait]));
        assert!(told.contains("--submit-timeout") && !told.contains("embed: "), "{seconds}: {told}");
    }
}

#[cfg(unix)]
#[test]
fn a_signal_while_the_server_is_silent_loses_no_results() {
    let bench = Bench::with_photos();
    let (release, held) = channel::<()>();
    let (url, body) = server(move |stream| {
        let _ = held.recv();
        drop(stream);
    });
    let mut command = bench.command(&submit(&url, &[]));
    let mut child =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    body.recv().unwrap();
    for _ in 0..2 {
        let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(child.wait().unwrap().code(), Some(143));
    drop(release);
    assert_eq!(kept(&bench, "results-unsent.json")["images"].as_object().unwrap().len(), 4);
}
