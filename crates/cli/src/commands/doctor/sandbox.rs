use domain::{Language, Rung};
use judge::Probe;

use super::{Area, Finding, State};
use crate::settings::Settings;

/// What the judge can do here, by trying it.
pub(super) fn look(settings: &Settings) -> Vec<Finding> {
    let probes = judge::probe(&settings.for_judge());
    findings(&probes, settings.judge.min_rung, settings.language)
}

fn findings(probes: &[Probe], least: Rung, language: Language) -> Vec<Finding> {
    let works = |rung: Rung| {
        let name = format!("rung {rung}");
        probes
            .iter()
            .any(|probe| probe.name == name && probe.result.is_ok())
    };
    let strongest = [Rung::Full, Rung::Userns, Rung::Landlock]
        .into_iter()
        .find(|&rung| works(rung));
    let mut findings = vec![isolation(strongest, least)];
    for probe in probes {
        let (state, advice) = match (&probe.result, probe.name.as_str()) {
            (Ok(_), _) => (State::Ok, None),
            (Err(_), "rung full") => (
                State::Note,
                Some(
                    "for control groups: run as root, or as `systemd-run --user --scope -p Delegate=yes mapcoder …`",
                ),
            ),
            (Err(_), "rung userns") => (
                State::Note,
                Some(
                    "for a file system of its own: allow unprivileged user namespaces \
                 (`sysctl kernel.unprivileged_userns_clone=1`, on Ubuntu \
                 `sysctl kernel.apparmor_restrict_unprivileged_userns=0`; in Docker a seccomp profile that allows them)",
                ),
            ),
            (Err(_), "rung landlock") => (
                State::Note,
                Some(
                    "for Landlock: a kernel from 5.13 on that lists `landlock` in /sys/kernel/security/lsm",
                ),
            ),
            (Err(_), _) => (State::Note, None),
        };
        let (Ok(detail) | Err(detail)) = &probe.result;
        let mut finding = Finding::new(Area::Judge, &probe.name, state, detail);
        finding.advice = advice.map(String::from);
        if let (Err(_), Ok(missing)) = (&probe.result, probe.name.parse::<Language>()) {
            // Most tests are in Python, whatever the language of the programs.
            if missing == Language::Python || missing == language {
                finding.state = State::Broken;
            }
            let packages = judge::packages(missing);
            let title = missing.title();
            finding.advice = Some(format!("for {title} programs: `apt install {packages}`"));
        }
        findings.push(finding);
    }
    findings
}

/// The strongest rung that holds, against the weakest that the settings accept.
fn isolation(strongest: Option<Rung>, least: Rung) -> Finding {
    let name = "isolation";
    match strongest {
        Some(rung) if rung >= least => {
            let detail = format!("rung `{rung}`, {}", meaning(rung));
            Finding::new(Area::Judge, name, State::Ok, detail)
        }
        None if least == Rung::Weak => {
            let detail = "none; programs run with resource limits alone, as `judge.allow_weak` permits";
            Finding::new(Area::Judge, name, State::Note, detail)
                .advice("run in a virtual machine or container that may be lost")
        }
        Some(rung) => {
            let detail = format!("rung `{rung}` holds, the settings ask for `{least}`");
            Finding::new(Area::Judge, name, State::Broken, detail)
                .advice("follow the advice below, or lower `judge.min_rung`")
        }
        None => Finding::new(Area::Judge, name, State::Broken, "no rung holds").advice(
            "follow the advice below; where programs may do any harm, `--allow-weak` runs them without a sandbox",
        ),
    }
}

fn meaning(rung: Rung) -> &'static str {
    match rung {
        Rung::Weak => "resource limits alone",
        Rung::Landlock => "Landlock, seccomp and resource limits",
        Rung::Userns => "user namespaces with a file system of their own, Landlock and seccomp",
        Rung::Full => "namespaces, control groups, Landlock and seccomp",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(name: &str, works: bool) -> Probe {
        Probe {
            name: name.to_string(),
            result: if works {
                Ok("fine".to_string())
            } else {
                Err("refused".to_string())
            },
        }
    }

    fn states(rungs: [bool; 3], least: Rung, language: Language) -> Vec<State> {
        let names = ["rung full", "rung userns", "rung landlock"];
        let mut probes: Vec<Probe> = names
            .into_iter()
            .zip(rungs)
            .map(|(name, works)| probe(name, works))
            .collect();
        probes.push(probe("cpp", false));
        findings(&probes, least, language)
            .into_iter()
            .map(|finding| finding.state)
            .collect()
    }

    #[test]
    fn a_weaker_rung_will_do_unless_the_settings_ask_for_more() {
        use State::{Broken, Note, Ok};
        assert_eq!(
            states([false, false, true], Rung::Landlock, Language::Python),
            [Ok, Note, Note, Ok, Note]
        );
        assert_eq!(
            states([false, false, true], Rung::Userns, Language::Python)[0],
            Broken
        );
        assert_eq!(
            states([false; 3], Rung::Landlock, Language::Python)[0],
            Broken
        );
        assert_eq!(states([false; 3], Rung::Weak, Language::Python)[0], Note);
    }

    #[test]
    fn a_missing_compiler_matters_only_for_its_language() {
        assert_eq!(
            states([true; 3], Rung::Landlock, Language::Cpp).last(),
            Some(&State::Broken)
        );
        assert_eq!(
            states([true; 3], Rung::Landlock, Language::Python).last(),
            Some(&State::Note)
        );
    }
}
