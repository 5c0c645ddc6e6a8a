//! Defaults from environment variables and the configuration file.

use std::process::Output;

use serde_json::{Value, json};

use crate::bench::{Bench, told};

/// The place of the configuration file of a test.
const FILE: &str = if cfg!(target_os = "macos") {
    "Library/Application Support/likeness/config.toml"
} else {
    "config/likeness/config.toml"
};

/// Runs the program with environment variables.
fn run(bench: &Bench, variables: &[(&str, &str)], args: &[&str]) -> Output {
    bench.command(args).envs(variables.iter().copied()).output().unwrap()
}

/// Runs a command that fails because of the settings, and returns its stderr.
fn refused(bench: &Bench, variables: &[(&str, &str)], args: &[&str]) -> String {
    let output = run(bench, variables, args);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(output.stdout.is_empty() && told.contains("error: ") && told.contains("hint: "), "{told}");
    told
}

/// A setting of `config show --json`: value, origin, source, line.
fn shown(bench: &Bench, variables: &[(&str, &str)], key: &str) -> Value {
    let output = run(bench, variables, &["config", "show", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of_key = |setting: &&Value| setting["key"] == key;
    let setting = document["settings"].as_array().unwrap().iter().find(of_key).unwrap();
    json!([setting["value"], setting["origin"], setting["source"], setting["line"]])
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let bench = Bench::with_photos();
    let model_of = |variables: &[(&str, &str)], flags: &[&str]| {
        let output = run(&bench, variables, &[&["evaluate", "photos", "--json"], flags].concat());
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["model"].clone()
    };
    let variable = [("LIKENESS_MODEL", "texture")];
    assert_eq!(shown(&bench, &[], "engine"), json!(["auto", "default", null, null]));
    bench.write(FILE, "# Models\nmodel = \"edge\"\nengine = 'rten'\n");
    let named: Vec<Value> =
        vec![model_of(&[], &[]), model_of(&variable, &[]), model_of(&variable, &["--model", "color"])];
    let fingerprints = |name: &str| model_of(&[], &["--model", name]);
    assert_eq!(named, ["edge", "texture", "color"].map(fingerprints));
    let file = bench.at(FILE).display().to_string();
    assert_eq!(shown(&bench, &[], "model"), json!(["edge", "file", file, 2]));
    assert_eq!(shown(&bench, &variable, "model"), json!(["texture", "environment", "LIKENESS_MODEL", null]));
    assert_eq!(shown(&bench, &[("LIKENESS_MODEL", "")], "model")[0], "edge", "an empty variable is not set");
    assert_eq!(shown(&bench, &variable, "engine"), json!(["rten", "file", file, 3]));
}

#[test]
fn show_prints_lines_of_a_configuration_file() {
    let bench = Bench::new();
    bench.write(FILE, "threads = 0x10\nflips = true\n");
    let variables = [("LIKENESS_MODEL", "a \"b\".onnx"), ("LIKENESS_MAX_WIDTH", "700")];
    let output = run(&bench, &variables, &["config", "show"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for line in
        ["model = 'a \"b\".onnx'", "flips = true", "threads = 16", "max-width = 700", "engine = \"auto\""]
    {
        assert!(text.lines().any(|l| l == line), "{line}: {text}");
    }
    assert!(text.contains("\n# cache: not set\n"), "{text}");
    bench.write(FILE, &text);
    assert_eq!(bench.good(&["config", "show"]), text, "the printed settings are a configuration file");
    let with_origin = bench.good(&["config", "show", "--origin"]);
    let origin = |key: &str| {
        let line = with_origin.lines().find(|line| line.trim_start_matches("# ").starts_with(key)).unwrap();
        line.rsplit_once("  # ").unwrap().1.to_owned()
    };
    assert_eq!(origin("cache"), "default");
    let number = 1 + text.lines().position(|line| line.starts_with("threads")).unwrap();
    assert_eq!(origin("threads"), format!("{}:{number}", bench.at(FILE).display()));
}

#[test]
fn a_boolean_flag_overrides_a_setting_in_both_directions() {
    let bench = Bench::with_photos();
    let model = |setting: &str, flags: &[&str]| {
        let args = [&["evaluate", "photos", "--model", "color", "--json"], flags].concat();
        let output = run(&bench, &[("LIKENESS_FLIPS", setting)], &args);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["model"].clone()
    };
    let (with, without) = (model("", &["--flips"]), model("", &[]));
    assert_ne!(with, without);
    assert_eq!(model("1", &[]), with);
    assert_eq!(model("true", &["--flips=false"]), without);
    assert_eq!(model("off", &["--flips"]), with);
}

#[test]
fn help_shows_the_default_in_effect_and_its_origin() {
    let bench = Bench::new();
    bench.write(FILE, "threads = 3\nmodels = 'nets'\n");
    let output = run(&bench, &[("LIKENESS_ENGINE", "rten"), ("COLUMNS", "400")], &["embed", "--help"]);
    let help = String::from_utf8(output.stdout).unwrap().replace("\n          ", " ");
    assert!(help.contains("[default: rten, from environment variable LIKENESS_ENGINE]"), "{help}");
    assert!(help.contains("Number of worker threads [default: 3, from "), "{help}");
    assert!(!help.contains("one per core"), "{help}");
}

#[test]
fn paths_in_the_file_are_relative_to_its_folder() {
    let bench = Bench::new();
    bench
        .write(FILE, "model = 'nets/face.onnx'\ndetector = 'yunet'\nmodels = '~/models'\ncache = '/cache'\n");
    let folder = bench.at(FILE).parent().unwrap().to_owned();
    let path = |key: &str| shown(&bench, &[], key)[0].as_str().unwrap().to_owned();
    assert_eq!(path("model"), folder.join("nets/face.onnx").display().to_string());
    assert_eq!(path("detector"), "yunet", "a name is no path");
    assert_eq!(path("models"), bench.at("models").display().to_string());
    assert_eq!(path("cache"), "/cache");
    assert_eq!(shown(&bench, &[("LIKENESS_CACHE", "here")], "cache")[0], "here");
}

#[test]
fn models_are_searched_in_the_folder_of_the_file() {
    let bench = Bench::new();
    bench.write("mine/face.onnx", "no network");
    bench.write(FILE, "models = '~/mine'\n");
    let found = bench.json(&["models", "list", "--json"]);
    assert_eq!(found["folders"][0], bench.at("mine").display().to_string());
    let output = run(&bench, &[("LIKENESS_MODELS", "other")], &["models", "list", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["folders"][0], "other");
    // `models import -o` rejects the flag --models, but not the setting.
    let told = bench.refused(&["models", "import", "mine/face.onnx", "-o", "out"]);
    assert!(!told.contains("cannot be used with"), "{told}");
}

#[test]
fn a_wrong_value_names_variable_or_line() {
    let bench = Bench::new();
    let cases = [
        ("LIKENESS_ENGINE", "foo", "LIKENESS_ENGINE=foo: expected one of auto, direct, rten"),
        ("LIKENESS_THREADS", "many", "LIKENESS_THREADS=many: invalid digit"),
        ("LIKENESS_MAX_MEMORY", "0", "LIKENESS_MAX_MEMORY=0: 0 is not in 1..=1048576"),
        ("LIKENESS_FLIPS", "maybe", "LIKENESS_FLIPS=maybe: expected true or false"),
    ];
    for (name, value, expected) in cases {
        for args in [&["config", "show"][..], &["models", "list"]] {
            let told = refused(&bench, &[(name, value)], args);
            assert!(told.contains(&format!("error: {expected}")), "{told}");
        }
        assert_eq!(run(&bench, &[(name, value)], &["match", "--help"]).status.code(), Some(0));
        assert_eq!(run(&bench, &[(name, value)], &["config", "path"]).status.code(), Some(0));
    }
    let cases = [
        ("\nengine = \"foo\"", ":2: engine = \"foo\": expected one of auto, "),
        ("max-width = 0", ":1: max-width = 0: 0 is not in 1.."),
        ("threads = -1", ":1: threads = -1: invalid digit"),
        (
            "threads = 99999999999999999999999999",
            ":1: threads = 99999999999999999999999999: number too large",
        ),
        ("threads = '4'", ":1: threads: expected an integer, found a string"),
        ("threads = 1.5", ":1: threads: expected an integer, found a float"),
        ("flips = 1", ":1: flips: expected true or false, found an integer"),
        ("model = true", ":1: model: expected a name or a path as a string, found a boolean"),
        ("cache = ['a']", ":1: cache: expected a path as a string, found an array"),
        ("cache = ''", ":1: cache: expected a path as a string, found an empty string"),
        ("modle = 'color'", ":1: unknown setting \"modle\""),
        ("threads = 1\n[match]\nk = 5", ":2: unknown setting \"match\""),
        ("threads = 1\nthreads = 2", ":2: duplicate key"),
        ("threads: 1", ":1: "),
    ];
    for (text, expected) in cases {
        bench.write(FILE, text);
        let told = refused(&bench, &[], &["config", "show"]);
        assert!(told.contains(&format!("error: {}{expected}", bench.at(FILE).display())), "{text}: {told}");
    }
}

#[test]
fn an_overridden_line_of_the_file_is_checked_too() {
    let bench = Bench::new();
    bench.write(FILE, "engine = 'foo'");
    let told = refused(&bench, &[("LIKENESS_ENGINE", "rten")], &["config", "show"]);
    assert!(told.contains("engine = \"foo\": expected one of"), "{told}");
}

#[test]
fn an_unknown_setting_is_answered_with_the_known_ones() {
    let bench = Bench::new();
    bench.write(FILE, "engine_library = 'x'");
    let told = refused(&bench, &[], &["models", "list"]);
    assert!(
        told.contains("hint: the settings are model, detector, ") && told.contains("engine-library"),
        "{told}"
    );
    bench.write(FILE, "[models]\nthreads = 1");
    assert!(
        refused(&bench, &[], &["models", "list"])
            .contains("models: expected a path as a string, found a table")
    );
    bench.write(FILE, "[engines]\nthreads = 1");
    assert!(refused(&bench, &[], &["models", "list"]).contains("settings are in no section"));
}

#[test]
fn likeness_config_names_another_file() {
    let bench = Bench::new();
    bench.write(FILE, "threads = 1");
    bench.write("mine.toml", "threads = 2");
    assert_eq!(
        shown(&bench, &[("LIKENESS_CONFIG", "mine.toml")], "threads"),
        json!([2, "file", "mine.toml", 1])
    );
    assert_eq!(shown(&bench, &[("LIKENESS_CONFIG", "")], "threads")[0], 1);
    let output = run(&bench, &[("LIKENESS_CONFIG", "mine.toml")], &["config", "path"]);
    assert_eq!((output.stdout.as_slice(), told(&output).as_str()), (&b"mine.toml\n"[..], ""));
    let gone = [("LIKENESS_CONFIG", "gone.toml")];
    let message = refused(&bench, &gone, &["models", "list"]);
    assert!(message.contains("error: gone.toml: no such configuration file"), "{message}");
    let output = run(&bench, &gone, &["config", "path"]);
    assert_eq!(output.stdout, b"gone.toml\n");
    assert!(told(&output).contains("the file does not exist"), "{}", told(&output));
}

#[test]
fn files_that_are_no_text_are_refused_and_an_empty_one_is_not() {
    let bench = Bench::new();
    bench.write(FILE, "");
    assert_eq!(shown(&bench, &[], "engine")[1], "default");
    bench.write(FILE, "\u{feff}threads = 7\r\nengine = 'rten'\r\n");
    assert_eq!(shown(&bench, &[], "threads")[0], 7, "a byte order mark is skipped");
    assert_eq!(shown(&bench, &[], "engine")[3], 2);
    bench.write(FILE, b"threads = 1\n# caf\xe9\n");
    let told = refused(&bench, &[], &["config", "show"]);
    assert!(told.contains("config.toml:2: not valid UTF-8"), "{told}");
    bench.write(FILE, vec![b'\n'; (1 << 20) + 1]);
    let told = refused(&bench, &[], &["config", "show"]);
    assert!(told.contains("at most 1048576 bytes, found more"), "{told}");
    fs_err::remove_file(bench.at(FILE)).unwrap();
    fs_err::create_dir(bench.at(FILE)).unwrap();
    let told = refused(&bench, &[], &["config", "show"]);
    assert!(told.contains("expected a configuration file, found a folder"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_a_path_or_an_error() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let bench = Bench::new();
    let odd = OsStr::from_bytes(b"caf\xe9");
    let output = bench.command(&["models", "list"]).env("LIKENESS_MODEL", odd).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told(&output).contains("error: LIKENESS_MODEL=caf\u{fffd}: not valid UTF-8"),
        "{}",
        told(&output)
    );
    bench.write("net.onnx", "not checked");
    let import = ["models", "import", "net.onnx"];
    let output = bench.command(&import).env("LIKENESS_MODELS", odd).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(bench.path().join(odd).join("net.onnx").exists());
}

#[test]
fn a_failed_command_names_the_settings_in_effect() {
    let bench = Bench::with_photos();
    let embed = ["embed", "photos", "-o", "x.embeddings"];
    let told = refused(&bench, &[("LIKENESS_MODEL", "nonsense"), ("LIKENESS_DEVICE", "cuda")], &embed);
    let note = "note: settings in effect: model = \"nonsense\" (environment variable LIKENESS_MODEL)\n";
    assert!(told.ends_with(note), "a flag of other commands is not named: {told}");
    let told = bench.refused(&[&embed[..], &["--model", "nonsense"]].concat());
    assert!(!told.contains("note: settings"), "{told}");
}

#[test]
fn a_configured_model_does_not_reject_embeddings_of_another() {
    let bench = Bench::with_photos();
    bench.good(&["embed", "photos", "-o", "x.embeddings", "--model", "color"]);
    let configured = [("LIKENESS_MODEL", "edge")];
    let output = run(&bench, &configured, &["evaluate", "x.embeddings", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let told = refused(&bench, &configured, &["evaluate", "x.embeddings", "--model", "edge"]);
    assert!(told.contains("its embeddings come from the model color"), "{told}");
    // Photos beside the embeddings are embedded with the configured model, which is not comparable.
    let output = run(&bench, &configured, &["match", "photos", "x.embeddings"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && message.contains("as in the gallery (color)"), "{message}");
}

#[test]
fn the_variable_of_onnx_runtime_wins_over_the_file() {
    let bench = Bench::new();
    bench.write(FILE, "engine-library = '/opt/file.so'");
    let variable = [("ORT_DYLIB_PATH", "/opt/variable.so")];
    assert_eq!(
        shown(&bench, &variable, "engine-library"),
        json!(["/opt/variable.so", "environment", "ORT_DYLIB_PATH", null])
    );
    let both = [variable[0], ("LIKENESS_ENGINE_LIBRARY", "/opt/ours.so")];
    assert_eq!(shown(&bench, &both, "engine-library")[0], "/opt/ours.so");
}
