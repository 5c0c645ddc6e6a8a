//! `models`: what is said of public weights, and files that come by import or from a server of our own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use serde_json::Value;

use crate::bench::{Bench, told};

/// A server on this machine that answers every request with `body`; its address.
pub(crate) fn server(status: &'static str, body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/model.bin", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                line.clear();
            }
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            // A client that has seen enough hangs up.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    url
}

fn names(bench: &Bench) -> Vec<String> {
    let entries = fs_err::read_dir(bench.at("models")).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".likeness.lock");
    names.sort();
    names
}

#[test]
fn the_list_says_what_is_here_and_where_was_looked() {
    let bench = Bench::new();
    bench.write("models/det_500m.onnx", "not the published bytes");
    let output = bench.run(&["models", "list", "--models", "models"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let list = String::from_utf8(output.stdout.clone()).unwrap();
    let row = |name: &str| list.lines().find(|l| l.starts_with(&format!("{name} "))).unwrap().to_owned();
    assert!(row("scrfd-500m").contains("WRONG CHECKSUM models/det_500m.onnx"), "{list}");
    assert!(row("scrfd-500m").contains(" ! ") && !row("yunet").contains(" ! "), "{list}");
    assert!(row("yunet").ends_with("absent") && row("yunet").contains("229.7 kB"), "{list}");
    assert!(row("mobilefacenet-arcface-128d").contains("absent (import)"), "{list}");
    let header: Vec<&str> = list.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(header, ["NAME", "KIND", "SIZE", "LICENCE", "STATE"]);
    assert!(list.lines().all(|line| line.chars().count() <= 80 || line.contains("models/")), "{list}");
    let looked = told(&output);
    assert!(looked.contains("! the licence has conditions") && looked.contains("searched models, "));
    let document = bench.json(&["models", "list", "--models", "models", "--json"]);
    assert_eq!(document["folders"][0], "models");
    let models = document["models"].as_array().unwrap();
    assert_eq!(document["built_in"].as_array().unwrap().len(), 3);
    assert_eq!(models.len() + 1 + 3, list.lines().count());
    for (name, licence) in [("face", "CC0-1.0"), ("picture", "Apache-2.0"), ("auto", "BSD-3-Clause")] {
        assert!(row(name).contains(licence) && row(name).ends_with("built in"), "{list}");
    }
    assert!(bench.good(&["models", "show", "face"]).contains("CC0 1.0 Universal"));
    let scrfd = models.iter().find(|m| m["name"] == "scrfd-500m").unwrap();
    assert_eq!((&scrfd["present"], &scrfd["verified"]), (&true.into(), &false.into()));
}

#[test]
fn one_model_or_file_is_shown_whole() {
    let bench = Bench::new();
    let shown = bench.good(&["models", "show", "yolov8-face-lite-t"]);
    for expected in [
        "licence      GPL-3.0",
        "warning      GPL-3.0 upstream",
        "address      https://",
        "sha256       caa9eb12",
    ] {
        assert!(shown.contains(expected), "{shown}");
    }
    assert!(shown.contains("confirmed    the file in that repository was hashed"), "{shown}");
    let document = bench.json(&["models", "show", "resnet50-timm", "--json"]);
    assert_eq!(document["confirmed"], "address");
    assert_eq!((&document["bytes"], &document["sha256"]), (&Value::Null, &"14fe96d1".into()));
    bench.write("mine.onnx", "mine");
    let shown = bench.good(&["models", "show", "mine.onnx"]);
    assert!(shown.contains("4 bytes") && shown.contains("no entry has this checksum or name"), "{shown}");
    let told = bench.refused(&["models", "show", "yunett"]);
    assert!(told.contains("yunett: neither a model's name nor a file"), "{told}");
    assert!(told.contains("hint: known models are yunet, "), "{told}");
}

#[test]
fn an_import_says_what_it_took_in() {
    let bench = Bench::new();
    bench.write("mine.onnx", "mine");
    bench.write("notes.txt", "mine");
    let import = ["models", "import", "--models", "models"];
    let with = |more: &[&str]| bench.run(&[&import[..], more].concat());
    let output = with(&["mine.onnx"]);
    assert_eq!(output.stdout, b"models/mine.onnx\n", "{}", told(&output));
    assert!(told(&output).contains("the registry does not know this file"), "{}", told(&output));
    assert!(told(&with(&["mine.onnx"])).contains("nothing to do: the same file is already present"));
    bench.write("mine.onnx", "another");
    let refused = |more: &[&str], expected: &str| {
        let told = bench.refused(&[&import[..], more].concat());
        assert!(told.contains(expected), "{told}");
    };
    refused(&["mine.onnx"], "another file with this name exists");
    refused(&["notes.txt"], "not a model file: unknown extension");
    refused(&["absent.onnx"], "error: absent.onnx: no such file");
    refused(&["mine.onnx", "--name", "scrfd-500m"], "mine.onnx: is not scrfd-500m");
    bench.write("det_500m.onnx", "another");
    refused(&["det_500m.onnx"], "det_500m.onnx: is not scrfd-500m");
    refused(&["mine.onnx", "--name", "../up"], "plain name");
    assert!(told(&with(&["mine.onnx", "--replace"])).contains("7 bytes, SHA-256 "));
    assert_eq!(names(&bench), ["mine.onnx"]);
    bench.write("file", "no folder");
    let told = bench.refused(&["models", "import", "mine.onnx", "--models", "file"]);
    assert!(told.contains("error: file: is not a folder"), "{told}");
    let told = bench.refused(&["models", "pull", "yunet", "--models", "file"]);
    assert!(told.contains("error: file: is not a folder"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_hangs_up_ends_the_program_quietly() {
    let bench = Bench::new();
    bench.write("mine.onnx", "mine");
    for args in [
        &["models", "list"][..],
        &["models", "list", "--json"],
        &["models", "show", "yunet"],
        &["models", "show", "mine.onnx"],
        &["models", "import", "mine.onnx", "--models", "models"],
    ] {
        // The reader's end is closed before the program starts.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = bench.command(args).stdout(writer).output().unwrap();
        let told = told(&output);
        assert!(!told.contains("panicked") && !told.contains("error"), "{args:?}: {told}");
        assert_eq!(output.status.code(), Some(0), "{args:?}: {told}");
    }
}

#[test]
fn a_download_that_is_not_the_file_leaves_nothing() {
    let bench = Bench::new();
    let pull =
        |name: &str, url: &str| bench.refused(&["models", "pull", name, "--url", url, "--models", "models"]);
    let same_length = server("200 OK", vec![7; 229_738]);
    let told = pull("yunet", &same_length);
    assert!(
        told.contains("wrong checksum: expected SHA-256 ebafce4e")
            && told.contains("hint: the download was deleted")
    );
    let told = pull("yunet", &server("200 OK", vec![7; 1000]));
    assert!(told.contains("expected a file of 229738 bytes, the server offers one of 1000"), "{told}");
    let told = pull("resnet50-timm", &server("200 OK", vec![7; 1000]));
    assert!(told.contains("wrong checksum: expected SHA-256 14fe96d1"), "{told}");
    let told = pull("yunet", &server("404 Not Found", Vec::new()));
    assert!(
        told.contains("the server has no such file (404") && told.contains("`likeness models import`"),
        "{told}"
    );
    let told = pull("scrfd-500m", &server("503 Service Unavailable", Vec::new()));
    assert!(told.contains("warning: InsightFace's weights are for non-commercial research only"), "{told}");
    assert!(told.contains("busy or broken") && told.contains("hint: try again later"), "{told}");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let told = pull("yunet", &format!("http://{closed}/x"));
    assert!(told.contains("the connection was refused") && told.contains("hint: "), "{told}");
    assert!(names(&bench).is_empty(), "{:?}", names(&bench));
}

#[test]
fn what_cannot_be_pulled_is_told_with_the_way_out() {
    let bench = Bench::new();
    let told = bench.refused(&["models", "pull", "mobilefacenet-arcface-128d", "--models", "models"]);
    assert!(told.contains("no public address is known") && told.contains("models import FILE"), "{told}");
    let told = bench.refused(&["models", "pull", "yunett", "--models", "models"]);
    assert!(told.contains("yunett: neither a model's name nor a file"), "{told}");
    let told = bench.refused(&["models", "pull", "yunet", "--url", "ftp://a/b", "--models", "models"]);
    assert!(told.contains("begins with https:// or http://"), "{told}");
}
