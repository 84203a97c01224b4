use std::path::Path;

use super::available;

/// What is available in a made-up file system of these files.
fn check(files: &[(&str, &str)], expect: Option<u64>) {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    assert_eq!(available(root.path()), expect);
}

const V2_MOUNTS: (&str, &str) = (
    "proc/self/mounts",
    "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n",
);

const V1_MOUNTS: (&str, &str) = (
    "proc/self/mounts",
    "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n",
);

#[test]
fn of_version_2_the_tightest_group_counts() {
    let own = ("proc/self/cgroup", "0::/a.slice/b.scope\n");
    let above = [
        ("sys/fs/cgroup/a.slice/memory.max", "5000\n"),
        ("sys/fs/cgroup/a.slice/memory.current", "4000\n"),
        (
            "sys/fs/cgroup/a.slice/memory.stat",
            "anon 1\ninactive_file 500\nfile 700\n",
        ),
    ];
    let below = [
        ("sys/fs/cgroup/a.slice/b.scope/memory.max", "max\n"),
        ("sys/fs/cgroup/a.slice/b.scope/memory.current", "300\n"),
    ];
    let all = [&[V2_MOUNTS, own], &above[..], &below[..]].concat();
    check(&all, Some(1500));
    let tighter = [
        ("sys/fs/cgroup/a.slice/b.scope/memory.max", "1000\n"),
        ("sys/fs/cgroup/a.slice/b.scope/memory.current", "300\n"),
    ];
    check(
        &[&[V2_MOUNTS, own], &above[..], &tighter].concat(),
        Some(700),
    );
    check(&[&[V2_MOUNTS, own], &below[..]].concat(), None);
}

#[test]
fn the_root_of_a_container_is_our_own_group() {
    // The path is the host's, where it is not that of a namespace.
    for own in ["0::/\n", "0::/../../other\n", "0::/docker/0123\n"] {
        let files = [
            V2_MOUNTS,
            ("proc/self/cgroup", own),
            ("sys/fs/cgroup/memory.max", "900\n"),
            ("sys/fs/cgroup/memory.current", "1000\n"),
        ];
        check(&files, Some(0));
    }
}

#[test]
fn version_1_is_read_by_its_own_names() {
    let files = [
        V1_MOUNTS,
        ("proc/self/cgroup", "2:cpu:/x\n1:memory:/y\n0::/\n"),
        (
            "sys/fs/cgroup/memory/memory.limit_in_bytes",
            "9223372036854771712\n",
        ),
        ("sys/fs/cgroup/memory/memory.usage_in_bytes", "7\n"),
        ("sys/fs/cgroup/memory/y/memory.limit_in_bytes", "2000\n"),
        ("sys/fs/cgroup/memory/y/memory.usage_in_bytes", "1200\n"),
        (
            "sys/fs/cgroup/memory/y/memory.stat",
            "inactive_file 1\ntotal_inactive_file 200\n",
        ),
        ("sys/fs/cgroup/cpu/x/memory.limit_in_bytes", "1\n"),
        ("sys/fs/cgroup/cpu/x/memory.usage_in_bytes", "0\n"),
    ];
    check(&files, Some(1000));
}

#[test]
fn without_control_groups_nothing_is_limited() {
    check(&[], None);
    check(&[V2_MOUNTS, ("proc/self/cgroup", "0::/\n")], None);
    let here = available(Path::new("/"));
    assert!(here.is_none_or(|bytes| bytes > 0), "{here:?}");
}
