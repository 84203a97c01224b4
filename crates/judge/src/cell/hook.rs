//! The way into a cell: a function that the loader calls before `main` of every program that links this crate.
//! It does nothing unless the program was started under the marker name.

use std::ffi::{CStr, c_char, c_int};
use std::sync::atomic::{AtomicBool, Ordering};

/// The name (`argv[0]`) under which the judge starts itself again as a cell.
pub(crate) const MARKER: &str = "mapcoder-judge-cell";

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// True when the hook ran in this program, so that starting it again under the marker name gives a cell.
pub(crate) fn is_installed() -> bool {
    INSTALLED.load(Ordering::Relaxed)
}

#[used]
#[unsafe(link_section = ".init_array")]
static HOOK: extern "C" fn(c_int, *const *const c_char, *const *const c_char) = divert;

extern "C" fn divert(argc: c_int, argv: *const *const c_char, _: *const *const c_char) {
    INSTALLED.store(true, Ordering::Relaxed);
    if argc < 1 || argv.is_null() {
        return;
    }
    // SAFETY: the loader passes `argc` valid C strings.
    let name = unsafe { CStr::from_ptr(*argv) };
    if name.to_bytes() == MARKER.as_bytes() {
        super::outer::run();
    }
}
