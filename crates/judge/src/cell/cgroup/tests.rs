use super::parents;

/// Where groups of a controller may be made, as text.
fn check(mounts: &str, memberships: &str, controller: Option<&str>, expect: &[&str]) {
    let parents = parents(mounts, memberships, controller);
    let parents: Vec<_> = parents.iter().filter_map(|path| path.to_str()).collect();
    assert_eq!(parents, expect);
}

/// Version 1, and version 2 without controllers beside it.
const HYBRID: &str = "\
sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0
tmpfs /sys/fs/cgroup tmpfs ro,nosuid,nodev,noexec,size=4096k,nr_inodes=1024,mode=755 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,nosuid,nodev,noexec,relatime,memory 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,nosuid,nodev,noexec,relatime,pids 0 0
";
const IN_HYBRID: &str = "\
9:pids:/user.slice/user-1000.slice
5:memory:/user.slice
4:cpu,cpuacct:/
0::/user.slice/user-1000.slice/session-3.scope
";

#[test]
fn version_1_has_a_tree_for_each_controller() {
    let root = "/sys/fs/cgroup/memory";
    let own = "/sys/fs/cgroup/memory/user.slice";
    check(HYBRID, IN_HYBRID, Some("memory"), &[own, root]);
    check(
        HYBRID,
        IN_HYBRID,
        Some("pids"),
        &[
            "/sys/fs/cgroup/pids/user.slice/user-1000.slice",
            "/sys/fs/cgroup/pids/user.slice",
            "/sys/fs/cgroup/pids",
        ],
    );
    // Two controllers in one tree, and a group that is its root.
    let both = "/sys/fs/cgroup/cpu,cpuacct";
    check(HYBRID, IN_HYBRID, Some("cpuacct"), &[both]);
    check(HYBRID, IN_HYBRID, Some("cpu"), &[both]);
    check(HYBRID, IN_HYBRID, Some("hugetlb"), &[]);
}

#[test]
fn beside_version_1_version_2_has_a_tree_of_its_own() {
    check(
        HYBRID,
        IN_HYBRID,
        None,
        &[
            "/sys/fs/cgroup/unified/user.slice/user-1000.slice/session-3.scope",
            "/sys/fs/cgroup/unified/user.slice/user-1000.slice",
            "/sys/fs/cgroup/unified/user.slice",
            "/sys/fs/cgroup/unified",
        ],
    );
}

const V2: &str = "\
proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot 0 0
";

#[test]
fn in_a_delegated_scope_the_group_above_comes_next() {
    let scope = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r8c1f.scope\n";
    let user = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service";
    check(
        V2,
        scope,
        None,
        &[
            &format!("{user}/app.slice/run-r8c1f.scope"),
            &format!("{user}/app.slice"),
            user,
            "/sys/fs/cgroup/user.slice/user-1000.slice",
            "/sys/fs/cgroup/user.slice",
            "/sys/fs/cgroup",
        ],
    );
    check(V2, scope, Some("memory"), &[]);
}

#[test]
fn a_namespace_shows_the_root_or_what_cannot_be_reached() {
    check(V2, "0::/\n", None, &["/sys/fs/cgroup"]);
    check(V2, "0::/../../system.slice\n", None, &["/sys/fs/cgroup"]);
    check("", "0::/\n", None, &[]);
    check(V2, "", None, &["/sys/fs/cgroup"]);
}
