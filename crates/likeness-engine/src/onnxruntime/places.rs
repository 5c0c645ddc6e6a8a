//! Where ONNX Runtime's library may lie: the environment enters, files leave, the likeliest first.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The variable that names the file, as in all programs that load it at run time.
pub(super) const VARIABLE: &str = "ORT_DYLIB_PATH";

/// Folders in which packages and people install libraries.
const SYSTEM: [&str; 7] = [
    "/usr/local/lib",
    "/opt/onnxruntime/lib",
    "/opt/homebrew/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
];

/// The files that are there, given the environment's variables: beside the program, in the active Python environment,
/// on the library path, in the system's folders, and with the Python on the path.
pub(super) fn candidates(variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        folders.extend([folder.to_owned(), folder.join("lib")]);
    }
    for name in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        folders.extend(variable(name).iter().flat_map(|root| of_python(Path::new(root))));
    }
    for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
        folders.extend(variable(name).iter().flat_map(std::env::split_paths));
    }
    folders.extend(SYSTEM.map(PathBuf::from));
    folders.extend(
        variable("PATH")
            .iter()
            .flat_map(|path| std::env::split_paths(path))
            .find_map(|folder| {
                let python =
                    ["python3", "python"].map(|name| folder.join(name)).into_iter().find(|p| p.is_file());
                python.map(|python| beside_python(&python))
            })
            .unwrap_or_default(),
    );
    if let Some(home) = variable("HOME") {
        folders.extend(of_python(&Path::new(&home).join(".local")));
    }
    let mut found = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_absolute()) {
        let mut here = libraries(folder);
        here.retain(|file| !found.contains(file));
        found.append(&mut here);
    }
    found
}

/// The folders of the onnxruntime package in the Python environments that the program `python` may run, which is never
/// run: its own environment, the installation that a link leads to, and pyenv's versions behind its stand-in.
fn beside_python(python: &Path) -> Vec<PathBuf> {
    let root = |program: &Path| program.parent().and_then(Path::parent).map(Path::to_owned);
    let mut roots: Vec<PathBuf> = root(python).into_iter().collect();
    roots.extend(fs_err::canonicalize(python).ok().and_then(|program| root(&program)));
    if python.parent().is_some_and(|folder| folder.ends_with("shims")) {
        let versions = roots.iter().flat_map(|root| entries(&root.join("versions"))).collect::<Vec<_>>();
        roots.extend(versions);
    }
    roots.iter().flat_map(|root| of_python(root)).collect()
}

/// The folders of the onnxruntime package in the Python environment at `root`.
fn of_python(root: &Path) -> Vec<PathBuf> {
    let versions = entries(&root.join("lib"));
    let versions = versions.iter().filter(|folder| {
        folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python3"))
    });
    let packages = versions.flat_map(|v| [v.join("site-packages"), v.join("dist-packages")]);
    packages
        .chain([root.join("Lib").join("site-packages")])
        .map(|p| p.join("onnxruntime").join("capi"))
        .collect()
}

/// The libraries in `folder`, the newest version first.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = entries(folder)
        .into_iter()
        .filter(|file| file.is_file() && file.file_name().is_some_and(|n| is_library(&n.to_string_lossy())))
        .collect();
    found.sort_by_cached_key(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        std::cmp::Reverse(
            version_in(&name).split('.').map(|n| n.parse::<u64>().unwrap_or(0)).collect::<Vec<_>>(),
        )
    });
    found
}

fn is_library(name: &str) -> bool {
    if name == "onnxruntime.dll" {
        return cfg!(windows);
    }
    let after = name.strip_prefix("libonnxruntime").unwrap_or_default();
    match cfg!(target_os = "macos") {
        true => after.ends_with(".dylib") && !after.contains("providers"),
        false => after == ".so" || after.starts_with(".so."),
    }
}

/// The version in a library's file name, such as 1.32.0; empty where there is none.
pub(super) fn version_in(name: &str) -> &str {
    let start = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
    let rest = &name[start..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].trim_end_matches('.')
}

/// What lies in `folder`, in order; nothing where it is not there.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs_err::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    paths
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn file(path: PathBuf) -> PathBuf {
        fs_err::create_dir_all(path.parent().expect("below a folder")).expect("a folder");
        fs_err::write(&path, b"").expect("a file");
        path
    }

    #[test]
    fn the_active_environment_comes_before_the_library_path_and_python() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let capi = "lib/python3.11/site-packages/onnxruntime/capi";
        let active = file(at("active").join(capi).join("libonnxruntime.so.1.32.0"));
        file(at("active").join(capi).join("libonnxruntime_providers_shared.so"));
        let old = file(at("libs/libonnxruntime.so.1.9.2"));
        let new = file(at("libs/libonnxruntime.so.1.30.0"));
        let python = file(at("other/bin/python3"));
        let other = file(at("other").join(capi).join("libonnxruntime.so.1.20.1"));
        let variable = |name: &str| match name {
            "VIRTUAL_ENV" => Some(at("active").into_os_string()),
            "LD_LIBRARY_PATH" => Some(at("libs").into_os_string()),
            "PATH" => Some(python.parent().unwrap().as_os_str().to_owned()),
            _ => None,
        };
        let mut found = candidates(&variable);
        found.retain(|path| path.starts_with(folder.path()));
        assert_eq!(found, [active, new, old, other]);
    }

    #[test]
    fn a_link_to_python_and_pyenvs_stand_in_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let capi = "lib/python3.12/site-packages/onnxruntime/capi/libonnxruntime.so.1.31.0";
        let (python, real) = (file(at("real/bin/python3")), file(at("real").join(capi)));
        fs_err::create_dir_all(at("bin")).unwrap();
        std::os::unix::fs::symlink(&python, at("bin/python3")).unwrap();
        file(at("pyenv/shims/python3"));
        let version = file(at("pyenv/versions/3.12.1").join(capi));
        for (bin, expected) in [("bin", real), ("pyenv/shims", version)] {
            let variable = |name: &str| (name == "PATH").then(|| at(bin).into_os_string());
            let mut found = candidates(&variable);
            found.retain(|path| path.starts_with(folder.path()));
            assert_eq!(found, [expected]);
        }
    }

    #[test]
    fn versions_are_read_from_names() {
        assert_eq!(version_in("libonnxruntime.so.1.32.0"), "1.32.0");
        assert_eq!(version_in("libonnxruntime.1.20.dylib"), "1.20");
        assert_eq!(version_in("libonnxruntime.so"), "");
    }
}
