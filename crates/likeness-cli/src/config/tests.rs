use clap::CommandFactory as _;

use super::*;
use crate::args::Args;

/// The settings with these environment variables.
fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let look =
        |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
    Config::load(&Args::command(), &look)
}

#[test]
fn every_variable_has_its_own_name() {
    let mut names: Vec<String> = KEYS.iter().map(Key::variable).collect();
    assert!(names.contains(&"LIKENESS_ENGINE_LIBRARY".to_owned()));
    assert!(!names.contains(&FILE_VARIABLE.to_owned()));
    names.sort();
    names.dedup();
    assert_eq!(names.len(), KEYS.len());
}

#[test]
fn without_a_folder_for_settings_the_defaults_apply() {
    let config = load(&[]).unwrap();
    assert!(config.settings().iter().all(|setting| setting.origin == Origin::Default));
    assert!(config.settings().iter().any(|setting| setting.key.name == "engine"));
}

#[cfg(not(any(windows, target_os = "macos")))]
#[test]
fn the_file_is_in_the_folder_of_the_xdg_specification() {
    let place = |variables: &[(&str, &str)]| {
        file::place(&|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value))
        })
    };
    let home = ("HOME", "/home/me");
    let in_home = Some(PathBuf::from("/home/me/.config/likeness/config.toml"));
    assert_eq!(place(&[home]), in_home);
    assert_eq!(place(&[home, ("XDG_CONFIG_HOME", "relative")]), in_home);
    assert_eq!(place(&[home, ("XDG_CONFIG_HOME", "/x")]), Some(PathBuf::from("/x/likeness/config.toml")));
    assert_eq!(place(&[home, ("LIKENESS_CONFIG", "a.toml")]), Some(PathBuf::from("a.toml")));
    assert_eq!(place(&[]), None);
}

#[test]
fn every_spelling_that_a_boolean_flag_accepts_has_a_value() {
    for (text, on) in
        [("1", true), ("Yes", true), ("on", true), ("0", false), ("off", false), ("FALSE", false)]
    {
        let config = load(&[("LIKENESS_FLIPS", text)]).unwrap();
        let flips = config.settings().iter().find(|setting| setting.key.name == "flips").unwrap();
        assert_eq!(flips.as_json(), on, "{text}");
    }
    assert!(matches!(load(&[("LIKENESS_FLIPS", "maybe")]), Err(ConfigError::Invalid { key: "flips", .. })));
}

#[test]
fn the_program_parses_with_every_setting_as_a_default() {
    let variables = [
        ("LIKENESS_MODEL", "color"),
        ("LIKENESS_MODELS", "/models"),
        ("LIKENESS_FLIPS", "1"),
        ("LIKENESS_THREADS", "3"),
        ("LIKENESS_DEVICE", "cuda:1"),
    ];
    let command = load(&variables).unwrap().apply(Args::command());
    // Checks the defaults of every flag, in builds with debug assertions.
    command.clone().debug_assert();
    for line in [
        "likeness match a b --json",
        "likeness models import net.onnx -o folder",
        "likeness evaluate a --flips",
        "likeness models show yunet",
    ] {
        command.clone().try_get_matches_from(line.split(' ')).unwrap();
    }
}
