use std::time::Duration;

const MAX_SECONDS: f64 = 3600.0;
const MAX_MIB: u64 = 1 << 20;

pub(super) fn seconds(seconds: f64) -> Result<Duration, String> {
    if seconds > 0.0 && seconds <= MAX_SECONDS {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!(
            "a time limit of {seconds} s is out of range; give more than 0 and at most {MAX_SECONDS} s"
        ))
    }
}

pub(super) fn mebibytes(mib: u64) -> Result<u64, String> {
    if (1..=MAX_MIB).contains(&mib) {
        Ok(mib << 20)
    } else {
        Err(format!(
            "a memory limit of {mib} MiB is out of range; give 1 to {MAX_MIB} MiB"
        ))
    }
}

/// Seconds from text such as `2 s`, `1.5 seconds` or `500 ms`.
pub(super) fn time(text: &str) -> Option<f64> {
    let (number, unit) = split(text)?;
    let factor = match unit.as_str() {
        "s" | "sec" | "second" | "seconds" => 1.0,
        "ms" | "millisecond" | "milliseconds" => 0.001,
        _ => return None,
    };
    Some(number * factor)
}

/// MiB from text such as `256 MB` or `1 GiB`; contest sites write MB and mean MiB.
pub(super) fn memory(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let factor = match unit.as_str() {
        "mb" | "mib" | "megabyte" | "megabytes" => 1.0,
        "gb" | "gib" | "gigabyte" | "gigabytes" => 1024.0,
        _ => return None,
    };
    Some((number * factor) as u64)
}

fn split(text: &str) -> Option<(f64, String)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number = text[..end].parse().ok()?;
    Some((number, text[end..].trim().to_ascii_lowercase()))
}
